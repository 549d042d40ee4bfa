import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb';
import { createDynamoTable, ensureTable } from '@tmc/adapters/dynamo/table.ts';
import { createMemoryTable } from '@tmc/adapters/memory/table.ts';
import { openDatabase } from '@tmc/adapters/sqlite/database.ts';
import { createSqliteTable } from '@tmc/adapters/sqlite/table.ts';
import { createLeaseStore } from '@tmc/adapters/table/lease-store.ts';
import { tableContract } from '@tmc/adapters/table/table.contract.ts';
import type { Table } from '@tmc/adapters/table/table.ts';
import { leaseContract } from '@tmc/leases/lease.contract.ts';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startDynamoDb } from '../emulators/dynamodb.ts';
import { type Emulator, whyNoJava } from '../emulators/java.ts';

const missing = await whyNoJava();

const suites = (name: string, open: () => Table): void => {
  tableContract({ name, open });
  leaseContract({ name, open: () => createLeaseStore(open()) });
};

suites('memory', createMemoryTable);
suites('SQLite', () => createSqliteTable(openDatabase(':memory:')));

if (missing) console.warn(`SKIPPED: table and lease contract on DynamoDB Local: ${missing}`);

describe.skipIf(missing !== undefined)('DynamoDB', () => {
  const settings = { region: 'us-east-1', credentials: { accessKeyId: 'test', secretAccessKey: 'test' } };
  const tableName = 'contract';
  let emulator: Emulator;
  let dynamo: DynamoDBClient;
  let table: Table;

  beforeAll(async () => {
    emulator = await startDynamoDb();
    dynamo = new DynamoDBClient({ ...settings, endpoint: emulator.endpoint });
    await ensureTable({ client: dynamo, tableName });
    table = createDynamoTable({ client: DynamoDBDocumentClient.from(dynamo), tableName });
  }, 120_000);

  afterAll(async () => {
    dynamo?.destroy();
    await emulator?.stop();
  });

  suites('DynamoDB Local', () => table);

  it('ensureTable leaves a table that is there', async () => {
    await table.write({ op: 'put', key: { pk: 'kept', sk: 'kept' }, data: {} });
    await ensureTable({ client: dynamo, tableName });
    expect(await table.get({ pk: 'kept', sk: 'kept' })).toBeDefined();
  });

  it('an endpoint that does not answer is a retry', async () => {
    const lost = new DynamoDBClient({ ...settings, endpoint: 'http://127.0.0.1:9', maxAttempts: 1 });
    const unreachable = createDynamoTable({ client: DynamoDBDocumentClient.from(lost), tableName });
    await expect(unreachable.get({ pk: 'a', sk: 'b' })).rejects.toMatchObject({ kind: 'retry' });
    await expect(unreachable.write({ op: 'delete', key: { pk: 'a', sk: 'b' } })).rejects.toMatchObject({
      kind: 'retry',
    });
    lost.destroy();
  });
});
