import { isReading, type WatchState } from './watch-state.ts';

/** Counters of one list-watch, rising only. */
export type ListWatchCounters = {
  events: number;
  bookmarks: number;
  lists: number;
  upserts: number;
  deletes: number;
  unseen: number;
  duplicates: number;
  uninteresting: number;
  /** Objects a restart did not tell again, because the checkpoint covers them. */
  acknowledgedBefore: number;
  /** Anti-entropy: lists that were compared with what is known, and differences the stream should have told. The latter stays 0. */
  comparisons: number;
  repaired: number;
  /** Comparisons that an error ended: while this rises alone, a lost event is found by nobody. */
  comparisonsFailed: number;
};

/** One (endpoint, resource) as health pages show it. */
export type ListWatchStatus = {
  readonly state: WatchState;
  readonly sinceMs: number;
  readonly listed: boolean;
  readonly objects: number;
  readonly rv: string;
  /** Attempts that failed since the last success. */
  readonly failures: number;
  readonly lastError: string | undefined;
  /** What the user can change about the last error. */
  readonly lastHint: string | undefined;
  /** By how much the server's clock is ahead of this machine's, when that is over a minute. Shown only; nothing compares clocks. */
  readonly clockSkewMs: number | undefined;
  /** Why lists are read by pages at present although the server may stream them; undefined while it streams them. */
  readonly pagedBecause: string | undefined;
  /** How often each state was entered. */
  readonly entered: Readonly<Partial<Record<WatchState, number>>>;
  readonly counters: Readonly<ListWatchCounters>;
};

export const zeroCounters = (): ListWatchCounters => ({
  events: 0,
  bookmarks: 0,
  lists: 0,
  upserts: 0,
  deletes: 0,
  unseen: 0,
  duplicates: 0,
  uninteresting: 0,
  acknowledgedBefore: 0,
  comparisons: 0,
  repaired: 0,
  comparisonsFailed: 0,
});

/**
 * True when a source is not listed yet, does not answer now, or was ended. One failure after a working stream is everyday life
 * (servers end streams and forget revisions); two in a row are an outage.
 */
export function isMissing({ listed, failures, state }: ListWatchStatus): boolean {
  return !listed || state === 'stopped' || (failures > 1 && !isReading(state));
}
