import { explore } from '@tmc/testkit/explore.ts';
import { describe, expect, it } from 'vitest';
import { acquire, type LeaseRecord, release } from './lease.ts';

/**
 * Why writes downstream are fenced by source version and not by a lease. One key changes a few times; each change sends a
 * message that names the key only; workers read the source, then write the target. Messages may be delivered twice, a worker
 * may crash, a lease may expire under a slow worker. Every interleaving of each protocol is explored.
 */

/** What a worker does that finds the lease held; `none`: it takes no lease. */
type Protocol = 'none' | 'drop' | 'return' | 'dirty' | 'dirty, unconditional release';
/** `plain` always writes; `token` unless a newer token wrote; `monotonic` only a newer source version. */
type Fence = 'plain' | 'token' | 'monotonic';

type Worker = {
  readonly at: 'idle' | 'received' | 'working' | 'read' | 'written';
  readonly token: number;
  readonly version: number;
};
type Lease = LeaseRecord | undefined;
type State = {
  readonly source: number;
  readonly target: number;
  readonly targetToken: number;
  readonly visible: number;
  readonly lease: Lease;
  readonly dirty: boolean;
  readonly nowMs: number;
  readonly workers: readonly Worker[];
  readonly duplicates: number;
  readonly crashes: number;
  readonly backwards: boolean;
};

const NEWEST = 3;
const LEASE_MS = 100;
const IDLE: Worker = { at: 'idle', token: 0, version: 0 };
const initial: State = {
  source: 0,
  target: 0,
  targetToken: 0,
  visible: 0,
  lease: undefined,
  dirty: false,
  nowMs: 1,
  workers: [IDLE, IDLE],
  duplicates: 1,
  crashes: 1,
  backwards: false,
};

function step(state: State, who: number, worker: Worker, rest: Partial<State> = {}): State {
  return { ...state, ...rest, workers: state.workers.map((other, index) => (index === who ? worker : other)) };
}

/** A received message meets the lease. */
function begin(protocol: Protocol, state: State, who: number): State {
  if (protocol === 'none') return step(state, who, { ...IDLE, at: 'working' });
  const ask = { holder: `w${who}`, nowMs: state.nowMs, leaseMs: LEASE_MS, skewMs: 0 };
  const move = acquire(state.lease, ask);
  if (move.kind === 'take') {
    return step(state, who, { ...IDLE, at: 'working', token: move.next.token }, { lease: move.next });
  }
  if (protocol === 'drop') return step(state, who, IDLE);
  if (protocol === 'return') return step(state, who, IDLE, { visible: state.visible + 1 });
  return step(state, who, IDLE, { dirty: true });
}

function write(fence: Fence, state: State, who: number): State {
  const worker = state.workers[who]!;
  const written: Worker = { ...worker, at: 'written' };
  const refused =
    (fence === 'token' && worker.token < state.targetToken) ||
    (fence === 'monotonic' && worker.version <= state.target);
  if (refused) return step(state, who, written);
  return step(state, who, written, {
    target: worker.version,
    targetToken: worker.token,
    backwards: state.backwards || worker.version < state.target,
  });
}

/**
 * Releases and acknowledges; whoever lost the lease gives the message back. With a dirty flag the release holds only while nobody
 * marked it, else the work is done again.
 */
function finish(protocol: Protocol, state: State, who: number): State {
  if (protocol === 'none') return step(state, who, IDLE);
  const worker = state.workers[who]!;
  const released = release(state.lease, worker.token);
  if (!released) return step(state, who, IDLE, { visible: state.visible + 1 });
  if (protocol === 'dirty' && state.dirty) return step(state, who, { ...worker, at: 'working' }, { dirty: false });
  return step(state, who, IDLE, { lease: released });
}

type Next = { readonly name: string; readonly next: State };

