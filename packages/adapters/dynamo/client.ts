import { DynamoDBClient, type DynamoDBClientConfig } from '@aws-sdk/client-dynamodb';
import { DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb';
import { clientSettings } from '../aws/client-settings.ts';
import type { Table } from '../table/table.ts';
import { createDynamoTable } from './table.ts';

/** A table by name, on AWS or, with an endpoint in settings or environment, on a service that speaks like it, and the client under it. */
export function openTable(
  tableName: string,
  settings: DynamoDBClientConfig = {},
): { readonly table: Table; readonly dynamo: DynamoDBClient } {
  const dynamo = new DynamoDBClient({ ...clientSettings(), ...settings });
  return { table: createDynamoTable({ client: DynamoDBDocumentClient.from(dynamo), tableName }), dynamo };
}
