import { connectTable, type TableConnection } from '@tmc/adapters/dynamo/connect.ts';
import { createMemoryTable } from '@tmc/adapters/memory/table.ts';
import { openDatabase } from '@tmc/adapters/sqlite/database.ts';
import { createSqliteTable } from '@tmc/adapters/sqlite/table.ts';
import { checkpointContract } from '@tmc/adapters/table/checkpoint-store.contract.ts';
import { createLeaseStore } from '@tmc/adapters/table/lease-store.ts';
import { tableContract } from '@tmc/adapters/table/table.contract.ts';
import type { Table } from '@tmc/adapters/table/table.ts';
import { leaseContract } from '@tmc/leases/lease.contract.ts';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startDynamoDb } from '../emulators/dynamodb.ts';
import { whyNoJava } from '../emulators/java.ts';
import type { Emulator } from '../emulators/server.ts';

const missing = await whyNoJava();

const suites = (name: string, open: () => Table): void => {
  tableContract({ name, open });
  checkpointContract({ name, open });
  leaseContract({ name, open: () => createLeaseStore(open()) });
};

suites('memory', createMemoryTable);
suites('SQLite', () => createSqliteTable(openDatabase(':memory:')));

if (missing) console.warn(`SKIPPED: table and lease contract on DynamoDB Local: ${missing}`);

describe.skipIf(missing !== undefined)('DynamoDB', () => {
  const settings = { region: 'us-east-1', credentials: { accessKeyId: 'test', secretAccessKey: 'test' } };
  const tableName = 'contract';
  let emulator: Emulator;
  let dynamo: TableConnection;

  beforeAll(async () => {
    emulator = await startDynamoDb();
    dynamo = connectTable(tableName, { ...settings, endpoint: emulator.endpoint });
    await dynamo.ensure();
  }, 120_000);

  afterAll(async () => {
    dynamo?.close();
    await emulator?.stop();
  });

  suites('DynamoDB Local', () => dynamo.table);

  it('ensuring leaves a table that is there', async () => {
    await dynamo.table.write({ op: 'put', key: { pk: 'kept', sk: 'kept' }, data: {} });
    await dynamo.ensure();
    expect(await dynamo.table.get({ pk: 'kept', sk: 'kept' })).toBeDefined();
  });

  it('an endpoint that does not answer is a retry', async () => {
    const lost = connectTable(tableName, { ...settings, endpoint: 'http://127.0.0.1:9', maxAttempts: 1 });
    const { table: unreachable } = lost;
    await expect(unreachable.get({ pk: 'a', sk: 'b' })).rejects.toMatchObject({ kind: 'retry' });
    await expect(unreachable.write({ op: 'delete', key: { pk: 'a', sk: 'b' } })).rejects.toMatchObject({
      kind: 'retry',
    });
    lost.close();
  });
});
