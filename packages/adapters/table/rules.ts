import { terminalError } from '@tmc/kernel/errors.ts';
import type { JsonObject } from '@tmc/kernel/object.ts';
import type { ItemKey, Write } from './table.ts';

/** The limits of DynamoDB, kept by every table, so that what passes on one host passes on all. */

/** 400 KB per item, with room for keys and attribute names. */
const MAX_DATA_BYTES = 390 * 1024;
const MAX_TRANSACTION_WRITES = 100;

/** The stored text of an item's data; @throws TmcError terminal when it is too large for an item. */
export function encodeData(key: ItemKey, data: JsonObject): string {
  const text = JSON.stringify(data);
  const bytes = text.length > MAX_DATA_BYTES / 3 ? Buffer.byteLength(text) : text.length;
  if (bytes > MAX_DATA_BYTES) {
    throw terminalError(`table item ${key.pk} ${key.sk} has ${bytes} bytes, the limit is ${MAX_DATA_BYTES}`, {
      type: 'ResourceValidation',
      component: 'table',
    });
  }
  return text;
}

/** @throws RangeError for an empty key part, which no table can store. */
export function checkKey({ pk, sk }: ItemKey): void {
  if (!pk || !sk) throw new RangeError(`a table key needs a partition and a sort key, got "${pk}" and "${sk}"`);
}

/** @throws RangeError for more than 100 writes or two on one item. */
export function checkTransaction(writes: readonly Write[]): void {
  if (writes.length > MAX_TRANSACTION_WRITES) {
    throw new RangeError(`a transaction takes at most ${MAX_TRANSACTION_WRITES} writes, got ${writes.length}`);
  }
  const seen = new Set<string>();
  for (const { key } of writes) {
    checkKey(key);
    const identity = JSON.stringify([key.pk, key.sk]);
    if (seen.has(identity)) throw new RangeError(`a transaction names ${key.pk} ${key.sk} twice`);
    seen.add(identity);
  }
}
