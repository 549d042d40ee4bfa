import { fc, test } from '@fast-check/vitest';
import { createTestClock } from '@tmc/testkit/clock.ts';
import { describe, expect, it } from 'vitest';
import type { ElectionTerms } from './election.ts';
import { type Election, startElection } from './election-runner.ts';
import type { LeaseStore, StoredLease } from './lease-store.ts';

const TERMS: ElectionTerms = { leaseMs: 15_000, renewDeadlineMs: 10_000, retryMs: 2_000 };

/** What becomes of one call: how long it takes there and back, and whether request or answer is lost. */
type Fate = { thereMs: number; backMs: number; lost: 'no' | 'request' | 'answer' };
const FAIR: Fate = { thereMs: 1, backMs: 1, lost: 'no' };

function memoryStore() {
  let stored: StoredLease | undefined;
  return {
    read: async () => stored,
    swap: async (_scope: string, version: number | undefined, record: StoredLease['record']) => {
      if (stored?.version !== version) return { ok: false as const, current: stored };
      stored = { record, version: (version ?? 0) + 1 };
      return { ok: true as const };
    },
    record: () => stored?.record,
  };
}

/** Replicas whose clocks differ, on one record, over links whose calls meet the fates given in turn. */
function world(fates: readonly Fate[] = []) {
  const clock = createTestClock(0);
  const store = memoryStore();
  let calls = 0;
  async function call<T>(act: () => Promise<T>): Promise<T> {
    const { thereMs, backMs, lost } = fates[calls] ?? FAIR;
    calls += 1;
    await clock.sleep(thereMs);
    if (lost === 'request') throw new Error('request lost');
    const result = await act();
    await clock.sleep(backMs);
    if (lost === 'answer') throw new Error('answer lost');
    return result;
  }
  const link = (isSilent: () => boolean): LeaseStore => ({
    read: () => (isSilent() ? new Promise(() => undefined) : call(() => store.read())),
    swap: (scope, version, next) =>
      isSilent() ? new Promise(() => undefined) : call(() => store.swap(scope, version, next)),
  });
  const replica = (holder: string, skewMs: number) => {
    const life = { dead: false, cut: false, terms: 0, reasons: [] as string[] };
    const election: Election = startElection(
      {
        scope: 'relay/hub',
        holder,
        terms: TERMS,
        elected: () => {
          life.terms += 1;
        },
        lost: async (reason) => void life.reasons.push(reason),
      },
      {
        store: link(() => life.dead || life.cut),
        monotonicMs: () => clock.now() + skewMs * 7,
        clock: () => clock.now() + skewMs,
        sleep: clock.sleep,
        random: () => 0.5,
      },
    );
    return { life, election, leads: () => !life.dead && election.leads() };
  };
  return { clock, store, replica };
}

async function until(w: ReturnType<typeof world>, deadlineMs: number, reached: () => boolean): Promise<number> {
  const startedMs = w.clock.now();
  while (!reached()) {
    if (w.clock.now() - startedMs > deadlineMs) throw new Error(`not reached within ${deadlineMs} ms`);
    await w.clock.advance(50);
  }
  return w.clock.now() - startedMs;
}

/** Stopping writes a last time, which takes virtual time. */
async function stop(w: ReturnType<typeof world>, election: Election): Promise<void> {
  const stopped = election.stop();
  await w.clock.advance(100);
  await stopped;
}

