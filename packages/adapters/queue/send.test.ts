import type { Envelope, OutgoingMessage, QueueName } from '@tmc/kernel/envelope.ts';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Queue, QueueEntry } from './queue.ts';
import { createSender } from './send.ts';

const KEY = { workspace: 'ws', group: '', resource: 'configmaps', namespace: 'ns', name: 'a' };
const SOURCE = { kind: 'hub', id: 'hub', relay: 'r', epoch: 0 } as const;

function message(queue: QueueName, id: string, size = 0): OutgoingMessage {
  const metadata = { name: 'a', annotations: { filler: 'x'.repeat(size) } };
  const body = { apiVersion: 'v1', kind: 'ConfigMap', metadata };
  const envelope: Envelope = { v: 1, id, at: 1, source: SOURCE, key: KEY, uid: 'u', rv: '1', change: 'upsert', body };
  return { queue, group: 'ws', envelope };
}

type Answer = (entries: readonly QueueEntry[]) => readonly number[];

function setUp(answers: Partial<Record<QueueName, Answer>> = {}) {
  const calls: { queue: QueueName; ids: string[]; bytes: number }[] = [];
  const fake = (queue: QueueName): Pick<Queue, 'send'> => ({
    send: async (entries) => {
      const failed = answers[queue]?.(entries) ?? [];
      const ids = entries.map(({ body }) => (JSON.parse(body) as Envelope).id);
      calls.push({ queue, ids, bytes: entries.reduce((sum, { body }) => sum + Buffer.byteLength(body), 0) });
      return { failed };
    },
  });
  const queues = {
    placement: fake('placement'),
    sync: fake('sync'),
    status: fake('status'),
    recovery: fake('recovery'),
  };
  return { calls, send: createSender(queues as Record<QueueName, Queue>) };
}

const sync = (count: number, size = 0) => Array.from({ length: count }, (_, n) => message('sync', `m${n}`, size));

describe('sending', () => {
  it('groups by queue in calls of ten', async () => {
    const { send, calls } = setUp();
    const messages = sync(23).flatMap((one, n) => (n % 5 === 0 ? [one, message('status', `s${n}`)] : [one]));
    expect(await send(messages)).toEqual({ failed: [] });
    expect(calls.filter(({ queue }) => queue === 'sync').map(({ ids }) => ids.length)).toEqual([10, 10, 3]);
    expect(calls.find(({ queue }) => queue === 'status')?.ids).toEqual(['s0', 's5', 's10', 's15', 's20']);
    expect(calls.filter(({ queue }) => queue === 'sync').flatMap(({ ids }) => ids)).toEqual(
      sync(23).map(({ envelope }) => envelope.id),
    );
  });

  it('keeps each call within 1 MiB', async () => {
    const { send, calls } = setUp();
    expect(await send(sync(7, 300_000))).toEqual({ failed: [] });
    expect(calls.map(({ ids }) => ids.length)).toEqual([3, 3, 1]);
    expect(Math.max(...calls.map(({ bytes }) => bytes))).toBeLessThanOrEqual(1024 * 1024);
  });

  it('reports what a queue refused by its index in the whole', async () => {
    const refuse: Answer = (entries) => entries.flatMap(({ body }, n) => (/"id":"m(1|14)"/.test(body) ? [n] : []));
    const { send } = setUp({ sync: refuse });
    expect(await send([message('status', 's'), ...sync(16)])).toEqual({ failed: [2, 15] });
  });

  it('a message too large for any call fails alone', async () => {
    const { send, calls } = setUp();
    const [first, second] = sync(2);
    expect(await send([first!, message('sync', 'large', 1024 * 1024), second!])).toEqual({ failed: [1] });
    expect(calls.map(({ ids }) => ids)).toEqual([['m0', 'm1']]);
  });

  const broken: Answer = () => {
    throw new Error('link lost');
  };

  it('a call that throws fails its own messages only', async () => {
    const { send } = setUp({ status: broken });
    expect(await send([message('sync', 'a'), message('status', 'b'), message('sync', 'c')])).toEqual({ failed: [1] });
  });

  it('when nothing at all was accepted the reason is thrown, as a retry', async () => {
    const { send } = setUp({ status: broken });
    const sending = send([message('status', 'a'), message('status', 'b')]);
    await expect(sending).rejects.toMatchObject({ kind: 'retry', message: expect.stringContaining('link lost') });
  });

  it('nothing to send is success', async () => {
    const { send, calls } = setUp();
    expect(await send([])).toEqual({ failed: [] });
    expect(calls).toEqual([]);
  });
});

/** What SQS takes in a message. */
const TAKEN = /^[\t\n\r\u0020-\uD7FF\uE000-\uFFFD\u{10000}-\u{10FFFF}]*$/u;
/** Any 16 bits, the troublesome ones often. */
const unit = fc.oneof(
  fc.constantFrom(0, 0x09, 0x1f, 0x7f, 0x5c, 0xd83d, 0xde00, 0xdfff, 0xfffd, 0xfffe, 0xffff),
  fc.integer({ min: 0, max: 0xffff }),
);
const anyText = fc.array(unit, { maxLength: 20 }).map((units) => String.fromCharCode(...units));

it('sends any text in characters that SQS takes', async () => {
  const bodies: string[] = [];
  const queue: Pick<Queue, 'send'> = {
    send: async (entries) => {
      bodies.push(...entries.map(({ body }) => body));
      return { failed: [] };
    },
  };
  const send = createSender({ placement: queue, sync: queue, status: queue, recovery: queue } as Record<
    QueueName,
    Queue
  >);
  const sendsWell = async (name: string, value: string) => {
    const sent = message('sync', 'm');
    const body = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'a' }, data: { [name]: value } };
    await send([{ ...sent, envelope: { ...sent.envelope, body } }]);
    const wire = bodies.pop() ?? '';
    expect(wire).toMatch(TAKEN);
    expect((JSON.parse(wire) as Envelope).body).toEqual(body);
  };
  await fc.assert(fc.asyncProperty(anyText, anyText, sendsWell), { numRuns: 500 });
});
