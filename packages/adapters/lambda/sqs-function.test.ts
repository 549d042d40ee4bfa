import type { Envelope } from '@tmc/kernel/envelope.ts';
import { retryError, terminalError } from '@tmc/kernel/errors.ts';
import { again, done, superseding } from '@tmc/kernel/result.ts';
import type { Context, SQSEvent, SQSRecord } from 'aws-lambda';
import { describe, expect, it } from 'vitest';
import { type Handle, type SqsFunctionOptions, sqsFunction } from './sqs-function.ts';

const envelope = (name: string, at = 1): Envelope => ({
  v: 1,
  id: `${name}-${at}`,
  at,
  source: { kind: 'hub', id: 'hub', relay: 'r', epoch: 0 },
  key: { workspace: 'ws', group: 'apps', resource: 'deployments', namespace: 'ns', name },
  uid: 'u',
  rv: String(at),
  change: 'upsert',
});

const record = (messageId: string, body: string, receiveCount = 1): SQSRecord => ({
  messageId,
  receiptHandle: `receipt-${messageId}`,
  body,
  attributes: {
    ApproximateReceiveCount: String(receiveCount),
    SentTimestamp: '0',
    SenderId: 's',
    ApproximateFirstReceiveTimestamp: '0',
  },
  messageAttributes: {},
  md5OfBody: '',
  eventSource: 'aws:sqs',
  eventSourceARN: 'arn:aws:sqs:eu:1:sync',
  awsRegion: 'eu',
});

type Options = Partial<Pick<SqsFunctionOptions, 'onParked' | 'settle' | 'now'>>;

function setUp(handle: Handle, leftMs: number | (() => number) = 10_000, options: Options = {}) {
  const counted: Record<string, string>[] = [];
  const logged: Record<string, unknown>[] = [];
  const log = (fields: Record<string, unknown>, message: string) => void logged.push({ ...fields, message });
  const visibility: [string, number][] = [];
  const givenBack: number[] = [];
  const deleted: string[][] = [];
  const parked: [string, string][] = [];
  const run = sqsFunction({
    queue: 'sync',
    handle,
    settle: {
      changeVisibility: async (changes) => {
        givenBack.push(changes.length);
        visibility.push(...changes.map(({ receipt, afterMs }): [string, number] => [receipt, afterMs]));
      },
      delete: async (receipts) => void deleted.push([...receipts]),
      park: async (message, reason) => void parked.push([message.id, reason]),
    },
    log: { debug: log, info: log, warn: log, error: log },
    meter: {
      count: (name, labels, by) => void counted.push({ name, ...labels, by: String(by) }),
      observe: (name, labels, values) => void counted.push({ name, ...labels, values: values.join(' ') }),
    },
    now: () => 5_000,
    ...options,
  });
  const getRemainingTimeInMillis = typeof leftMs === 'number' ? () => leftMs : leftMs;
  const invoke = (...records: SQSRecord[]) =>
    run({ Records: records } as SQSEvent, { getRemainingTimeInMillis } as Context);
  return { invoke, visibility, givenBack, deleted, parked, counted, logged };
}

