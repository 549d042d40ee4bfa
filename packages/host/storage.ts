import { mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { createMemoryQueue } from '@tmc/adapters/memory/queue.ts';
import { createMemoryTable } from '@tmc/adapters/memory/table.ts';
import type { Queue, Queues } from '@tmc/adapters/queue/queue.ts';
import { openDatabase } from '@tmc/adapters/sqlite/database.ts';
import { createSqliteQueue } from '@tmc/adapters/sqlite/queue.ts';
import { createSqliteTable } from '@tmc/adapters/sqlite/table.ts';
import type { Table } from '@tmc/adapters/table/table.ts';
import type { Clock } from '@tmc/kernel/clock.ts';
import { QUEUES, type QueueName } from '@tmc/kernel/envelope.ts';
import type { Ids } from '@tmc/kernel/ids.ts';

/** The table and the queues of one host. */
export type Storage = { readonly table: Table; readonly queues: Queues; close(): void };

/**
 * Opens the state of a host: one SQLite file, or `:memory:`, which forgets. Messages that a killed predecessor had in flight are
 * visible at once: the file is locked, so the predecessor is dead.
 * @throws TmcError ConfigurationError when the file cannot be opened or belongs to a running host.
 */
export function openStorage(path: string, { clock, ids }: { clock: Clock; ids: Ids }): Storage {
  if (path === ':memory:') {
    const queues = eachQueue((name) => createMemoryQueue({ name, clock, ids }));
    return { table: createMemoryTable(), queues, close: () => undefined };
  }
  mkdirSync(dirname(path), { recursive: true });
  const db = openDatabase(path);
  return {
    table: createSqliteTable(db),
    queues: eachQueue((name) => createSqliteQueue({ db, name, clock, ids, reclaim: true })),
    close: () => db.close(),
  };
}

function eachQueue(make: (name: QueueName) => Queue): Queues {
  return Object.fromEntries(QUEUES.map((name) => [name, make(name)])) as Record<QueueName, Queue>;
}
