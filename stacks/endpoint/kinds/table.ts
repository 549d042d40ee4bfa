import {
  type AttributeDefinition,
  CreateTableCommand,
  DeleteTableCommand,
  DescribeContinuousBackupsCommand,
  DescribeTableCommand,
  DescribeTimeToLiveCommand,
  type DynamoDBClient,
  type GlobalSecondaryIndex,
  type KeySchemaElement,
  type TableDescription,
  UpdateContinuousBackupsCommand,
  UpdateTableCommand,
  UpdateTimeToLiveCommand,
} from '@aws-sdk/client-dynamodb';
import * as z from 'zod';
import type { Clients } from '../clients.ts';
import { orAbsent } from '../failure.ts';
import { type Identity, type Json, type Kind, kind, part, physicalName, type Where } from '../kind.ts';
import { until } from '../until.ts';

const index = z.strictObject({
  name: z.string(),
  hashKey: z.string(),
  rangeKey: z.string().optional(),
  projectionType: z.enum(['ALL', 'KEYS_ONLY', 'INCLUDE']).default('ALL'),
  nonKeyAttributes: z.array(z.string()).optional(),
});

const inputs = z.strictObject({
  name: z.string().optional(),
  attributes: z.array(z.strictObject({ name: z.string(), type: z.enum(['S', 'N', 'B']) })),
  billingMode: z.literal('PAY_PER_REQUEST'),
  hashKey: z.string(),
  rangeKey: z.string().optional(),
  globalSecondaryIndexes: z.array(index).default([]),
  localSecondaryIndexes: z.array(z.never()).default([]),
  streamEnabled: z.literal(false).default(false),
  ttl: z.strictObject({ attributeName: z.string(), enabled: z.literal(true) }).optional(),
  pointInTimeRecovery: z.strictObject({ enabled: z.boolean() }).default({ enabled: false }),
  deletionProtectionEnabled: z.boolean().default(false),
});
type Inputs = z.infer<typeof inputs>;

/** Tables, with their expiry, recovery and protection. */
export function tableKinds({ dynamodb }: Pick<Clients, 'dynamodb'>, where: Where): Kind[] {
  return [
    kind<Inputs>({
      type: 'aws:dynamodb/table:Table',
      noun: 'table',
      fixed: ['keys', 'attributes', 'indexes'],
      holdsData: true,
      inputs,
      identify: ({ name }, logical) => ({ table: name ?? physicalName(where, logical, 255) }),
      fields: (said) => ({
        keys: keysOf(said).map(keyText),
        attributes: said.attributes.map(({ name, type }) => `${name} ${type}`).sort(),
        indexes: said.globalSecondaryIndexes.map(indexOf).map(indexText),
        ttl: said.ttl?.attributeName ?? null,
        pointInTimeRecovery: said.pointInTimeRecovery.enabled,
        deletionProtection: said.deletionProtectionEnabled,
      }),
      read: (identity) => read(dynamodb, identity),
      create: (identity, said) => create(dynamodb, identity, said),
      update: (identity, said, changed) => set(dynamodb, identity, said, changed),
      remove: (identity) => remove(dynamodb, identity),
      outputs(identity, said, live) {
        const name = part(identity, 'table');
        const arn = live?.outputs?.['arn'] ?? `arn:aws:dynamodb:${where.region}:${where.account}:table/${name}`;
        return { ...said, name, id: name, arn };
      },
    }),
  ];
}

async function describe(dynamodb: DynamoDBClient, identity: Identity): Promise<TableDescription | undefined> {
  return (await orAbsent(dynamodb.send(new DescribeTableCommand({ TableName: part(identity, 'table') }))))?.Table;
}

async function read(dynamodb: DynamoDBClient, identity: Identity) {
  const table = await describe(dynamodb, identity);
  if (!table) return undefined;
  const TableName = part(identity, 'table');
  const [ttl, backups] = await Promise.all([
    dynamodb.send(new DescribeTimeToLiveCommand({ TableName })),
    dynamodb.send(new DescribeContinuousBackupsCommand({ TableName })),
  ]);
  const recovery = backups.ContinuousBackupsDescription?.PointInTimeRecoveryDescription;
  const fields: Record<string, Json> = {
    keys: (table.KeySchema ?? []).map(keyText),
    attributes: (table.AttributeDefinitions ?? []).map((one) => `${one.AttributeName} ${one.AttributeType}`).sort(),
    indexes: (table.GlobalSecondaryIndexes ?? []).map(indexText),
    ttl: ttl.TimeToLiveDescription?.AttributeName ?? null,
    pointInTimeRecovery: recovery?.PointInTimeRecoveryStatus === 'ENABLED',
    deletionProtection: table.DeletionProtectionEnabled ?? false,
  };
  return { fields, outputs: table.TableArn ? { arn: table.TableArn } : {} };
}