describe('sqsFunction', () => {
  it('answers each record for itself: one failure does not fail its neighbours', async () => {
    const { invoke, visibility } = setUp(async (e) => (e.key.name === 'bad' ? again(700, 'not yet') : done));
    const response = await invoke(
      record('1', JSON.stringify(envelope('good'))),
      record('2', JSON.stringify(envelope('bad'))),
    );
    expect(response.batchItemFailures).toEqual([{ itemIdentifier: '2' }]);
    expect(visibility).toEqual([['receipt-2', 700]]);
  });

  it('gives all that goes back to the queue in one call, each after its own time', async () => {
    const { invoke, givenBack, visibility } = setUp(async (e) => (e.key.name === 'good' ? done : again(e.at, 'later')));
    const body = (name: string, at: number) => JSON.stringify(envelope(name, at));
    await invoke(record('1', body('a', 7)), record('2', body('good', 1)), record('3', body('b', 9)));
    expect(givenBack).toEqual([2]);
    expect(visibility).toEqual([
      ['receipt-1', 7],
      ['receipt-3', 9],
    ]);
  });

  it('a record that hangs does not hold up those that go back', async () => {
    let finish: () => void = () => undefined;
    const hanging = new Promise<void>((settle) => (finish = settle));
    const { invoke, visibility } = setUp(async (e) => {
      if (e.key.name !== 'slow') return again(10, 'later');
      await hanging;
      return done;
    });
    const invoked = invoke(record('1', JSON.stringify(envelope('slow'))), record('2', JSON.stringify(envelope('a'))));
    await expect.poll(() => visibility).toEqual([['receipt-2', 10]]);
    finish();
    expect((await invoked).batchItemFailures).toEqual([{ itemIdentifier: '2' }]);
  });

  it('when the queue refuses to take them back, says so of each and fails them alone', async () => {
    const settle = {
      changeVisibility: async () => {
        throw new Error('throttled');
      },
      delete: async () => undefined,
      park: async () => undefined,
    };
    const { invoke, logged } = setUp(async (e) => (e.key.name === 'good' ? done : again(5, 'wait')), 10_000, {
      settle,
    });
    const response = await invoke(
      record('1', JSON.stringify(envelope('a'))),
      record('2', JSON.stringify(envelope('good'))),
      record('3', JSON.stringify(envelope('b'))),
    );
    expect(response.batchItemFailures.map((f) => f.itemIdentifier)).toEqual(['1', '3']);
    expect(logged.filter(({ error }) => error === 'throttled').map(({ messageId }) => messageId)).toEqual(['1', '3']);
  });

  describe('what only waits for something later of its key', () => {
    const state = (rv: number, more: Partial<Envelope> = {}) => JSON.stringify({ ...envelope('a', rv), ...more });
    const waits: Handle = async (e) =>
      superseding(e.key.name === 'a' && Number(e.rv) < 9 ? again(3_000, 'in flux') : done);

    it('need not come back when it came, whether that waits as well or is done', async () => {
      const { invoke, deleted, visibility } = setUp(waits);
      await invoke(record('1', state(3)));
      await invoke(record('2', state(5)));
      expect(deleted).toEqual([['receipt-1']]);
      expect(visibility).toHaveLength(2);
      expect(await invoke(record('3', state(9)))).toEqual({ batchItemFailures: [] });
      expect(deleted).toEqual([['receipt-1'], ['receipt-2']]);
    });

    it('of one batch only the latest goes back', async () => {
      const { invoke, visibility } = setUp(waits);
      const response = await invoke(record('1', state(3)), record('2', state(5)), record('3', state(4)));
      expect(response.batchItemFailures).toEqual([{ itemIdentifier: '2' }]);
      expect(visibility).toEqual([['receipt-2', 3_000]]);
    });

    it.each<[string, Partial<Envelope>]>([
      ['an earlier state, however late it was sent', { rv: '2', at: 99 }],
      ['the same state', { rv: '3' }],
      ['another incarnation', { uid: 'another' }],
      ['another epoch', { source: { ...envelope('a').source, epoch: 1 } }],
      ['another object', { key: { ...envelope('b').key } }],
      ['another cause', { drifted: true }],
    ])('comes back although there was %s', async (_title, other) => {
      const { invoke, deleted } = setUp(waits);
      await invoke(record('1', state(3)));
      await invoke(record('2', state(9, other)));
      expect(deleted).toEqual([]);
    });

    it('comes back when the later one was not judged, or itself comes back for another reason', async () => {
      const { invoke, deleted } = setUp(async (e) => {
        if (e.rv === '3') return superseding(again(3_000, 'in flux'));
        if (e.rv === '4') return done;
        throw retryError('the hub does not answer', { type: 'NetworkConnectivity' });
      });
      await invoke(record('1', state(3)));
      await invoke(record('2', state(4)));
      await invoke(record('3', state(5)));
      expect(deleted).toEqual([]);
    });

    it('is left alone once it may have come back to somebody', async () => {
      let nowMs = 0;
      const { invoke, deleted } = setUp(waits, 10_000, { now: () => nowMs });
      await invoke(record('1', state(3)));
      nowMs = 3_000;
      await invoke(record('2', state(9)));
      expect(deleted).toEqual([]);
    });

    it('comes back when it could not be deleted, and nobody else is troubled', async () => {
      const settle = {
        changeVisibility: async () => undefined,
        delete: () => Promise.reject(new Error('throttled')),
        park: async () => undefined,
      };
      const { invoke, logged } = setUp(waits, 10_000, { settle });
      await invoke(record('1', state(3)));
      expect(await invoke(record('2', state(9)))).toEqual({ batchItemFailures: [] });
      expect(logged).toContainEqual({
        queue: 'sync',
        error: 'throttled',
        message: 'superseded messages could not be deleted',
      });
    });
  });

  it('collapses equal keys to one call with the newest state, and all their receipts share the outcome', async () => {
    const seen: number[] = [];
    const { invoke } = setUp(async (e) => {
      seen.push(e.at);
      return again(10, 'wait');
    });
    const response = await invoke(
      record('1', JSON.stringify(envelope('a', 5))),
      record('2', JSON.stringify(envelope('a', 9))),
      record('3', JSON.stringify(envelope('a', 7))),
    );
    expect(seen).toEqual([9]);
    expect(response.batchItemFailures.map((f) => f.itemIdentifier)).toEqual(['1', '2', '3']);
  });

  it('parks what is malformed at once with the reason, in a batch and alone', async () => {
    const { invoke, parked } = setUp(async () => done);
    const old = JSON.stringify({ ...envelope('a'), v: 2 });
    const response = await invoke(record('1', '{'), record('2', old), record('3', JSON.stringify(envelope('a'))));
    expect(response.batchItemFailures).toEqual([]);
    expect(parked.map(([id]) => id)).toEqual(['1', '2']);
    expect(parked[1]?.[1]).toContain('v:');
  });

  it('parks a terminal error, gives a retryable one back after its delay', async () => {
    const { invoke, parked, visibility } = setUp(async (e) => {
      if (e.key.name === 'invalid') throw terminalError('refused by west', { type: 'ResourceValidation' });
      throw retryError('west is throttling', { type: 'ClusterUnavailable', retryAfterMs: 5000 });
    });
    const response = await invoke(
      record('1', JSON.stringify(envelope('invalid'))),
      record('2', JSON.stringify(envelope('slow'))),
    );
    expect(parked).toEqual([['1', 'refused by west']]);
    expect(visibility).toEqual([['receipt-2', 5000]]);
    expect(response.batchItemFailures).toEqual([{ itemIdentifier: '2' }]);
  });

  it('parks a message itself at its last receive, so that it never drags its batch along', async () => {
    const { invoke, parked } = setUp(async () => {
      throw new Error('boom');
    });
    const response = await invoke(record('1', JSON.stringify(envelope('a')), 5));
    expect(response.batchItemFailures).toEqual([]);
    expect(parked).toEqual([['1', 'given up after 5 attempts: internal error: boom']]);
  });

  it('gives back a record that waits for ever before time runs out, and finishes its neighbours', async () => {
    const forever = new Promise<never>(() => undefined);
    const { invoke, visibility } = setUp(async (e) => (e.key.name === 'stuck' ? forever : done), 1_050);
    const response = await invoke(
      record('1', JSON.stringify(envelope('stuck'))),
      record('2', JSON.stringify(envelope('good'))),
    );
    expect(response.batchItemFailures).toEqual([{ itemIdentifier: '1' }]);
    expect(visibility).toEqual([['receipt-1', 1_000]]);
  });

  it('a record that waits for ever is parked with that reason at its last receive', async () => {
    const { invoke, parked } = setUp(() => new Promise<never>(() => undefined), 1_020);
    await invoke(record('1', JSON.stringify(envelope('stuck')), 5));
    expect(parked).toEqual([['1', 'given up after 5 attempts: not finished within 20 ms']]);
  });

  describe('in the last second of an invocation', () => {
    const never: Handle = () => Promise.reject(new Error('must not be called'));

    it('starts no item and gives it back at once', async () => {
      const { invoke, visibility, parked } = setUp(never, 1_000);
      const response = await invoke(record('1', JSON.stringify(envelope('a'))));
      expect(response.batchItemFailures).toEqual([{ itemIdentifier: '1' }]);
      expect(visibility).toEqual([['receipt-1', 0]]);
      expect(parked).toEqual([]);
    });

    it('still parks what is malformed, and what is at its last receive', async () => {
      const { invoke, parked, visibility } = setUp(never, 900);
      const response = await invoke(record('1', '{'), record('2', JSON.stringify(envelope('a')), 5));
      expect(response.batchItemFailures).toEqual([]);
      expect(parked).toEqual([
        ['1', 'message 1 is not JSON'],
        ['2', 'given up after 5 attempts: not started in the last 1000 ms of an invocation'],
      ]);
      expect(visibility).toEqual([]);
    });

    it('shares the call of an equal key that was started before', async () => {
      let leftMs = 1_500;
      const { invoke } = setUp(
        async () => {
          leftMs = 500;
          return done;
        },
        () => leftMs,
      );
      const body = JSON.stringify(envelope('a'));
      expect((await invoke(record('1', body), record('2', body))).batchItemFailures).toEqual([]);
    });

    it('parks what is poison though the user cannot be told, for the hub says nothing', async () => {
      const forever = () => new Promise<never>(() => undefined);
      const { invoke, parked, logged } = setUp(forever, 1_020, { onParked: forever });
      const response = await invoke(record('1', JSON.stringify(envelope('a')), 5));
      expect(response.batchItemFailures).toEqual([]);
      expect(parked).toEqual([['1', 'given up after 5 attempts: not finished within 20 ms']]);
      expect(logged.at(-1)).toMatchObject({ message: 'could not report a parked message', key: expect.any(String) });
    });

    it('answers for the batch though the queue takes nothing any more', async () => {
      const forever = () => new Promise<never>(() => undefined);
      const settle = { changeVisibility: forever, delete: forever, park: forever };
      const { invoke, logged } = setUp(async (e) => (e.key.name === 'good' ? done : again(10, 'wait')), 1_050, {
        settle,
      });
      const response = await invoke(
        record('1', JSON.stringify(envelope('good'))),
        record('2', JSON.stringify(envelope('bad'))),
        record('3', '{'),
      );
      expect(response.batchItemFailures.map((f) => f.itemIdentifier)).toEqual(['2', '3']);
      expect(logged.map(({ message }) => message)).toContain('message could not be settled');
    });
  });

  it('takes a message that was sent without a group', async () => {
    const { invoke, parked } = setUp(async () => done);
    const { attributes, ...rest } = record('1', '{');
    await invoke({ ...rest, attributes: { ...attributes, MessageGroupId: undefined as never } });
    expect(parked.map(([id]) => id)).toEqual(['1']);
  });

  it('counts by queue and outcome only, and tells in its log what a message is about, never its body', async () => {
    const { invoke, counted, logged } = setUp(async (e) => (e.key.name === 'bad' ? again(10, 'wait') : done));
    const secret = { body: { metadata: { name: 'hunter2' } } };
    await invoke(
      record('1', JSON.stringify({ ...envelope('good'), ...secret })),
      record('2', JSON.stringify({ ...envelope('bad'), ...secret })),
      record('3', JSON.stringify({ ...envelope('good'), ...secret })),
    );
    expect(counted).toEqual([
      { name: 'tmc_messages_handled_total', queue: 'sync', outcome: 'done', by: '2' },
      { name: 'tmc_messages_handled_total', queue: 'sync', outcome: 'again', by: '1' },
      { name: 'tmc_message_age_seconds', queue: 'sync', values: '5 5 5' },
    ]);
    const about = { queue: 'sync', workspace: 'ws', change: 'upsert', attempt: 1 };
    logged.sort((a, b) => String(a['messageId']).localeCompare(String(b['messageId'])));
    expect(logged).toMatchObject([
      { ...about, messageId: '1', key: 'ws|apps/deployments|ns/good' },
      { ...about, messageId: '2', key: 'ws|apps/deployments|ns/bad', reason: 'wait', afterMs: 10 },
      { ...about, messageId: '3', key: 'ws|apps/deployments|ns/good' },
    ]);
    expect(JSON.stringify(logged)).not.toContain('hunter2');
  });
});
