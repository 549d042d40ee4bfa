import type { JsonObject } from '@tmc/kernel/object.ts';
import { checkKey, checkTransaction, encodeData } from '../table/rules.ts';
import type { Item, ItemKey, QueryOptions, Table, Write, WriteResult } from '../table/table.ts';

type Row = { readonly version: number; readonly text: string; readonly expiresAtS: number | undefined };

/** A table in this process's memory: for tests and a host that need not remember. Data is kept as text, so nobody shares objects. */
export function createMemoryTable(): Table {
  const partitions = new Map<string, Map<string, Row>>();

  const find = ({ pk, sk }: ItemKey): Row | undefined => partitions.get(pk)?.get(sk);

  function perform(write: Write): number {
    const { pk, sk } = write.key;
    if (write.op === 'delete') {
      const partition = partitions.get(pk);
      partition?.delete(sk);
      if (partition?.size === 0) partitions.delete(pk);
      return 0;
    }
    const row: Row = {
      version: (find(write.key)?.version ?? 0) + 1,
      text: encodeData(write.key, write.data),
      expiresAtS: write.expiresAtS,
    };
    const partition = partitions.get(pk) ?? new Map<string, Row>();
    partitions.set(pk, partition.set(sk, row));
    return row.version;
  }

  async function write(one: Write): Promise<WriteResult> {
    checkKey(one.key);
    const row = find(one.key);
    if (!holds(one, row)) return { ok: false, current: row && toItem(one.key, row) };
    return { ok: true, version: perform(one) };
  }

  async function transact(writes: readonly Write[]): Promise<{ ok: true } | { ok: false; failed: readonly number[] }> {
    checkTransaction(writes);
    const failed = writes.flatMap((one, index) => (holds(one, find(one.key)) ? [] : [index]));
    if (failed.length > 0) return { ok: false, failed };
    for (const one of writes) if (one.op === 'put') encodeData(one.key, one.data);
    for (const one of writes) perform(one);
    return { ok: true };
  }

  async function query(pk: string, { skPrefix = '', descending = false, limit }: QueryOptions = {}): Promise<Item[]> {
    const rows = [...(partitions.get(pk) ?? [])].filter(([sk]) => sk.startsWith(skPrefix));
    rows.sort(([a], [b]) => compareBytes(a, b));
    if (descending) rows.reverse();
    return rows.slice(0, limit ?? rows.length).map(([sk, row]) => toItem({ pk, sk }, row));
  }

  return {
    get: async (key) => {
      checkKey(key);
      const row = find(key);
      return row && toItem(key, row);
    },
    query,
    write,
    transact,
  };
}

function holds({ when }: Write, row: Row | undefined): boolean {
  if (!when) return true;
  return 'absent' in when ? row === undefined : row?.version === when.version;
}

function toItem({ pk, sk }: ItemKey, { version, text, expiresAtS }: Row): Item {
  const data = JSON.parse(text) as JsonObject;
  return { pk, sk, version, data, ...(expiresAtS === undefined ? {} : { expiresAtS }) };
}

/** UTF-8 order; JavaScript compares UTF-16 units, which differs beyond U+FFFF. */
function compareBytes(a: string, b: string): number {
  return a === b ? 0 : Buffer.compare(Buffer.from(a), Buffer.from(b));
}
