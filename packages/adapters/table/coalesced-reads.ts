import type { Item, Table } from './table.ts';

/**
 * A table on which equal reads share one call. A read is shared by those only who asked before it was sent, so everybody sees what
 * was true after the question: to act first and to look afterwards stays what it is. While a read of a key is on its way, those
 * who ask for the same wait for the next one, which is sent when that one has ended.
 */
export function coalesceReads(table: Table): Table {
  const get = createShared<Item | undefined>();
  const query = createShared<readonly Item[]>();
  return {
    get: (key) => get(JSON.stringify([key.pk, key.sk]), () => table.get(key)),
    query: (pk, options = {}) => {
      const { skPrefix, descending, limit } = options;
      return query(JSON.stringify([pk, skPrefix, descending, limit]), () => table.query(pk, options));
    },
    write: (write) => table.write(write),
    transact: (writes) => table.transact(writes),
  };
}

type Shared<T> = (key: string, read: () => Promise<T>) => Promise<T>;

/** The reads of one key: the one that was sent, and the next one, which may still be joined. */
type Reads<T> = { sent: Promise<unknown>; next: Promise<T> | undefined };

function createShared<T>(): Shared<T> {
  const reads = new Map<string, Reads<T>>();

  return (key, read) => {
    const known = reads.get(key) ?? { sent: nextTurn(), next: undefined };
    reads.set(key, known);
    known.next ??= known.sent.then(() => {
      known.next = undefined;
      const answer = read();
      // A failure is told to those who share the read; whoever waits behind it reads anew.
      const ended = answer.then(ignore, ignore).then(() => {
        if (known.sent === ended && !known.next) reads.delete(key);
      });
      known.sent = ended;
      return answer;
    });
    return known.next;
  };
}

const ignore = (): void => undefined;

/** Whoever asks in this turn of the event loop, as the records of one batch do, asks in time. */
const nextTurn = (): Promise<void> => new Promise((settle) => void setImmediate(settle));
