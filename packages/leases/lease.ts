/**
 * A lease as a pure state machine: a record, a transition, a new record. Expiry is advice, so that a crashed holder is followed;
 * the token is safety: every taking raises it, and every later write of the holder must name it.
 *
 * ```
 *            acquire                    time passes untilMs + skew
 *   free ───────────────▶ held(token) ──────────────────────────▶ expired(token)
 *                          │   ▲ renew(token)                        │
 *          release(token)  │   └──┘                                  │ acquire: token + 1
 *                          ▼                                         ▼
 *                      released(token) ──── acquire: token + 1 ──▶ held(token + 1)
 * ```
 * A released or expired record stays: forgetting it would start the tokens over.
 */

/** What is stored for one scope. */
export type LeaseRecord = {
  /** Rises by one with every taking, never falls. */
  readonly token: number;
  /** Unique per taking; tells a holder its own record from another's when the answer to a write was lost. */
  readonly holder: string;
  /** When the holder stops, ms by the functions' clock; 0 once released. */
  readonly untilMs: number;
};

type LeaseState = 'free' | 'held' | 'expired' | 'released';

/** Who asks, when, and for how long. */
export type LeaseAsk = {
  readonly holder: string;
  readonly nowMs: number;
  readonly leaseMs: number;
  /** By how much two functions' clocks may differ; a contender waits that much longer than the holder holds. */
  readonly skewMs: number;
};

/** `next` is to be stored if the record is still the one read; `wait` means somebody holds it until then. */
export type LeaseMove =
  | { readonly kind: 'take'; readonly next: LeaseRecord }
  | { readonly kind: 'wait'; readonly heldUntilMs: number };

/** The state of a record as a contender sees it. */
function leaseState(record: LeaseRecord | undefined, nowMs: number, skewMs: number): LeaseState {
  if (!record) return 'free';
  if (record.untilMs === 0) return 'released';
  return nowMs > record.untilMs + skewMs ? 'expired' : 'held';
}

/** Takes a lease that nobody holds, with the next token; a held one says until when. */
export function acquire(record: LeaseRecord | undefined, ask: LeaseAsk): LeaseMove {
  if (record && leaseState(record, ask.nowMs, ask.skewMs) === 'held') {
    return { kind: 'wait', heldUntilMs: record.untilMs + ask.skewMs };
  }
  const next = { token: (record?.token ?? 0) + 1, holder: ask.holder, untilMs: ask.nowMs + ask.leaseMs };
  return { kind: 'take', next };
}

/** True while this token is the newest and not released: nobody else has taken the lease, whatever the clocks say. */
export function guards(record: LeaseRecord | undefined, token: number): record is LeaseRecord {
  return record !== undefined && record.token === token && record.untilMs !== 0;
}

/** Prolongs the lease of this token; undefined when it is lost. An expired lease that nobody took may be renewed. */
export function renew(
  record: LeaseRecord | undefined,
  ask: { readonly token: number; readonly nowMs: number; readonly leaseMs: number },
): LeaseRecord | undefined {
  return guards(record, ask.token)
    ? { ...record, untilMs: Math.max(record.untilMs, ask.nowMs + ask.leaseMs) }
    : undefined;
}

/** Frees the lease of this token, keeping the token; undefined when it is lost or was released. */
export function release(record: LeaseRecord | undefined, token: number): LeaseRecord | undefined {
  return guards(record, token) ? { ...record, untilMs: 0 } : undefined;
}
