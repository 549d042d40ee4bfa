import type { Table, Write } from '@tmc/adapters/table/table.ts';
import type { Journal } from './journal.ts';

/** A table that tells the journal of every write that took effect. */
export function watchedTable(table: Table, journal: Journal): Table {
  const tell = (writes: readonly Write[]): void => {
    for (const { key } of writes) journal.tableWrite(`${key.pk} / ${key.sk}`);
  };
  return {
    get: (key) => table.get(key),
    query: (pk, options) => table.query(pk, options),
    write: async (write) => {
      const result = await table.write(write);
      if (result.ok) tell([write]);
      return result;
    },
    transact: async (writes) => {
      const result = await table.transact(writes);
      if (result.ok) tell(writes);
      return result;
    },
  };
}
