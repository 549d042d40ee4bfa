import type { Clock } from '@tmc/kernel/clock.ts';
import { TmcError } from '@tmc/kernel/errors.ts';
import type { Ids } from '@tmc/kernel/ids.ts';
import { acquire, guards, type LeaseRecord, release, renew } from './lease.ts';
import type { LeaseStore, StoredLease } from './lease-store.ts';

/** A lease in hand: name the token in everything that is guarded by it. */
export type HeldLease = {
  readonly held: true;
  readonly scope: string;
  readonly token: number;
  /** When to stop, by the clock of the functions. */
  readonly untilMs: number;
};

/** Somebody else holds it; give the message back rather than wait. */
type BusyLease = { readonly held: false; readonly scope: string; readonly heldUntilMs: number };

export type Leases = {
  /** One attempt, no waiting. */
  acquire(scope: string, leaseMs: number): Promise<HeldLease | BusyLease>;
  /** @throws TmcError `lease-lost` when another holder followed or it was released. */
  renew(lease: HeldLease, leaseMs: number): Promise<HeldLease>;
  /** @throws TmcError `lease-lost` when the token is no longer the newest. */
  check(lease: HeldLease): Promise<void>;
  /** Gives it back; false when it was lost already, which is no error at this point. */
  release(lease: HeldLease): Promise<boolean>;
  /** Acquires, works, releases, also when the work throws; `ran: false` when somebody else holds it. */
  withLease<T>(
    scope: string,
    leaseMs: number,
    work: (lease: HeldLease) => Promise<T>,
  ): Promise<{ readonly ran: true; readonly value: T } | { readonly ran: false; readonly heldUntilMs: number }>;
};

/** AWS keeps Lambda clocks within milliseconds; a second covers machines kept by ordinary NTP. */
const DEFAULT_SKEW_MS = 1_000;

/** A lost race is decided anew this often; after that the scope is contended and the caller comes back later. */
const MAX_RACES = 3;

type Move = (stored: StoredLease | undefined) => LeaseRecord | { readonly stop: BusyLease | 'lost' };

/** Leases on a store. Only functions write them, on their own clock, never a relay's. */
export function createLeases(
  store: LeaseStore,
  clock: Clock,
  ids: Ids,
  { skewMs = DEFAULT_SKEW_MS }: { readonly skewMs?: number } = {},
): Leases {
  /** Stores what `move` wants, deciding again on what stands there when a race was lost. */
  async function settle(scope: string, move: Move): Promise<LeaseRecord | BusyLease | 'lost'> {
    let stored = await store.read(scope);
    for (let race = 0; race < MAX_RACES; race += 1) {
      const next = move(stored);
      if ('stop' in next) return next.stop;
      const result = await store.swap(scope, stored?.version, next);
      if (result.ok || sameRecord(result.current?.record, next)) return next;
      stored = result.current;
    }
    return { held: false, scope, heldUntilMs: stored?.record.untilMs || clock() };
  }

  async function acquireLease(scope: string, leaseMs: number): Promise<HeldLease | BusyLease> {
    const holder = ids();
    const settled = await settle(scope, (stored) => {
      const move = acquire(stored?.record, { holder, nowMs: clock(), leaseMs, skewMs });
      return move.kind === 'take' ? move.next : { stop: { held: false, scope, heldUntilMs: move.heldUntilMs } };
    });
    if (settled === 'lost') throw lost(scope, 'acquire');
    return 'held' in settled ? settled : { held: true, scope, token: settled.token, untilMs: settled.untilMs };
  }

  async function renewLease(lease: HeldLease, leaseMs: number): Promise<HeldLease> {
    const { scope, token } = lease;
    const settled = await settle(
      scope,
      (stored) => renew(stored?.record, { token, nowMs: clock(), leaseMs }) ?? { stop: 'lost' },
    );
    if (settled === 'lost' || 'held' in settled) throw lost(scope, 'renew');
    return { ...lease, untilMs: settled.untilMs };
  }

  async function releaseLease({ scope, token }: HeldLease): Promise<boolean> {
    const settled = await settle(scope, (stored) => release(stored?.record, token) ?? { stop: 'lost' });
    return settled !== 'lost' && !('held' in settled);
  }

  return {
    acquire: acquireLease,
    renew: renewLease,
    release: releaseLease,
    check: async ({ scope, token }) => {
      if (!guards((await store.read(scope))?.record, token)) throw lost(scope, 'go on under');
    },
    withLease: async (scope, leaseMs, work) => {
      const lease = await acquireLease(scope, leaseMs);
      if (!lease.held) return { ran: false, heldUntilMs: lease.heldUntilMs };
      try {
        return { ran: true, value: await work(lease) };
      } finally {
        await releaseLease(lease);
      }
    },
  };
}

/** The write went through although its answer was lost, and a repetition then found our own record. */
function sameRecord(a: LeaseRecord | undefined, b: LeaseRecord): boolean {
  return a !== undefined && a.token === b.token && a.holder === b.holder && a.untilMs === b.untilMs;
}

function lost(scope: string, attempt: string): TmcError {
  return new TmcError(
    'lease-lost',
    `could not ${attempt} the lease ${scope}: another holder followed, or it was released`,
    {
      type: 'SyncConflict',
      component: 'leases',
    },
  );
}
