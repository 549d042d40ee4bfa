import type { Item, Table } from './table.ts';

/**
 * A table on which equal reads share one call. A read is shared by those only who asked before it was sent, in one turn of the event
 * loop, so everybody sees what was true after the question: to act first and to look afterwards stays what it is. Nobody waits for a
 * read that was sent: one that hangs holds up those alone who share it.
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

function createShared<T>(): Shared<T> {
  const unsent = new Map<string, Promise<T>>();
  return (key, read) => {
    const known = unsent.get(key);
    if (known !== undefined) return known;
    const next = nextTurn().then(() => {
      unsent.delete(key);
      return read();
    });
    unsent.set(key, next);
    return next;
  };
}

/** Whoever asks in this turn of the event loop, as the records of one batch do, asks in time. */
const nextTurn = (): Promise<void> => new Promise((settle) => void setImmediate(settle));
