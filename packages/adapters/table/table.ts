import type { JsonObject } from '@tmc/kernel/object.ts';

/**
 * The one table, as the stores see it: items under a partition and a sort key, a version that every write raises, and
 * conditions. DynamoDB, SQLite and memory implement it; one contract suite holds all three to it.
 */

export type ItemKey = { readonly pk: string; readonly sk: string };

/** An item; `version` starts at 1 and rises by one with each write of the item. */
export type Item = ItemKey & { readonly version: number; readonly data: JsonObject; readonly expiresAtS?: number };

/** When a write may happen; none: always. */
export type WriteCondition = { readonly absent: true } | { readonly version: number };

export type Write =
  | {
      readonly op: 'put';
      readonly key: ItemKey;
      readonly data: JsonObject;
      /** Epoch seconds after which the item is garbage. Garbage collection only: readers never decide on it. */
      readonly expiresAtS?: number;
      readonly when?: WriteCondition;
    }
  | { readonly op: 'delete'; readonly key: ItemKey; readonly when?: WriteCondition };

/** `current` is the item that broke the condition, undefined when it was absent. */
export type WriteResult =
  | { readonly ok: true; readonly version: number }
  | { readonly ok: false; readonly current: Item | undefined };

export type QueryOptions = { readonly skPrefix?: string; readonly descending?: boolean; readonly limit?: number };

export type Table = {
  /** Strongly consistent read. */
  get(key: ItemKey): Promise<Item | undefined>;
  /** All items of a partition in sort-key order (bytewise), strongly consistent, every page. */
  query(pk: string, options?: QueryOptions): Promise<readonly Item[]>;
  write(write: Write): Promise<WriteResult>;
  /** All or nothing, at most 100 writes on distinct items; `failed` are the indexes whose condition did not hold. */
  transact(writes: readonly Write[]): Promise<{ ok: true } | { ok: false; failed: readonly number[] }>;
};
