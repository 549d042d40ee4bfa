import type { LeaseRecord } from './lease.ts';

/** A stored record and the version under which it can be replaced. */
export type StoredLease = { readonly record: LeaseRecord; readonly version: number };

/** `current` is what stands there instead, undefined when nothing does. */
type SwapResult = { readonly ok: true } | { readonly ok: false; readonly current: StoredLease | undefined };

/** Where leases are kept. One item per scope, compare-and-swap; no deletion, since tokens must never start over. */
export type LeaseStore = {
  /** Strongly consistent. */
  read(scope: string): Promise<StoredLease | undefined>;
  /** Replaces the record of that version; version undefined: writes only if the scope has none. */
  swap(scope: string, version: number | undefined, next: LeaseRecord): Promise<SwapResult>;
};
