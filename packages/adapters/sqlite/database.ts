import { DatabaseSync } from 'node:sqlite';
import { messageOf, terminalError } from '@tmc/kernel/errors.ts';

/**
 * Opens, or makes, the database file of one host; `:memory:` for none. WAL with synchronous=NORMAL: a killed process loses
 * nothing that was answered; a power cut may lose the last moments, which relays then replay from their checkpoints.
 * The file belongs to this process alone until it closes it or dies: queues keep their order in memory.
 * @throws TmcError terminal when another process has it open, or it cannot be made.
 */
export function openDatabase(path: string): DatabaseSync {
  let db: DatabaseSync | undefined;
  try {
    db = new DatabaseSync(path);
    db.exec('PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL');
    db.exec(`PRAGMA wal_autocheckpoint = ${CHECKPOINT_PAGES}`);
    // The lock is taken by the first write, not by the pragma.
    db.exec('BEGIN EXCLUSIVE; COMMIT');
    return db;
  } catch (error) {
    if (db?.isOpen) db.close();
    throw terminalError(`could not open the state file ${path}: ${messageOf(error)}`, {
      type: 'ConfigurationError',
      component: 'sqlite',
      hint: 'stop the other process that uses it, or configure another path',
      cause: error,
    });
  }
}

/** 16 MiB of log between the checkpoints that flush to disk: queue rows mostly die before they are written out. */
const CHECKPOINT_PAGES = 4_096;

/** Runs `work` as one write transaction; a throw undoes all of it. */
export function inTransaction<T>(db: DatabaseSync, work: () => T): T {
  db.exec('BEGIN IMMEDIATE');
  try {
    const result = work();
    db.exec('COMMIT');
    return result;
  } catch (error) {
    if (db.isTransaction) db.exec('ROLLBACK');
    throw error;
  }
}
