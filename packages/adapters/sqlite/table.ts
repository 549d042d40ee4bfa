import type { DatabaseSync } from 'node:sqlite';
import type { JsonObject } from '@tmc/kernel/object.ts';
import { checkKey, checkTransaction, encodeData } from '../table/rules.ts';
import type { Item, ItemKey, QueryOptions, Table, Write, WriteResult } from '../table/table.ts';
import { inTransaction } from './database.ts';

const SCHEMA = `
  CREATE TABLE IF NOT EXISTS items (
    pk TEXT NOT NULL, sk TEXT NOT NULL, version INTEGER NOT NULL, data TEXT NOT NULL, expires INTEGER,
    PRIMARY KEY (pk, sk)
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX IF NOT EXISTS items_expires ON items (expires) WHERE expires IS NOT NULL;
`;

// Keys compare by their UTF-8 bytes (collation BINARY); 0xff follows every byte of UTF-8, so prefix || 0xff ends the prefix.
const IN_PREFIX = "pk = ?1 AND sk >= ?2 AND sk < ?2 || CAST(x'ff' AS TEXT)";
const COLUMNS = 'pk, sk, version, data, expires';

type Row = { pk: string; sk: string; version: number; data: string; expires: number | null };

/** The conditions of the port as SQL: each write is one statement that changes no row when its condition does not hold. */
function statements(db: DatabaseSync) {
  const insert = `INSERT INTO items (${COLUMNS}) VALUES (?1, ?2, 1, ?3, ?4) ON CONFLICT (pk, sk)`;
  return {
    get: db.prepare(`SELECT ${COLUMNS} FROM items WHERE pk = ? AND sk = ?`),
    ascending: db.prepare(`SELECT ${COLUMNS} FROM items WHERE ${IN_PREFIX} ORDER BY sk LIMIT ?3`),
    descending: db.prepare(`SELECT ${COLUMNS} FROM items WHERE ${IN_PREFIX} ORDER BY sk DESC LIMIT ?3`),
    put: db.prepare(
      `${insert} DO UPDATE SET version = version + 1, data = excluded.data, expires = excluded.expires RETURNING version`,
    ),
    putAbsent: db.prepare(`${insert} DO NOTHING RETURNING version`),
    putVersion: db.prepare(
      `UPDATE items SET version = version + 1, data = ?3, expires = ?4 WHERE pk = ?1 AND sk = ?2 AND version = ?5 RETURNING version`,
    ),
    remove: db.prepare('DELETE FROM items WHERE pk = ? AND sk = ?'),
    removeVersion: db.prepare('DELETE FROM items WHERE pk = ? AND sk = ? AND version = ?'),
    expire: db.prepare('DELETE FROM items WHERE expires < ?'),
  };
}

/** A table that also sweeps its garbage, which DynamoDB does by itself. */
export type SqliteTable = Table & {
  /** Removes items whose `expiresAtS` has passed; resolves with their number. */
  readonly collectGarbage: (nowMs: number) => Promise<number>;
};

/** The table in a SQLite database of {@link openDatabase}. */
export function createSqliteTable(db: DatabaseSync): SqliteTable {
  db.exec(SCHEMA);
  const sql = statements(db);

  const find = ({ pk, sk }: ItemKey): Item | undefined => {
    const row = sql.get.get(pk, sk) as Row | undefined;
    return row && toItem(row);
  };

  /** The new version, 0 for a deletion; undefined when the condition did not hold. */
  function perform({ key: { pk, sk }, ...write }: Write): number | undefined {
    if (write.op === 'delete') return remove({ pk, sk }, write.when);
    const text = encodeData({ pk, sk }, write.data);
    const expires = write.expiresAtS ?? null;
    const { when } = write;
    const row = !when
      ? sql.put.get(pk, sk, text, expires)
      : 'absent' in when
        ? sql.putAbsent.get(pk, sk, text, expires)
        : sql.putVersion.get(pk, sk, text, expires, when.version);
    return (row as { version: number } | undefined)?.version;
  }

  function remove({ pk, sk }: ItemKey, when: Write['when']): number | undefined {
    if (when && 'absent' in when) return sql.get.get(pk, sk) ? undefined : 0;
    if (when) return sql.removeVersion.run(pk, sk, when.version).changes ? 0 : undefined;
    sql.remove.run(pk, sk);
    return 0;
  }

  async function write(one: Write): Promise<WriteResult> {
    checkKey(one.key);
    const version = perform(one);
    return version === undefined ? { ok: false, current: find(one.key) } : { ok: true, version };
  }

  async function transact(writes: readonly Write[]): Promise<{ ok: true } | { ok: false; failed: readonly number[] }> {
    checkTransaction(writes);
    try {
      inTransaction(db, () => {
        const failed = writes.flatMap((one, index) => (perform(one) === undefined ? [index] : []));
        if (failed.length > 0) throw new Refused(failed);
      });
      return { ok: true };
    } catch (error) {
      if (error instanceof Refused) return { ok: false, failed: error.failed };
      throw error;
    }
  }

  async function query(
    pk: string,
    { skPrefix = '', descending = false, limit = -1 }: QueryOptions = {},
  ): Promise<Item[]> {
    const select = descending ? sql.descending : sql.ascending;
    return (select.all(pk, skPrefix, limit) as Row[]).map(toItem);
  }

  return {
    get: async (key) => {
      checkKey(key);
      return find(key);
    },
    query,
    write,
    transact,
    collectGarbage: async (nowMs) => Number(sql.expire.run(Math.floor(nowMs / 1000)).changes),
  };
}

/** Leaves a transaction whose conditions did not hold, so that it is undone. */
class Refused extends Error {
  readonly failed: readonly number[];

  constructor(failed: readonly number[]) {
    super('a condition did not hold');
    this.failed = failed;
  }
}

function toItem({ pk, sk, version, data, expires }: Row): Item {
  return {
    pk,
    sk,
    version,
    data: JSON.parse(data) as JsonObject,
    ...(expires === null ? {} : { expiresAtS: expires }),
  };
}
