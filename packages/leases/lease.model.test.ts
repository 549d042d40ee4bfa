import { explore } from '@tmc/testkit/explore.ts';
import { describe, expect, it } from 'vitest';
import { acquire, guards, type LeaseRecord, release, renew } from './lease.ts';

/**
 * Every interleaving of three workers over one lease, with the production transitions. A worker reads the record, then swaps it
 * if it is still the same; its clock may be behind by the skew; anyone may stop for any time. Claims:
 * 1. two workers never both hold the lease by their own clocks; 2. no token is taken twice; 3. what a worker writes under a
 * guard is never older, by token, than what was written before.
 */

type Holding = { readonly token: number; readonly untilMs: number };
type Intent = 'acquire' | 'renew' | 'release' | 'write';
type Worker = {
  readonly intent?: Intent;
  /** The record as read, before the swap. */
  readonly read?: LeaseRecord | undefined;
  readonly held?: Holding;
  readonly turns: number;
};
type State = {
  readonly nowMs: number;
  readonly record: LeaseRecord | undefined;
  readonly workers: readonly Worker[];
  readonly taken: readonly number[];
  /** Token of the last guarded write, and whether one went backwards. */
  readonly written: number;
  readonly backwards: boolean;
};

/** The transitions under test; mutants replace one. */
type Machine = {
  readonly acquire: typeof acquire;
  readonly renew: typeof renew;
  readonly release: typeof release;
  readonly guards: (record: LeaseRecord | undefined, token: number) => boolean;
  /** The swap: may `next` replace what stands there, when this was read? */
  readonly swaps: (current: LeaseRecord | undefined, read: LeaseRecord | undefined) => boolean;
};

const same = (a: LeaseRecord | undefined, b: LeaseRecord | undefined): boolean =>
  JSON.stringify(a) === JSON.stringify(b);
const sound: Machine = { acquire, renew, release, guards, swaps: same };

const LEASE_MS = 20;
const SKEW_MS = 5;
/** One step lies after the end of a lease by the slow clock and before it by the right one: there the margin decides. */
const STEP_MS = 18;
const LAST_MS = 1 + 4 * STEP_MS;
const WORKERS = 3;
const TURNS = 2;

/** Worker 1's clock is behind by the skew, the others' are right: no pair differs by more. */
const clockOf = (who: number, nowMs: number): number => (who === 1 ? nowMs - SKEW_MS : nowMs);

const initial: State = {
  nowMs: 1 + SKEW_MS,
  record: undefined,
  workers: Array.from({ length: WORKERS }, () => ({ turns: TURNS })),
  taken: [],
  written: 0,
  backwards: false,
};

function withWorker(state: State, who: number, worker: Worker): State {
  return { ...state, workers: state.workers.map((other, index) => (index === who ? worker : other)) };
}

/** What is stored and held after a worker's intent met the record it had read; undefined: nothing to store. */
function attempt(machine: Machine, state: State, who: number): { next: LeaseRecord; held?: Holding } | undefined {
  const { read, held, intent } = state.workers[who]!;
  const nowMs = clockOf(who, state.nowMs);
  if (intent === 'acquire') {
    const move = machine.acquire(read, { holder: `w${who}`, nowMs, leaseMs: LEASE_MS, skewMs: SKEW_MS });
    return move.kind === 'take' ? { next: move.next, held: move.next } : undefined;
  }
  const token = held?.token ?? 0;
  const next =
    intent === 'renew' ? machine.renew(read, { token, nowMs, leaseMs: LEASE_MS }) : machine.release(read, token);
  if (!next) return undefined;
  return intent === 'renew' ? { next, held: { token, untilMs: next.untilMs } } : { next };
}

