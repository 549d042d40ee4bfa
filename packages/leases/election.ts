import type { LeaseRecord } from './lease.ts';
import type { StoredLease } from './lease-store.ts';

/**
 * Who of several replicas works, as pure decisions on a lease record. After client-go: a candidate takes the record only when it
 * has not changed for a whole lease by the candidate's own monotonic clock, so that no two clocks are ever compared and replicas
 * whose clocks are hours apart agree. A leader stops by itself before that time can have passed.
 *
 * ```
 *  leader     renewal began ├──────── renewDeadline: stops ────┤
 *  record            written ·
 *  candidate              sees it changed ├──────────────── lease: takes it
 * ```
 * The write is not before its beginning and is not seen before it is written: as long as clocks run equally fast the stop comes
 * first. Overlap is no disaster: what relays send is monotonic downstream.
 */
export type ElectionTerms = {
  /** How long a record must stand unchanged before a candidate takes it. */
  readonly leaseMs: number;
  /** A leader that has not renewed for so long stops; less than `leaseMs`. */
  readonly renewDeadlineMs: number;
  /** Pause of a candidate between two looks, and of a leader after a failed renewal; less than `renewDeadlineMs`. */
  readonly retryMs: number;
};

/** What a candidate saw last, and since when by its own clock; undefined before its first look. */
export type Sighting = { readonly version: number; readonly sinceMs: number };

/** A candidate's next move; `seen` is what to compare with at the next look. */
export type CandidateMove = { readonly take: boolean; readonly seen: Sighting | undefined };

/** A term of leading; `renewedAtMs` is when the last renewal that succeeded began, by the leader's monotonic clock. */
export type Term = { readonly token: number; readonly renewedAtMs: number };

/** Whether a candidate may take the record it just read; `holder` is its own name: its own record from a lost answer is taken. */
export function considerRecord(
  seen: Sighting | undefined,
  stored: StoredLease | undefined,
  { holder, nowMs, leaseMs }: { readonly holder: string; readonly nowMs: number; readonly leaseMs: number },
): CandidateMove {
  if (!stored) return { take: true, seen: undefined };
  const since = seen?.version === stored.version ? seen : { version: stored.version, sinceMs: nowMs };
  const { untilMs, holder: present } = stored.record;
  return { take: untilMs === 0 || present === holder || nowMs - since.sinceMs >= leaseMs, seen: since };
}

/** The record of a new term. */
export function claimRecord(
  stored: StoredLease | undefined,
  { holder, untilMs }: { readonly holder: string; readonly untilMs: number },
): LeaseRecord {
  return { token: (stored?.record.token ?? 0) + 1, holder, untilMs };
}

/** True when the record says that this term is over: another holder followed, or it was released. */
export function isFollowed(
  stored: StoredLease | undefined,
  { holder, token }: { holder: string; token: number },
): boolean {
  return stored?.record.holder !== holder || stored.record.token !== token || stored.record.untilMs === 0;
}

/** When a leader that has not renewed since must have stopped, by its monotonic clock. */
export const termEndMs = (term: Term, { renewDeadlineMs }: ElectionTerms): number => term.renewedAtMs + renewDeadlineMs;

/** How long a leader waits before its next renewal: a third of the lease, or less after a failure; never beyond its end. */
export function renewInMs(
  term: Term,
  terms: ElectionTerms,
  { nowMs, failed }: { nowMs: number; failed: boolean },
): number {
  const dueMs = failed ? nowMs + terms.retryMs : term.renewedAtMs + terms.leaseMs / 3;
  return Math.max(0, Math.min(dueMs, termEndMs(term, terms)) - nowMs);
}
