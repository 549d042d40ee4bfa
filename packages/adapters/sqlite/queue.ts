import type { DatabaseSync } from 'node:sqlite';
import { createInProcessQueue, type InProcessQueueOptions } from '../queue/in-process-queue.ts';
import type { Death, NewMessage, QueueJournal, StoredMessage } from '../queue/journal.ts';
import type { DeadLetter, Queue } from '../queue/queue.ts';
import { inTransaction } from './database.ts';

// Rows are found by seq alone: order, groups and visibility live in the process, so no write has a second index to keep.
const SCHEMA = `
  CREATE TABLE IF NOT EXISTS messages (
    seq INTEGER PRIMARY KEY, queue TEXT NOT NULL, id TEXT NOT NULL, grp TEXT NOT NULL, body TEXT NOT NULL,
    sent INTEGER NOT NULL, visible INTEGER NOT NULL, receives INTEGER NOT NULL
  ) STRICT;
  CREATE TABLE IF NOT EXISTS dead_letters (
    seq INTEGER PRIMARY KEY, queue TEXT NOT NULL, id TEXT NOT NULL, grp TEXT NOT NULL, body TEXT NOT NULL,
    sent INTEGER NOT NULL, receives INTEGER NOT NULL, died INTEGER NOT NULL, reason TEXT NOT NULL
  ) STRICT;
  CREATE INDEX IF NOT EXISTS dead_letters_id ON dead_letters (queue, id);
`;

export type SqliteQueueOptions = InProcessQueueOptions & { readonly db: DatabaseSync };

/**
 * A durable queue in a database of `openDatabase`; several share one. Every answered call is on disk before it resolves: after
 * a kill nothing is lost, receive counts are kept, and what was in flight is visible again when its timeout has passed.
 */
export function createSqliteQueue({ db, ...options }: SqliteQueueOptions): Queue {
  return createInProcessQueue(options, createSqliteJournal(db, options.name));
}

function statements(db: DatabaseSync) {
  const letter = 'id, grp AS "group", body, reason, receives AS "receiveCount", sent AS "sentAtMs" FROM dead_letters';
  return {
    load: db.prepare(
      `SELECT seq, id, grp AS "group", sent AS "sentAtMs", visible AS "visibleAtMs", receives AS "receiveCount"
       FROM messages WHERE queue = ? ORDER BY seq`,
    ),
    insert: db.prepare(
      'INSERT INTO messages (queue, id, grp, body, sent, visible, receives) VALUES (?, ?, ?, ?, ?, ?, ?)',
    ),
    body: db.prepare('SELECT body FROM messages WHERE seq = ?'),
    record: db.prepare('UPDATE messages SET receives = ?, visible = ? WHERE seq = ?'),
    remove: db.prepare('DELETE FROM messages WHERE seq = ?'),
    bury: db.prepare(
      `INSERT INTO dead_letters (queue, id, grp, body, sent, receives, died, reason)
       SELECT queue, id, grp, body, sent, ?, ?, ? FROM messages WHERE seq = ?`,
    ),
    deadCount: db.prepare('SELECT count(*) AS n FROM dead_letters WHERE queue = ?'),
    deadList: db.prepare(`SELECT ${letter} WHERE queue = ? ORDER BY seq LIMIT ?`),
    deadFind: db.prepare(`SELECT ${letter} WHERE queue = ? AND id = ?`),
    deadRemove: db.prepare('DELETE FROM dead_letters WHERE queue = ? AND id = ?'),
  };
}

function createSqliteJournal(db: DatabaseSync, queue: string): QueueJournal {
  db.exec(SCHEMA);
  const sql = statements(db);

  function insertRow({ id, group, body, sentAtMs, visibleAtMs, receiveCount }: NewMessage): number {
    return Number(sql.insert.run(queue, id, group, body, sentAtMs, visibleAtMs, receiveCount).lastInsertRowid);
  }

  function bury({ message, reason, atMs }: Death): void {
    sql.bury.run(message.receiveCount, atMs, reason, message.seq);
    sql.remove.run(message.seq);
  }

  return {
    load: () => sql.load.all(queue) as StoredMessage[],
    insert: (messages) => inTransaction(db, () => messages.map(insertRow)),
    body: (seq) => (sql.body.get(seq) as { body: string }).body,
    record: (received, dead) =>
      inTransaction(db, () => {
        for (const { receiveCount, visibleAtMs, seq } of received) sql.record.run(receiveCount, visibleAtMs, seq);
        for (const death of dead) bury(death);
      }),
    remove: (messages) =>
      inTransaction(db, () => {
        for (const { seq } of messages) sql.remove.run(seq);
      }),
    dead: {
      count: () => (sql.deadCount.get(queue) as { n: number }).n,
      list: (limit) => sql.deadList.all(queue, limit) as DeadLetter[],
      find: (id) => sql.deadFind.get(queue, id) as DeadLetter | undefined,
      revive: (letters, as) =>
        inTransaction(db, () => {
          for (const { id } of letters) sql.deadRemove.run(queue, id);
          return as.map(insertRow);
        }),
    },
  };
}
