import type { QueueEntry, ReceiveOptions } from './queue.ts';

/** The limits of SQS, kept by every queue, so that what passes on one host passes on all. */

export const MAX_ENTRIES = 10;
/** Of one message, and of all messages of one call together. */
const MAX_BYTES = 1024 * 1024;

/** What SQS counts of an entry; attributes this project adds are covered by the margin. */
function entryBytes({ body }: Pick<QueueEntry, 'body'>): number {
  return Buffer.byteLength(body) + ATTRIBUTE_MARGIN;
}
const ATTRIBUTE_MARGIN = 1024;

export function fits(entry: Pick<QueueEntry, 'body'>): boolean {
  // A UTF-16 unit is at most three bytes of UTF-8: most bodies need no count.
  return entry.body.length * 3 + ATTRIBUTE_MARGIN <= MAX_BYTES || entryBytes(entry) <= MAX_BYTES;
}

/** Consecutive indexes of entries that fit one call each; entries too large for any call are in `tooLarge`. */
export function planBatches(entries: readonly Pick<QueueEntry, 'body'>[]): {
  readonly batches: readonly (readonly number[])[];
  readonly tooLarge: readonly number[];
} {
  const batches: number[][] = [];
  const tooLarge: number[] = [];
  let room = 0;
  for (const [index, entry] of entries.entries()) {
    const bytes = entryBytes(entry);
    if (bytes > MAX_BYTES) {
      tooLarge.push(index);
      continue;
    }
    const last = batches.at(-1);
    if (last && last.length < MAX_ENTRIES && bytes <= room) {
      last.push(index);
      room -= bytes;
    } else {
      batches.push([index]);
      room = MAX_BYTES - bytes;
    }
  }
  return { batches, tooLarge };
}

/** @throws RangeError for more entries than one call takes. */
export function checkEntries(entries: readonly QueueEntry[]): void {
  if (entries.length > MAX_ENTRIES) {
    throw new RangeError(`a send takes at most ${MAX_ENTRIES} messages, got ${entries.length}`);
  }
}

/** @throws RangeError when `max` is not 1 to 10. */
export function checkReceive({ max }: ReceiveOptions): void {
  if (!(max >= 1 && max <= MAX_ENTRIES))
    throw new RangeError(`a receive takes 1 to ${MAX_ENTRIES} messages, got ${max}`);
}
