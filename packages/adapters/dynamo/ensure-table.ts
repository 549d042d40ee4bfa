import {
  CreateTableCommand,
  type DynamoDBClient,
  UpdateTimeToLiveCommand,
  waitUntilTableExists,
} from '@aws-sdk/client-dynamodb';
import { attempt, toTableError } from './errors.ts';
import { TTL_ATTRIBUTE } from './expressions.ts';

/** How long a new table may take to become active. */
const CREATE_DEADLINE_S = 60;

/** Makes the table on demand capacity with its time to live, or leaves the one that is there. */
export async function ensureTable({ client, tableName }: { client: DynamoDBClient; tableName: string }): Promise<void> {
  const create = new CreateTableCommand({
    TableName: tableName,
    BillingMode: 'PAY_PER_REQUEST',
    AttributeDefinitions: [
      { AttributeName: 'pk', AttributeType: 'S' },
      { AttributeName: 'sk', AttributeType: 'S' },
    ],
    KeySchema: [
      { AttributeName: 'pk', KeyType: 'HASH' },
      { AttributeName: 'sk', KeyType: 'RANGE' },
    ],
  });
  try {
    await client.send(create);
  } catch (error) {
    if ((error as Error).name === 'ResourceInUseException') return;
    throw toTableError(error, `create table ${tableName}`);
  }
  await waitUntilTableExists({ client, maxWaitTime: CREATE_DEADLINE_S, minDelay: 1 }, { TableName: tableName });
  const expiry = { AttributeName: TTL_ATTRIBUTE, Enabled: true };
  await attempt(`set the time to live of table ${tableName}`, () =>
    client.send(new UpdateTimeToLiveCommand({ TableName: tableName, TimeToLiveSpecification: expiry })),
  );
}
