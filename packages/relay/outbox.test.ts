import type { OutgoingMessage } from '@tmc/kernel/envelope.ts';
import { createTestClock } from '@tmc/testkit/clock.ts';
import { describe, expect, it } from 'vitest';
import { type Hold, RevisionTracker } from './checkpoint.ts';
import type { Parcel } from './message.ts';
import { DEFAULT_LIMITS, Outbox, type OutboxLimits } from './outbox.ts';

type Sent = {
  messages: readonly OutgoingMessage[];
  atMs: number;
  answer: (failed?: number[]) => void;
  fail: () => void;
};

/** An outbox whose sends wait until the test answers them. */
function setUp(limits: Partial<OutboxLimits> = {}) {
  const clock = createTestClock(0);
  const sends: Sent[] = [];
  const acknowledged: string[] = [];
  const outbox = new Outbox(
    {
      send: (messages) =>
        new Promise((resolve, reject) => {
          const answer = (failed: number[] = []) => resolve({ failed });
          sends.push({ messages, atMs: clock.now(), answer, fail: () => reject(new Error('queue is away')) });
        }),
      clock: clock.now,
      sleep: clock.sleep,
      random: () => 0,
      acknowledged: ({ id }) => acknowledged.push(id),
    },
    { ...DEFAULT_LIMITS, ...limits },
  );
  return { clock, sends, acknowledged, outbox };
}

type ParcelOptions = {
  group?: string;
  rv?: string;
  bytes?: number;
  queue?: 'sync' | 'placement';
  body?: boolean;
  epoch?: number;
};

function parcel(name: string, options: ParcelOptions = {}): Parcel {
  const { group = 'g', rv = '1', bytes = 100, queue = 'sync', body = false, epoch = 0 } = options;
  const envelope = {
    v: 1 as const,
    id: `${name}-${rv}`,
    at: 0,
    source: { kind: 'hub' as const, id: 'hub', relay: 'r', epoch },
    key: { workspace: group, group: '', resource: 'configmaps', namespace: 'ns', name },
    uid: 'u',
    rv,
    change: 'upsert' as const,
    ...(body && { body: { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name } } }),
  };
  return { id: `${group}/${name}`, message: { queue, group, envelope }, bytes };
}

const names = (sent: Sent | undefined) => sent?.messages.map(({ envelope }) => envelope.key.name);
const revisions = (sent: Sent | undefined) => sent?.messages.map(({ envelope }) => envelope.rv);

