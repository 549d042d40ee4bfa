import { randomUUID } from 'node:crypto';
import { beforeAll, describe, expect, it } from 'vitest';
import type { Table } from './table.ts';

export type TableHarness = { readonly name: string; readonly open: () => Promise<Table> | Table };

const sks = (items: readonly { sk: string }[]): string[] => items.map(({ sk }) => sk);

/** What every table must do; run by memory, SQLite and DynamoDB. Partitions are unique per test, so one table serves all. */
export function tableContract(harness: TableHarness): void {
  describe(`table on ${harness.name}`, () => {
    let table: Table;
    beforeAll(async () => {
      table = await harness.open();
    });
    const partition = (): string => `P#${randomUUID()}`;
    const put = (pk: string, sk: string, n = 0) => table.write({ op: 'put', key: { pk, sk }, data: { n } });

    describe('write', () => {
      it('an item comes back as written; its version starts at 1 and rises by one', async () => {
        const key = { pk: partition(), sk: 'A' };
        const data = { text: 'ü "x"', list: [1, null, true, { deep: {} }], empty: '', number: 1.5, gone: undefined };
        expect(await table.write({ op: 'put', key, data, expiresAtS: 4_000_000_000 })).toEqual({
          ok: true,
          version: 1,
        });
        const stored = { text: 'ü "x"', list: [1, null, true, { deep: {} }], empty: '', number: 1.5 };
        expect(await table.get(key)).toStrictEqual({ ...key, version: 1, data: stored, expiresAtS: 4_000_000_000 });
        expect(await table.write({ op: 'put', key, data: { b: 2 } })).toEqual({ ok: true, version: 2 });
        expect(await table.get(key)).toStrictEqual({ ...key, version: 2, data: { b: 2 } });
      });

      it('what a reader does to an item does not change the stored one', async () => {
        const key = { pk: partition(), sk: 'A' };
        const data = { list: [1] };
        await table.write({ op: 'put', key, data });
        data.list.push(2);
        const read = await table.get(key);
        (read!.data['list'] as number[]).push(3);
        expect((await table.get(key))?.data).toEqual({ list: [1] });
      });

      it('an absent item is undefined', async () => {
        expect(await table.get({ pk: partition(), sk: 'A' })).toBeUndefined();
      });

      it('a deleted item is gone; deleting an absent one is success', async () => {
        const key = { pk: partition(), sk: 'A' };
        await table.write({ op: 'put', key, data: {} });
        expect((await table.write({ op: 'delete', key })).ok).toBe(true);
        expect(await table.get(key)).toBeUndefined();
        expect((await table.write({ op: 'delete', key })).ok).toBe(true);
      });

      it('an item over the size limit is refused as terminal and nothing is written', async () => {
        const key = { pk: partition(), sk: 'A' };
        const large = table.write({ op: 'put', key, data: { text: 'x'.repeat(410 * 1024) } });
        await expect(large).rejects.toMatchObject({ kind: 'terminal' });
        expect(await table.get(key)).toBeUndefined();
      });

      it('an empty key part is refused', async () => {
        await expect(table.write({ op: 'put', key: { pk: partition(), sk: '' }, data: {} })).rejects.toThrow(
          RangeError,
        );
      });
    });

    describe('conditions', () => {
      it('absent: the first write holds, the second shows what is there', async () => {
        const key = { pk: partition(), sk: 'A' };
        const write = (n: number) => table.write({ op: 'put', key, data: { n }, when: { absent: true } });
        expect(await write(1)).toEqual({ ok: true, version: 1 });
        expect(await write(2)).toStrictEqual({ ok: false, current: { ...key, version: 1, data: { n: 1 } } });
      });

      it('version: only the current one holds, for puts and deletes', async () => {
        const key = { pk: partition(), sk: 'A' };
        await table.write({ op: 'put', key, data: { n: 1 }, expiresAtS: 4_000_000_000 });
        const stale = { ok: false, current: { ...key, version: 1, data: { n: 1 }, expiresAtS: 4_000_000_000 } };
        expect(await table.write({ op: 'put', key, data: {}, when: { version: 2 } })).toStrictEqual(stale);
        expect(await table.write({ op: 'delete', key, when: { version: 2 } })).toStrictEqual(stale);
        expect(await table.write({ op: 'put', key, data: {}, when: { version: 1 } })).toEqual({ ok: true, version: 2 });
        expect((await table.write({ op: 'delete', key, when: { version: 2 } })).ok).toBe(true);
      });

      it('version of an absent item does not hold, and absent of an absent one does', async () => {
        const key = { pk: partition(), sk: 'A' };
        const refused = { ok: false, current: undefined };
        expect(await table.write({ op: 'put', key, data: {}, when: { version: 1 } })).toEqual(refused);
        expect(await table.write({ op: 'delete', key, when: { version: 1 } })).toEqual(refused);
        expect((await table.write({ op: 'delete', key, when: { absent: true } })).ok).toBe(true);
        expect(await table.get(key)).toBeUndefined();
      });

      it('of concurrent writes on one version exactly one wins', async () => {
        const key = { pk: partition(), sk: 'A' };
        await table.write({ op: 'put', key, data: { n: -1 } });
        const writes = Array.from({ length: 16 }, (_, n) =>
          table.write({ op: 'put', key, data: { n }, when: { version: 1 } }),
        );
        const results = await Promise.all(writes);
        const winners = results.flatMap((result, n) => (result.ok ? [n] : []));
        expect(winners).toHaveLength(1);
        expect(await table.get(key)).toMatchObject({ version: 2, data: { n: winners[0] } });
      });
    });

    describe('transact', () => {
      it('writes all when every condition holds', async () => {
        const pk = partition();
        await put(pk, 'A');
        await put(pk, 'B');
        const result = await table.transact([
          { op: 'put', key: { pk, sk: 'A' }, data: { n: 1 }, when: { version: 1 } },
          { op: 'delete', key: { pk, sk: 'B' } },
          { op: 'put', key: { pk, sk: 'C' }, data: { n: 3 }, when: { absent: true } },
        ]);
        expect(result).toEqual({ ok: true });
        const items = await table.query(pk);
        expect(items.map(({ sk, version, data }) => [sk, version, data['n']])).toEqual([
          ['A', 2, 1],
          ['C', 1, 3],
        ]);
      });

      it('writes nothing when one does not, and names those', async () => {
        const pk = partition();
        await put(pk, 'A');
        const before = await table.query(pk);
        const result = await table.transact([
          { op: 'put', key: { pk, sk: 'B' }, data: {} },
          { op: 'put', key: { pk, sk: 'A' }, data: {}, when: { absent: true } },
          { op: 'put', key: { pk, sk: 'C' }, data: {}, when: { version: 7 } },
        ]);
        expect(result).toEqual({ ok: false, failed: [1, 2] });
        expect(await table.query(pk)).toEqual(before);
      });

      it('100 writes pass, 101 or two on one item are refused', async () => {
        const pk = partition();
        const writes = Array.from({ length: 100 }, (_, n) => ({
          op: 'put' as const,
          key: { pk, sk: `S${n}` },
          data: {},
        }));
        expect(await table.transact(writes)).toEqual({ ok: true });
        const one = { op: 'put' as const, key: { pk, sk: 'more' }, data: {} };
        await expect(table.transact([...writes, one])).rejects.toThrow(RangeError);
        await expect(table.transact([one, one])).rejects.toThrow(RangeError);
        expect(await table.query(pk)).toHaveLength(100);
      });

      it('no writes are success', async () => {
        expect(await table.transact([])).toEqual({ ok: true });
      });

      it('of concurrent transactions on one version exactly one wins', async () => {
        const pk = partition();
        await put(pk, 'A');
        const attempts = Array.from({ length: 5 }, (_, n) =>
          table
            .transact([
              { op: 'put', key: { pk, sk: 'A' }, data: { n }, when: { version: 1 } },
              { op: 'put', key: { pk, sk: `W${n}` }, data: { n } },
            ])
            // A real table may also answer that two transactions met: a retry, and nothing written.
            .catch((error: { kind?: string }) => ({ ok: false, kind: error.kind })),
        );
        const results = await Promise.all(attempts);
        expect(results.filter((result) => result.ok)).toHaveLength(1);
        expect(sks(await table.query(pk, { skPrefix: 'W' }))).toHaveLength(1);
      });
    });

    describe('query', () => {
      it('orders sort keys by bytes, both ways', async () => {
        const pk = partition();
        const ordered = ['A', 'A#1', 'B', 'a', 'a\u0001', 'é', '\uffee', '😀'];
        for (const sk of [...ordered].reverse()) await put(pk, sk);
        await put(partition(), 'other');
        expect(sks(await table.query(pk))).toEqual(ordered);
        expect(sks(await table.query(pk, { descending: true }))).toEqual([...ordered].reverse());
      });

      it('a prefix selects exactly what starts with it', async () => {
        const pk = partition();
        for (const sk of ['NOW', 'NOW#', 'NOW#a', 'NOW#😀', 'NOW$', 'NOX', 'V#1', 'now#a']) await put(pk, sk);
        expect(sks(await table.query(pk, { skPrefix: 'NOW#' }))).toEqual(['NOW#', 'NOW#a', 'NOW#😀']);
        expect(await table.query(pk, { skPrefix: 'Z' })).toEqual([]);
      });

      it('a limit takes the first of the asked order', async () => {
        const pk = partition();
        for (const sk of ['V#1', 'V#2', 'V#3', 'N']) await put(pk, sk);
        expect(sks(await table.query(pk, { skPrefix: 'V#', limit: 2 }))).toEqual(['V#1', 'V#2']);
        expect(sks(await table.query(pk, { skPrefix: 'V#', descending: true, limit: 1 }))).toEqual(['V#3']);
        expect(sks(await table.query(pk, { limit: 9 }))).toHaveLength(4);
      });

      it('more than 1 MB comes complete', async () => {
        const pk = partition();
        const text = 'x'.repeat(200_000);
        const names = Array.from({ length: 7 }, (_, n) => `S${n}`);
        for (const sk of names) await table.write({ op: 'put', key: { pk, sk }, data: { text } });
        const items = await table.query(pk);
        expect(sks(items)).toEqual(names);
        expect(items.every(({ data }) => data['text'] === text)).toBe(true);
        expect(sks(await table.query(pk, { limit: 6 }))).toEqual(names.slice(0, 6));
      });
    });
  });
}
