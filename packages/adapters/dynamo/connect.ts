import type { DynamoDBClientConfig } from '@aws-sdk/client-dynamodb';
import type { Table } from '../table/table.ts';
import { openTable } from './client.ts';
import { ensureTable } from './ensure-table.ts';

export type TableConnection = {
  readonly table: Table;
  /** Makes the table where it is missing. */
  readonly ensure: () => Promise<void>;
  readonly close: () => void;
};

/** A table by name, on AWS or, with `settings.endpoint`, on a service that speaks like it. Nothing is sent before the first call. */
export function connectTable(tableName: string, settings: DynamoDBClientConfig = {}): TableConnection {
  const { table, dynamo } = openTable(tableName, settings);
  return {
    table,
    ensure: () => ensureTable({ client: dynamo, tableName }),
    close: () => dynamo.destroy(),
  };
}
