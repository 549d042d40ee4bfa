import { createHash } from 'node:crypto';
import type { Envelope } from '@tmc/kernel/envelope.ts';

/**
 * List marks: how a relay that started without memory tells what is there, so that consumers find what went while nobody looked.
 *
 * After complete lists of a kind at all endpoints of its source the relay cuts the sorted keys into ranges and sends one mark for
 * each. A mark is complete in itself: at revision `rv` of `source.epoch` exactly `keys` were at or after `begin` and before `end`
 * (absent: to the last); `begin` of the first is empty. So marks may come in any order, twice, or late, and one that is lost only
 * leaves its range unswept until the next. A list that was cut sends none.
 *
 * Whoever keeps versions sweeps only what he knows at no newer (epoch, rv) than the mark's. Of several endpoints `rv` is the lowest:
 * what is newer stays unswept then, so whoever can read the source should ask it instead of comparing.
 */
export type ListMark = NonNullable<Envelope['list']>;

/** Bytes of keys in one mark: a message stays within the 64 KiB that SQS bills as one request. */
const MARK_BYTES = 48 * 1024;

/** Order-independent digest of keys: the XOR of 96 bits of SHA-256 of each, in hex. */
export function digestOf(keys: Iterable<string>): string {
  const sum = Buffer.alloc(12);
  for (const key of keys) {
    const hash = createHash('sha256').update(key).digest();
    for (let at = 0; at < sum.length; at += 1) sum[at] = (sum[at] as number) ^ (hash[at] as number);
  }
  return sum.toString('hex');
}

/** The marks of a complete list of formatted keys; at least one, also of an empty list. */
export function* marksOf(keys: Iterable<string>, maxBytes = MARK_BYTES): Generator<ListMark> {
  const sorted = [...keys].sort();
  let begin = '';
  let from = 0;
  let bytes = 0;
  for (const [at, key] of sorted.entries()) {
    bytes += key.length + 3;
    if (bytes <= maxBytes || at === from) continue;
    yield markOf(sorted.slice(from, at), begin, key);
    [begin, from, bytes] = [key, at, key.length + 3];
  }
  yield markOf(sorted.slice(from), begin, undefined);
}

function markOf(keys: string[], begin: string, end: string | undefined): ListMark {
  return { begin, ...(end !== undefined && { end }), keys, count: keys.length, digest: digestOf(keys) };
}

/** True when the keys of a mark are all there: a mark that was cut or mixed up proves nothing. */
export function isWhole({ keys, count, digest }: ListMark): boolean {
  return keys.length === count && new Set(keys).size === count && digestOf(keys) === digest;
}

/** Of the known keys those that a whole mark proves absent; none when it is not whole. */
export function absentByMark(mark: ListMark, known: Iterable<string>): string[] {
  if (!isWhole(mark)) return [];
  const listed = new Set(mark.keys);
  return [...known].filter((key) => isWithin(mark, key) && !listed.has(key));
}

/** Whether a mark speaks of any key that begins like this. */
export function touches({ begin, end }: ListMark, prefix: string): boolean {
  return (begin <= prefix || begin.startsWith(prefix)) && (end === undefined || prefix < end);
}

/** Whether a mark speaks of a key: it is in its range. */
export function isWithin({ begin, end }: ListMark, key: string): boolean {
  return key >= begin && (end === undefined || key < end);
}