describe('outbox', () => {
  it('sends a first message at once and what is put together in one batch', async () => {
    const { clock, sends, outbox } = setUp();
    void outbox.put(parcel('a'));
    void outbox.put(parcel('b'));
    await clock.advance(0);
    expect(names(sends[0])).toEqual(['a', 'b']);
    expect(sends[0]?.atMs).toBe(0);
  });

  it('while a send is on its way, waits the linger for a full batch and no longer', async () => {
    const { clock, sends, outbox } = setUp();
    void outbox.put(parcel('a'));
    await clock.advance(0);
    void outbox.put(parcel('b'));
    await clock.advance(9);
    expect(sends).toHaveLength(1);
    await clock.advance(1);
    expect(names(sends[1])).toEqual(['b']);
    for (let i = 0; i < 10; i += 1) void outbox.put(parcel(`c${i}`));
    await clock.advance(0);
    expect(sends[2]?.messages).toHaveLength(10);
  });

  it('never has more sends in flight than the limit', async () => {
    const { clock, sends, outbox } = setUp({ maxInFlight: 3 });
    for (let i = 0; i < 100; i += 1) void outbox.put(parcel(`o${i}`));
    await clock.advance(1_000);
    expect(sends).toHaveLength(3);
    sends[0]?.answer();
    await clock.advance(0);
    expect(sends).toHaveLength(4);
    expect(outbox.status().inFlight).toBe(3);
  });

  it('keeps the latest state of an object only', async () => {
    const { clock, sends, acknowledged, outbox } = setUp({ maxInFlight: 1 });
    void outbox.put(parcel('first'));
    await clock.advance(0);
    for (const rv of ['2', '3', '4']) void outbox.put(parcel('a', { rv }));
    sends[0]?.answer();
    await clock.advance(100);
    expect(revisions(sends[1])).toEqual(['4']);
    sends[1]?.answer();
    await clock.advance(0);
    expect(acknowledged).toEqual(['g/first', 'g/a']);
    expect(outbox.status()).toMatchObject({ entries: 0, bytes: 0, coalesced: 2, sent: 2 });
  });

  it('has an object in flight once; a newer state follows its acknowledgement', async () => {
    const { clock, sends, outbox } = setUp();
    void outbox.put(parcel('a', { rv: '1' }));
    await clock.advance(0);
    void outbox.put(parcel('a', { rv: '2' }));
    void outbox.put(parcel('a', { rv: '3' }));
    await clock.advance(5_000);
    expect(sends).toHaveLength(1);
    sends[0]?.answer();
    await clock.advance(0);
    expect(revisions(sends[1])).toEqual(['3']);
  });

  it('sends refused entries again, the latest state of each, after a growing wait', async () => {
    const { clock, sends, acknowledged, outbox } = setUp();
    for (const name of ['a', 'b', 'c']) void outbox.put(parcel(name));
    await clock.advance(0);
    void outbox.put(parcel('b', { rv: '2' }));
    sends[0]?.answer([1]);
    await clock.advance(49);
    expect(sends).toHaveLength(1);
    await clock.advance(1);
    expect([names(sends[1]), revisions(sends[1])]).toEqual([['b'], ['2']]);
    sends[1]?.fail();
    await clock.advance(99);
    expect(sends).toHaveLength(2);
    await clock.advance(1);
    sends[2]?.answer();
    await clock.advance(0);
    expect(acknowledged).toEqual(['g/a', 'g/c', 'g/b']);
    expect(outbox.status()).toMatchObject({ sendFailures: 2, lastError: 'queue is away', entries: 0, bytes: 0 });
  });

  it('is bounded by bytes: a reader waits until there is room', async () => {
    const { clock, sends, outbox } = setUp({ maxBytes: 1_000 });
    for (let i = 0; i < 8; i += 1) expect(outbox.put(parcel(`o${i}`))).toBeUndefined();
    let taken = false;
    const waiting = outbox.put(parcel('late'))?.then(() => {
      taken = true;
    });
    expect(waiting).toBeInstanceOf(Promise);
    expect(outbox.put(parcel('o3', { rv: '9', bytes: 100 }))).toBeUndefined();
    await clock.advance(10_000);
    expect([taken, outbox.status().bytes]).toEqual([false, 800]);
    sends[0]?.answer();
    await clock.advance(0);
    expect(taken).toBe(true);
    await waiting;
  });

  it('takes a message larger than itself when it is alone', () => {
    const { outbox } = setUp({ maxBytes: 1_000 });
    expect(outbox.put(parcel('huge', { bytes: 5_000 }))).toBeUndefined();
    expect(outbox.put(parcel('next'))).toBeInstanceOf(Promise);
  });

  it('lets a small group pass a large one', async () => {
    const { clock, sends, outbox } = setUp({ maxInFlight: 1 });
    for (let i = 0; i < 1_000; i += 1) void outbox.put(parcel(`o${i}`, { group: 'loud' }));
    await clock.advance(0);
    void outbox.put(parcel('x', { group: 'quiet' }));
    sends[0]?.answer();
    await clock.advance(0);
    expect(names(sends[1])).toContain('x');
  });

  it('a batch holds at most 10 messages and at most 1 MiB; one that is larger goes alone', async () => {
    const { clock, sends, outbox } = setUp({ maxBytes: 64 * 1024 * 1024 });
    const mebibyte = 1024 * 1024;
    void outbox.put(parcel('huge', { bytes: 2 * mebibyte }));
    for (let i = 0; i < 6; i += 1) void outbox.put(parcel(`o${i}`, { group: `g${i}`, bytes: mebibyte / 4 }));
    await clock.advance(10);
    expect(sends.map(names)).toEqual([['huge'], ['o0', 'o1', 'o2'], ['o3', 'o4', 'o5']]);
  });

  it('above half of its size takes only the key of a state; the first event of another tenant still finds room', async () => {
    const { clock, sends, outbox } = setUp({ maxBytes: 100_000, maxInFlight: 1 });
    for (let i = 0; i < 50; i += 1) {
      const storm = parcel(`o${i}`, { group: 'loud', bytes: 6_000, body: true });
      expect(outbox.put(storm)).toBeUndefined();
    }
    const { bytes, lightened } = outbox.status();
    expect(lightened).toBe(41);
    expect(bytes).toBe(9 * 6_000 + 41 * 600);
    await clock.advance(0);
    expect(outbox.put(parcel('x', { group: 'quiet' }))).toBeUndefined();
    sends[0]?.answer();
    await clock.advance(0);
    expect(names(sends[1])).toContain('x');
    expect(sends[0]?.messages[0]?.envelope.body).toBeDefined();
    expect(sends[1]?.messages.at(-1)?.envelope.body).toBeUndefined();
  });

  it('a queue that accepts nothing leaves room and sends for the others', async () => {
    const { clock, sends, outbox } = setUp({ maxBytes: 10_000, maxInFlight: 4 });
    void outbox.put(parcel('first', { queue: 'placement' }));
    await clock.advance(0);
    sends[0]?.answer();
    const taken = Array.from({ length: 100 }, (_, i) => outbox.put(parcel(`o${i}`)) === undefined);
    expect(taken.filter(Boolean)).toHaveLength(80);
    await clock.advance(60_000);
    expect(sends).toHaveLength(1 + 3);
    expect(outbox.put(parcel('x', { queue: 'placement' }))).toBeUndefined();
    await clock.advance(0);
    expect(names(sends.at(-1))).toEqual(['x']);
  });

  it('tells when it last was accepted and refused, and counts by tenant and kind', async () => {
    const { clock, sends, outbox } = setUp();
    void outbox.put(parcel('a', { group: 'ws-1' }));
    void outbox.put(parcel('b', { group: 'ws-2' }));
    await clock.advance(7);
    sends[0]?.answer([1]);
    await clock.advance(0);
    expect(outbox.status()).toMatchObject({ lastAcceptedMs: 7, lastFailedMs: 7 });
    await clock.advance(50);
    sends[1]?.answer();
    await clock.advance(0);
    const { lastAcceptedMs, lastFailedMs, traffic } = outbox.status();
    expect([lastAcceptedMs, lastFailedMs]).toEqual([57, 7]);
    expect(traffic).toEqual({ tenants: { 'ws-1': 1, 'ws-2': 1 }, kinds: { configmaps: 2 } });
  });

  it('names a hundred tenants, the rest together', async () => {
    const { clock, sends, outbox } = setUp();
    for (let i = 0; i < 130; i += 1) void outbox.put(parcel('a', { group: `ws-${i}` }));
    await clock.advance(0);
    for (const { answer } of sends) answer();
    await clock.advance(0);
    const { tenants } = outbox.status().traffic;
    expect(Object.keys(tenants)).toHaveLength(101);
    expect(tenants['other']).toBe(30);
  });

  it('never mixes queues in a batch', async () => {
    const { clock, sends, outbox } = setUp();
    void outbox.put(parcel('a'));
    void outbox.put({ ...parcel('b'), message: { ...parcel('b').message, queue: 'placement' } });
    await clock.advance(0);
    expect(sends.map(({ messages }) => messages.map(({ queue }) => queue))).toEqual([['sync'], ['placement']]);
  });

  it('drains: all is sent and acknowledged, or the deadline passed', async () => {
    const { clock, sends, outbox } = setUp();
    for (let i = 0; i < 25; i += 1) void outbox.put(parcel(`o${i}`));
    const ended = new AbortController();
    let drained = false;
    const draining = outbox.drain(ended.signal).then(() => {
      drained = true;
    });
    await clock.advance(0);
    expect(sends.map(({ messages }) => messages.length)).toEqual([10, 10, 5]);
    for (const { answer } of sends.slice(1)) answer();
    await clock.advance(60_000);
    expect(drained).toBe(false);
    ended.abort();
    await draining;
    expect(outbox.status().entries).toBe(10);
  });
});

