import { fc, test } from '@fast-check/vitest';
import type { OutgoingMessage } from '@tmc/kernel/envelope.ts';
import { createTestClock } from '@tmc/testkit/clock.ts';
import { describe, expect } from 'vitest';
import { RevisionTracker } from './checkpoint.ts';
import type { Parcel } from './message.ts';
import { DEFAULT_LIMITS, Outbox } from './outbox.ts';

/** Any order of states, refusals, lost answers and hangs: what the outbox promises whatever happens. */

const MAX_BYTES = 4_000;

function parcel({ name, group, rv, bytes }: { name: string; group: string; rv: number; bytes: number }): Parcel {
  const key = { workspace: group, group: '', resource: 'configmaps', namespace: 'ns', name };
  const source = { kind: 'hub', id: 'hub', relay: 'r', epoch: 0 } as const;
  const envelope = { v: 1, id: `${rv}`, at: 0, source, key, uid: 'u', rv: String(rv), change: 'upsert' } as const;
  return { id: `${group}/${name}`, message: { queue: 'sync', group, envelope }, bytes };
}

const step = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant('put' as const),
      name: fc.integer({ min: 0, max: 6 }),
      group: fc.integer({ min: 0, max: 2 }),
      bytes: fc.integer({ min: 50, max: 1_500 }),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant('answer' as const),
      which: fc.nat(7),
      /** Bit i: entry i is refused. */
      refused: fc.nat(1023),
      lost: fc.boolean(),
    }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('wait' as const), ms: fc.integer({ min: 0, max: 6_000 }) }) },
);

type Flying = { messages: readonly OutgoingMessage[]; answer: (failed: number[]) => void; fail: () => void };

/** An outbox, a queue that remembers, and a reader that, like the real one, waits while the outbox is full. */
function world() {
  const clock = createTestClock(0);
  const flying: Flying[] = [];
  const accepted = new Map<string, number[]>();
  const seen = new Map<string, number>();
  const tracker = new RevisionTracker(0n);
  const outbox = new Outbox(
    {
      send: (messages) =>
        new Promise((resolve, reject) => {
          const done = (act: () => void) => {
            flying.splice(flying.indexOf(entry), 1);
            act();
          };
          const entry: Flying = {
            messages,
            answer: (failed) => done(() => resolve({ failed })),
            fail: () => done(() => reject(new Error('away'))),
          };
          flying.push(entry);
        }),
      clock: clock.now,
      sleep: clock.sleep,
      random: () => 0,
      acknowledged: () => undefined,
    },
    { ...DEFAULT_LIMITS, maxBytes: MAX_BYTES, maxInFlight: 4 },
  );
  return { clock, flying, accepted, seen, tracker, outbox };
}

type World = ReturnType<typeof world>;

/** The queue takes what is not refused; an answer that is lost means taken, and sent again. */
function settle(
  { flying, accepted }: World,
  { which, refused, lost }: { which: number; refused: number; lost: boolean },
) {
  const send = flying[which % Math.max(flying.length, 1)];
  if (!send) return;
  const failed = send.messages.map((_, i) => i).filter((i) => (refused >> i) & 1);
  for (const [i, { envelope }] of send.messages.entries()) {
    if (failed.includes(i)) continue;
    const id = `${envelope.key.workspace}/${envelope.key.name}`;
    accepted.set(id, [...(accepted.get(id) ?? []), Number(envelope.rv)]);
  }
  if (lost) send.fail();
  else send.answer(failed);
}

/** As a reader does: it holds the checkpoint, and reads nothing more while there is no room; the queue recovers meanwhile. */
async function put(w: World, taken: Parcel): Promise<void> {
  const rv = BigInt(taken.message.envelope.rv);
  const hold = w.tracker.hold(rv);
  w.tracker.advance(rv);
  w.seen.set(taken.id, Number(rv));
  let waits = true;
  void Promise.resolve(w.outbox.put(taken, hold)).then(() => {
    waits = false;
  });
  await w.clock.advance(0);
  for (let turn = 0; waits && turn < 500; turn += 1) {
    settle(w, { which: 0, refused: 0, lost: false });
    await w.clock.advance(1_000);
  }
  expect(waits, 'room is found once the queue accepts').toBe(false);
}

function check({ outbox, flying, accepted, tracker, seen }: World): void {
  const { bytes, inFlight } = outbox.status();
  expect(bytes).toBeLessThanOrEqual(MAX_BYTES);
  expect(inFlight).toBeLessThanOrEqual(4);
  const underWay = flying.flatMap(({ messages }) => messages.map(({ envelope }) => envelope.key));
  const ids = underWay.map(({ workspace, name }) => `${workspace}/${name}`);
  expect(new Set(ids).size, 'an object is in flight once at a time').toBe(ids.length);
  for (const revisions of accepted.values()) {
    expect(revisions, 'the states of an object arrive in order').toEqual([...revisions].sort((a, b) => a - b));
  }
  for (const [id, rv] of seen) {
    if (BigInt(rv) > tracker.safe) continue;
    expect(accepted.get(id)?.at(-1) ?? 0, 'below the checkpoint everything was accepted').toBeGreaterThanOrEqual(rv);
  }
}

describe('outbox, whatever happens', () => {
  test.prop([fc.array(step, { maxLength: 80 })], { numRuns: 150 })(
    'delivers every last state, in order, within its bound, and holds the checkpoint until then',
    async (steps) => {
      const w = world();
      let rv = 0;
      for (const s of steps) {
        if (s.kind === 'wait') await w.clock.advance(s.ms);
        else if (s.kind === 'answer') settle(w, s);
        else {
          rv += 1;
          await put(w, parcel({ name: `o${s.name}`, group: `g${s.group}`, rv, bytes: s.bytes }));
        }
        await w.clock.advance(0);
        check(w);
      }
      for (let turn = 0; w.outbox.status().entries > 0 && turn < 500; turn += 1) {
        settle(w, { which: 0, refused: 0, lost: false });
        await w.clock.advance(1_000);
        check(w);
      }
      expect(w.outbox.status()).toMatchObject({ entries: 0, bytes: 0, inFlight: 0 });
      expect([...w.seen].every(([id, last]) => w.accepted.get(id)?.at(-1) === last)).toBe(true);
      expect(w.tracker.safe).toBe(BigInt(rv));
    },
  );

  test.prop([fc.integer({ min: 2_000, max: 6_000 }), fc.integer({ min: 1, max: 50 })], { numRuns: 15 })(
    "a tenant's storm of thousands: the first event of another tenant goes in the next batch",
    async (storm, maxInFlight) => {
      const clock = createTestClock(0);
      const sends: { groups: string[]; answer: () => void }[] = [];
      const outbox = new Outbox(
        {
          send: (messages) =>
            new Promise((resolve) => {
              sends.push({ groups: messages.map(({ group }) => group), answer: () => resolve({ failed: [] }) });
            }),
          clock: clock.now,
          sleep: clock.sleep,
          random: () => 0,
          acknowledged: () => undefined,
        },
        { ...DEFAULT_LIMITS, maxInFlight },
      );
      for (let i = 0; i < storm; i += 1) {
        expect(outbox.put(parcel({ name: `o${i}`, group: 'loud', rv: i + 1, bytes: 600 }))).toBeUndefined();
      }
      await clock.advance(0);
      const before = sends.length;
      expect(outbox.put(parcel({ name: 'x', group: 'quiet', rv: storm + 1, bytes: 600 }))).toBeUndefined();
      sends[0]?.answer();
      await clock.advance(0);
      expect(sends[before]?.groups).toContain('quiet');
    },
  );
});