describe('election', () => {
  it('a single replica leads at once and goes on leading', async () => {
    const w = world();
    const a = w.replica('a', 0);
    await until(w, 100, a.leads);
    await w.clock.advance(10 * 60_000);
    expect([a.leads(), a.life.terms, a.life.reasons]).toEqual([true, 1, []]);
    expect(w.store.record()).toMatchObject({ token: 1, holder: 'a' });
    await stop(w, a.election);
  });

  it('a stopped leader is followed at the next look', async () => {
    const w = world();
    const a = w.replica('a', 0);
    await until(w, 100, a.leads);
    const b = w.replica('b', 3_600_000);
    await w.clock.advance(60_000);
    expect([a.leads(), b.leads()]).toEqual([true, false]);
    const stopped = a.election.stop();
    expect(await until(w, 20_000, b.leads)).toBeLessThan(TERMS.retryMs * 1.2 + 200);
    await w.clock.advance(100);
    await stopped;
    expect([a.leads(), b.election.state()]).toEqual([false, { role: 'leader', leader: 'b', error: undefined }]);
    expect(w.store.record()?.token).toBe(2);
    await stop(w, b.election);
  });

  it.each([0, 300, 700, 1_100, 4_900, 5_300, 5_700, 6_100, 6_500])(
    'one that is stopped %i ms into its term is too, though a renewal may be under way',
    async (offsetMs) => {
      const w = world(Array<Fate>(1_000).fill({ thereMs: 400, backMs: 400, lost: 'no' }));
      const a = w.replica('a', 0);
      await until(w, 5_000, a.leads);
      const b = w.replica('b', 0);
      await w.clock.advance(20_000 + offsetMs);
      void a.election.stop();
      expect(await until(w, 20_000, b.leads)).toBeLessThan(8_000);
    },
  );

  it('a leader that dies is followed a lease after its last renewal, clocks hours apart', async () => {
    const w = world();
    const a = w.replica('a', -7_200_000);
    await until(w, 100, a.leads);
    const b = w.replica('b', 10_800_000);
    await w.clock.advance(33_000);
    a.life.dead = true;
    const tookMs = await until(w, 60_000, b.leads);
    expect(tookMs).toBeGreaterThan(TERMS.leaseMs - TERMS.leaseMs / 3 - TERMS.retryMs);
    expect(tookMs).toBeLessThanOrEqual(TERMS.leaseMs + TERMS.retryMs * 1.2 + 200);
    await stop(w, b.election);
  });

  it('a leader whose store does not answer stops by itself before another may follow, and stands again', async () => {
    const w = world();
    const a = w.replica('a', 0);
    await until(w, 100, a.leads);
    const b = w.replica('b', 0);
    await w.clock.advance(20_000);
    a.life.dead = true;
    const aStopsMs = await until(w, 30_000, () => !a.election.leads());
    expect(aStopsMs).toBeLessThanOrEqual(TERMS.renewDeadlineMs);
    expect(b.leads()).toBe(false);
    await until(w, 30_000, b.leads);
    expect(a.life.reasons[0]).toMatch(/could not be renewed for 10000 ms/);
    await stop(w, b.election);
  });

  it('a table that fails is asked again, and the reason is told', async () => {
    const lost: Fate = { ...FAIR, lost: 'request' };
    const w = world([lost, lost]);
    const a = w.replica('a', 0);
    await w.clock.advance(10);
    expect(a.election.state()).toEqual({ role: 'candidate', leader: undefined, error: 'request lost' });
    await until(w, 20_000, a.leads);
    await stop(w, a.election);
  });
});

const fate = fc.record({
  thereMs: fc.integer({ min: 0, max: 12_000 }),
  backMs: fc.integer({ min: 0, max: 12_000 }),
  lost: fc.constantFrom('no' as const, 'no' as const, 'request' as const, 'answer' as const),
});
const disturbance = fc.record({
  afterMs: fc.integer({ min: 0, max: 40_000 }),
  kind: fc.constantFrom('kill' as const, 'cut' as const, 'cut' as const, 'stop' as const, 'start' as const),
  skewMs: fc.integer({ min: -86_400_000, max: 86_400_000 }),
});

/** Killed, it acts no more; cut off from the table, it goes on as long as it believes to lead. */
function disturb(leader: ReturnType<ReturnType<typeof world>['replica']> | undefined, kind: 'kill' | 'cut' | 'stop') {
  if (!leader) return;
  if (kind === 'kill') leader.life.dead = true;
  else if (kind === 'cut') leader.life.cut = true;
  else void leader.election.stop();
}

describe('election, whatever happens', () => {
  test.prop([fc.array(fate, { maxLength: 60 }), fc.array(disturbance, { maxLength: 8 })], { numRuns: 40 })(
    'two never lead at once, and in the end one does',
    async (fates, disturbances) => {
      const w = world(fates);
      const replicas = [w.replica('r0', 0), w.replica('r1', 5_000)];
      const watch = async (ms: number) => {
        const endMs = w.clock.now() + ms;
        while (w.clock.now() < endMs) {
          await w.clock.advance(500);
          expect(replicas.filter((r) => r.leads()).length).toBeLessThanOrEqual(1);
        }
      };
      for (const { afterMs, kind, skewMs } of disturbances) {
        await watch(afterMs);
        if (kind === 'start') replicas.push(w.replica(`r${replicas.length}`, skewMs));
        else
          disturb(
            replicas.find((r) => r.leads()),
            kind,
          );
      }
      replicas.push(w.replica('last', 1));
      for (let turn = 0; turn < 40 && !replicas.some((r) => r.leads()); turn += 1) await watch(15_000);
      expect(replicas.filter((r) => r.leads())).toHaveLength(1);
    },
  );
});