describe('outbox and checkpoint', () => {
  it('a coalesced state keeps the checkpoint below its oldest revision until the newest is accepted', async () => {
    const { clock, sends, outbox } = setUp();
    const tracker = new RevisionTracker(9n);
    const put = (name: string, rv: bigint): void => {
      const hold: Hold = tracker.hold(rv);
      tracker.advance(rv);
      void outbox.put(parcel(name, { rv: String(rv) }), hold);
    };
    put('a', 10n);
    await clock.advance(0);
    put('a', 11n);
    put('b', 12n);
    put('a', 13n);
    expect(tracker.safe).toBe(9n);
    sends[0]?.answer();
    await clock.advance(10);
    expect(tracker.safe).toBe(10n);
    expect([names(sends[1]), revisions(sends[1])]).toEqual([
      ['b', 'a'],
      ['12', '13'],
    ]);
    sends[1]?.answer([1]);
    await clock.advance(1);
    expect(tracker.safe).toBe(10n);
    await clock.advance(100);
    sends[2]?.answer();
    await clock.advance(0);
    expect(tracker.safe).toBe(13n);
  });

  it('what waits for room is dropped, and stays held, when who told it ends: another may have told what is newer', async () => {
    const { clock, sends, outbox } = setUp({ maxBytes: 200 });
    const tracker = new RevisionTracker(9n);
    const ended = new AbortController();
    void outbox.put(parcel('x', { bytes: 150 }));
    await clock.advance(0);
    const waiting = outbox.put(parcel('a', { rv: '10' }), tracker.hold(10n), ended.signal);
    tracker.advance(10n);
    ended.abort();
    await waiting;
    const newer = outbox.put(parcel('a', { rv: '11' }));
    sends[0]?.answer();
    await newer;
    await clock.advance(20);
    expect([sends.length, revisions(sends[1]), tracker.safe]).toEqual([2, ['11'], 9n]);
  });

  it('a state that two readings of its kind tell keeps the checkpoints of both below it', async () => {
    const { clock, sends, outbox } = setUp();
    const [before, anew] = [new RevisionTracker(9n), new RevisionTracker(9n)];
    for (const tracker of [before, anew, anew]) {
      const hold = tracker.hold(10n);
      tracker.advance(10n);
      void outbox.put(parcel('a', { rv: '10' }), hold);
      await clock.advance(0);
      sends[0]?.answer([0]);
      await clock.advance(0);
    }
    expect([before.safe, anew.safe]).toEqual([9n, 9n]);
    await clock.advance(200);
    sends[1]?.answer();
    await clock.advance(0);
    expect([before.safe, anew.safe]).toEqual([10n, 10n]);
  });

  it.each(['waits', 'travels'])(
    'a message of an older epoch that comes late never takes the place of one that %s',
    async (where) => {
      const { clock, sends, outbox } = setUp();
      const [older, newer] = [new RevisionTracker(9n), new RevisionTracker(4n)];
      const hold = (tracker: RevisionTracker, rv: bigint) => {
        const taken = tracker.hold(rv);
        tracker.advance(rv);
        return taken;
      };
      if (where === 'waits') for (let at = 0; at < 10; at += 1) void outbox.put(parcel(`x${at}`));
      await clock.advance(0);
      void outbox.put(parcel('a', { rv: '5', epoch: 2 }), hold(newer, 5n));
      if (where === 'travels') await clock.advance(0);
      void outbox.put(parcel('a', { rv: '10', epoch: 1 }), hold(older, 10n));
      await clock.advance(20);
      expect([older.safe, newer.safe]).toEqual([9n, 4n]);
      const told = sends
        .flatMap(({ messages }) => messages.map(({ envelope }) => envelope))
        .filter((e) => e.key.name === 'a');
      expect(told.map((e) => [e.source.epoch, e.rv])).toEqual([[2, '5']]);
      for (const sent of sends) sent.answer();
      await clock.advance(20);
      expect([older.safe, newer.safe, outbox.status().bytes, outbox.status().sent]).toEqual([
        10n,
        5n,
        0,
        where === 'waits' ? 11 : 1,
      ]);
    },
  );
});