function swap(machine: Machine, state: State, who: number): State {
  const { turns, intent } = state.workers[who]!;
  const attempted = attempt(machine, state, who);
  const idle: Worker = { turns };
  if (!attempted || !machine.swaps(state.record, state.workers[who]!.read)) return withWorker(state, who, idle);
  const worker = attempted.held ? { ...idle, held: attempted.held } : idle;
  const taken = intent === 'acquire' ? [...state.taken, attempted.next.token].sort() : state.taken;
  return { ...withWorker(state, who, worker), record: attempted.next, taken };
}

/** A write elsewhere that names the token, in one step with the check that it is the newest. */
function write(machine: Machine, state: State, who: number): State {
  const token = state.workers[who]!.held!.token;
  if (!machine.guards(state.record, token)) return state;
  return { ...state, written: token, backwards: state.backwards || token < state.written };
}

function* actions(machine: Machine, state: State): Generator<{ name: string; next: State }> {
  if (state.nowMs < LAST_MS) yield { name: 'time passes', next: { ...state, nowMs: state.nowMs + STEP_MS } };
  for (const [who, worker] of state.workers.entries()) {
    if (worker.intent) {
      yield { name: `w${who} ${worker.intent}: swap`, next: swap(machine, state, who) };
      continue;
    }
    if (worker.held) yield { name: `w${who} writes`, next: write(machine, state, who) };
    if (worker.turns === 0) continue;
    const turns = worker.turns - 1;
    const intents: Intent[] = worker.held ? ['renew', 'release'] : ['acquire'];
    for (const intent of intents) {
      const next = withWorker(state, who, { ...worker, intent, read: state.record, turns });
      yield { name: `w${who} ${intent}: read`, next };
    }
  }
}

function holds(state: State, who: number): boolean {
  const { held, intent } = state.workers[who]!;
  // Who is about to release has stopped working.
  return held !== undefined && intent !== 'release' && clockOf(who, state.nowMs) <= held.untilMs;
}

function invariant(state: State): string | undefined {
  const holders = state.workers.flatMap((_, who) => (holds(state, who) ? [who] : []));
  if (holders.length > 1) return `workers ${holders.join(' and ')} both hold the lease`;
  if (new Set(state.taken).size !== state.taken.length) return `a token was taken twice: ${state.taken.join(', ')}`;
  return state.backwards ? 'a guarded write of an older holder went through' : undefined;
}

const check = (machine: Machine) =>
  explore({
    initial,
    actions: (state) => actions(machine, state),
    invariant,
    key: JSON.stringify,
    maxStates: 2_000_000,
  });

const withToken = (record: LeaseRecord | undefined): number => record?.token ?? 0;

const mutants: Record<string, Machine> = {
  'renew does not compare the token': { ...sound, renew: (r, ask) => renew(r, { ...ask, token: withToken(r) }) },
  'release does not compare the token': { ...sound, release: (r) => release(r, withToken(r)) },
  'guarded writes do not compare the token': { ...sound, guards: () => true },
  'a held lease may be taken': { ...sound, acquire: (r, ask) => acquire(r && { ...r, untilMs: 0 }, ask) },
  'the skew margin is left out': { ...sound, acquire: (r, ask) => acquire(r, { ...ask, skewMs: 0 }) },
  'the swap does not compare what was read': { ...sound, swaps: () => true },
  'a taking does not raise the token': {
    ...sound,
    acquire: (r, ask) => {
      const move = acquire(r, ask);
      return r && move.kind === 'take' ? { ...move, next: { ...move.next, token: r.token } } : move;
    },
  },
  'a release forgets the record': {
    ...sound,
    acquire: (r, ask) => acquire(r?.untilMs === 0 ? undefined : r, ask),
  },
};

describe('the lease protocol, explored completely', () => {
  it('keeps its three promises in every interleaving', () => {
    const result = check(sound);
    expect(result).toMatchObject({ ok: true });
    expect(result.states).toBeGreaterThan(10_000);
  });

  it.each(Object.keys(mutants))('breaks when %s', (name) => {
    const result = check(mutants[name]!);
    expect(result.ok, `the mutant survived ${result.states} states`).toBe(false);
  });
});
