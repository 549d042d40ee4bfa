import type { Envelope } from '@tmc/kernel/envelope.ts';
import { retryError, terminalError } from '@tmc/kernel/errors.ts';
import { again, done } from '@tmc/kernel/result.ts';
import type { Context, SQSEvent, SQSRecord } from 'aws-lambda';
import { describe, expect, it } from 'vitest';
import { type Handle, sqsFunction } from './sqs-function.ts';

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

function setUp(handle: Handle, leftMs = 10_000) {
  const visibility: [string, number][] = [];
  const parked: [string, string][] = [];
  const quiet = { debug() {}, info() {}, warn() {}, error() {} };
  const run = sqsFunction({
    queue: 'sync',
    handle,
    settle: {
      changeVisibility: async (receipt, ms) => void visibility.push([receipt, ms]),
      park: async (message, reason) => void parked.push([message.id, reason]),
    },
    log: quiet,
    meter: { count() {}, observe() {} },
    now: () => 0,
  });
  const invoke = (...records: SQSRecord[]) =>
    run({ Records: records } as SQSEvent, { getRemainingTimeInMillis: () => leftMs } as Context);
  return { invoke, visibility, parked };
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
});