async function create(dynamodb: DynamoDBClient, identity: Identity, said: Inputs): Promise<void> {
  const indexes = said.globalSecondaryIndexes.map(indexOf);
  await dynamodb.send(
    new CreateTableCommand({
      TableName: part(identity, 'table'),
      AttributeDefinitions: said.attributes.map(
        ({ name, type }): AttributeDefinition => ({ AttributeName: name, AttributeType: type }),
      ),
      KeySchema: keysOf(said),
      BillingMode: said.billingMode,
      DeletionProtectionEnabled: said.deletionProtectionEnabled,
      ...(indexes.length > 0 && { GlobalSecondaryIndexes: indexes }),
    }),
  );
  await becomesActive(dynamodb, identity);
  const others = [said.ttl && 'ttl', said.pointInTimeRecovery.enabled && 'pointInTimeRecovery'];
  await set(
    dynamodb,
    identity,
    said,
    others.filter((one) => typeof one === 'string'),
  );
}

async function set(
  dynamodb: DynamoDBClient,
  identity: Identity,
  said: Inputs,
  changed: readonly string[],
): Promise<void> {
  const TableName = part(identity, 'table');
  if (changed.includes('deletionProtection')) await protect(dynamodb, identity, said.deletionProtectionEnabled);
  if (changed.includes('ttl')) await setExpiry(dynamodb, identity, said.ttl?.attributeName);
  if (changed.includes('pointInTimeRecovery')) {
    const PointInTimeRecoverySpecification = { PointInTimeRecoveryEnabled: said.pointInTimeRecovery.enabled };
    await dynamodb.send(new UpdateContinuousBackupsCommand({ TableName, PointInTimeRecoverySpecification }));
  }
}

/** Asking for the expiry that there is already is an error of DynamoDB. */
async function setExpiry(dynamodb: DynamoDBClient, identity: Identity, wanted: string | undefined): Promise<void> {
  const TableName = part(identity, 'table');
  const { TimeToLiveDescription: now } = await dynamodb.send(new DescribeTimeToLiveCommand({ TableName }));
  const attribute = now?.TimeToLiveStatus?.startsWith('ENABL') ? now.AttributeName : undefined;
  if (attribute === wanted) return;
  const set = async (AttributeName: string, Enabled: boolean): Promise<void> => {
    const TimeToLiveSpecification = { AttributeName, Enabled };
    await dynamodb.send(new UpdateTimeToLiveCommand({ TableName, TimeToLiveSpecification }));
  };
  if (attribute !== undefined) await set(attribute, false);
  if (wanted !== undefined) await set(wanted, true);
}

async function remove(dynamodb: DynamoDBClient, identity: Identity): Promise<void> {
  const table = await describe(dynamodb, identity);
  if (!table) return;
  if (table.DeletionProtectionEnabled) await protect(dynamodb, identity, false);
  if (table.TableStatus !== 'DELETING') {
    await becomesActive(dynamodb, identity);
    await orAbsent(dynamodb.send(new DeleteTableCommand({ TableName: part(identity, 'table') })));
  }
  await until('the table to be gone', async () => (await describe(dynamodb, identity))?.TableStatus);
}

async function protect(dynamodb: DynamoDBClient, identity: Identity, isProtected: boolean): Promise<void> {
  const TableName = part(identity, 'table');
  await dynamodb.send(new UpdateTableCommand({ TableName, DeletionProtectionEnabled: isProtected }));
  await becomesActive(dynamodb, identity);
}

function becomesActive(dynamodb: DynamoDBClient, identity: Identity): Promise<void> {
  return until('the table to be active', async () => {
    const status = (await describe(dynamodb, identity))?.TableStatus ?? 'it is not there';
    return status === 'ACTIVE' ? undefined : status;
  });
}

function keysOf({ hashKey, rangeKey }: { hashKey: string; rangeKey?: string | undefined }): KeySchemaElement[] {
  const range = rangeKey === undefined ? [] : [{ AttributeName: rangeKey, KeyType: 'RANGE' as const }];
  return [{ AttributeName: hashKey, KeyType: 'HASH' }, ...range];
}

function indexOf({ name, projectionType, nonKeyAttributes, ...keys }: z.infer<typeof index>): GlobalSecondaryIndex {
  return {
    IndexName: name,
    KeySchema: keysOf(keys),
    Projection: { ProjectionType: projectionType, ...(nonKeyAttributes && { NonKeyAttributes: nonKeyAttributes }) },
  };
}

const keyText = ({ AttributeName, KeyType }: KeySchemaElement): string => `${KeyType} ${AttributeName}`;

const indexText = ({
  IndexName,
  KeySchema,
  Projection,
}:
  | GlobalSecondaryIndex
  | {
      IndexName?: string | undefined;
      KeySchema?: KeySchemaElement[] | undefined;
      Projection?: GlobalSecondaryIndex['Projection'];
    }): string =>
  [
    IndexName,
    ...(KeySchema ?? []).map(keyText),
    Projection?.ProjectionType,
    ...(Projection?.NonKeyAttributes ?? []),
  ].join(' ');