function* workerActions(protocol: Protocol, fence: Fence, state: State, who: number): Generator<Next> {
  const worker = state.workers[who]!;
  const named = (name: string, next: State): Next => ({ name: `w${who} ${name}`, next });
  if (worker.at === 'idle') {
    const received = step(state, who, { ...IDLE, at: 'received' }, { visible: state.visible - 1 });
    if (state.visible > 0) yield named('receives', received);
    return;
  }
  if (worker.at === 'received') yield named('begins', begin(protocol, state, who));
  if (worker.at === 'working') yield named('reads', step(state, who, { ...worker, at: 'read', version: state.source }));
  if (worker.at === 'read') yield named('writes', write(fence, state, who));
  if (worker.at === 'written') yield named('finishes', finish(protocol, state, who));
  const again = { ...state, nowMs: timedOut(state, worker), visible: state.visible + 1 };
  if (state.duplicates > 0) yield named('outlives its message', { ...again, duplicates: state.duplicates - 1 });
  if (state.crashes > 0) yield named('crashes', step(again, who, IDLE, { crashes: state.crashes - 1 }));
}

/** A message comes back after its visibility timeout, which is longer than the lease of who received it. */
function timedOut({ lease, nowMs }: State, { token }: Worker): number {
  return lease && lease.token === token ? Math.max(nowMs, lease.untilMs + 1) : nowMs;
}

function* actions(protocol: Protocol, fence: Fence, state: State): Generator<Next> {
  if (state.source < NEWEST) {
    yield { name: 'changes', next: { ...state, source: state.source + 1, visible: state.visible + 1 } };
  }
  const expires = state.lease && state.lease.untilMs >= state.nowMs && protocol !== 'none';
  if (expires && state.nowMs < 3 * LEASE_MS) {
    yield { name: 'the lease expires', next: { ...state, nowMs: state.lease.untilMs + 1 } };
  }
  for (const who of state.workers.keys()) yield* workerActions(protocol, fence, state, who);
}

/** Workers are interchangeable: states that differ in their order only are one. */
function keyOf(state: State): string {
  const { workers, lease, backwards, dirty, ...rest } = state;
  const each = workers.map(({ at, token, version }) => `${at} ${token} ${version}`).sort();
  const flags = `${backwards} ${dirty} ${lease?.token} ${lease?.untilMs}`;
  return `${each.join()}|${Object.values(rest).join()}|${flags}`;
}

/** What goes wrong first: `lost` (at rest the target is not the newest), `backwards`, or nothing. */
function check(protocol: Protocol, fence: Fence, bad: 'lost' | 'backwards'): string {
  const result = explore<State>({
    initial,
    actions: (state) => actions(protocol, fence, state),
    invariant: (state) => {
      if (bad === 'backwards') return state.backwards ? 'backwards' : undefined;
      const atRest = state.source === NEWEST && state.visible === 0 && state.workers.every(({ at }) => at === 'idle');
      return atRest && state.target !== NEWEST ? 'lost' : undefined;
    },
    key: keyOf,
    maxStates: 1_000_000,
  });
  return result.ok ? 'never' : 'yes';
}

describe('protocols for one key, explored completely', () => {
  it.each([
    ['none', 'plain', 'yes', 'yes'],
    ['none', 'monotonic', 'never', 'never'],
    ['drop', 'plain', 'yes', 'yes'],
    ['drop', 'monotonic', 'yes', 'never'],
    ['return', 'plain', 'never', 'yes'],
    ['return', 'token', 'never', 'yes'],
    ['return', 'monotonic', 'never', 'never'],
    ['dirty', 'monotonic', 'never', 'never'],
    ['dirty', 'token', 'never', 'yes'],
    ['dirty, unconditional release', 'monotonic', 'yes', 'never'],
  ] as const)('lease: %s, write: %s → lost update %s, backwards %s', (protocol, fence, lost, backwards) => {
    expect({
      lost: check(protocol, fence, 'lost'),
      backwards: check(protocol, fence, 'backwards'),
    }).toEqual({ lost, backwards });
  });
});
