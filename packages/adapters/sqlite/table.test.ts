import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { leaseContract } from '@tmc/leases/lease.contract.ts';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createLeaseStore } from '../table/lease-store.ts';
import { tableContract } from '../table/table.contract.ts';
import { openDatabase } from './database.ts';
import { createSqliteTable } from './table.ts';

tableContract({ name: 'SQLite', open: () => createSqliteTable(openDatabase(':memory:')) });
leaseContract({ name: 'SQLite', open: () => createLeaseStore(createSqliteTable(openDatabase(':memory:'))) });

describe('a table in a file', () => {
  let folder = '';
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'tmc-table-'));
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  it('keeps its items when it is opened again', async () => {
    const path = join(folder, 'state.db');
    const first = openDatabase(path);
    const key = { pk: 'P', sk: 'S' };
    await createSqliteTable(first).write({ op: 'put', key, data: { n: 1 } });
    first.close();
    const second = openDatabase(path);
    expect(await createSqliteTable(second).get(key)).toEqual({ ...key, version: 1, data: { n: 1 } });
    second.close();
  });

  it('belongs to one opener at a time', () => {
    const path = join(folder, 'state.db');
    const owner = openDatabase(path);
    expect(() => openDatabase(path)).toThrow(/could not open the state file .*locked/);
    owner.close();
    openDatabase(path).close();
  });

  it('collects what has expired and nothing else', async () => {
    const table = createSqliteTable(openDatabase(join(folder, 'state.db')));
    for (const [sk, expiresAtS] of [
      ['old', 100],
      ['due', 200],
      ['young', 300],
    ] as const) {
      await table.write({ op: 'put', key: { pk: 'P', sk }, data: {}, expiresAtS });
    }
    await table.write({ op: 'put', key: { pk: 'P', sk: 'kept' }, data: {} });
    expect(await table.collectGarbage(200_500)).toBe(1);
    expect((await table.query('P')).map(({ sk }) => sk)).toEqual(['due', 'kept', 'young']);
  });
});
