import { ACCOUNT, type Body, listOf, type Reading, type ServiceCall, textOf } from './call.ts';
import { itemBytes } from './item-size.ts';

/** Key of the one table: the attribute of which the value is the leading key. */
const HASH_KEY = 'pk';
const WRITE_UNIT_BYTES = 1024;
const READ_UNIT_BYTES = 4096;
/** A transaction prepares and commits each item. */
const TRANSACTION_FACTOR = 2;

const WRITES = new Set(['PutItem', 'UpdateItem', 'DeleteItem']);
const TRANSACTED: Readonly<Record<string, string>> = {
  Put: 'PutItem',
  Update: 'UpdateItem',
  Delete: 'DeleteItem',
  ConditionCheck: 'ConditionCheckItem',
  Get: 'GetItem',
};

/** A call of DynamoDB. @throws Error where the partition that is touched cannot be told. */
export function readDynamo(call: ServiceCall): Reading[] {
  const { operation } = call;
  if (operation === 'TransactWriteItems' || operation === 'TransactGetItems') return transaction(call);
  if (operation === 'BatchGetItem' || operation === 'BatchWriteItem') return batch(call);
  if (WRITES.has(operation)) return [writing(operation, call, call.input)];
  if (operation === 'GetItem' || operation === 'Query' || operation === 'Scan') return [reading(call)];
  const { input, region } = call;
  const table = input['TableName'] ?? input['ResourceArn'];
  return [
    { service: 'dynamodb', action: `dynamodb:${operation}`, resource: tableArn(table, region), items: 0, bytes: 0 },
  ];
}

function writing(operation: string, call: ServiceCall, write: Body, factor = 1): Reading {
  const item = (write['Item'] ?? write['Key']) as Body;
  const bytes = Math.max(writtenBytes(write, item), itemBytes(call.output['Attributes']));
  return {
    service: 'dynamodb',
    action: `dynamodb:${operation}`,
    resource: tableArn(write['TableName'], call.region),
    leadingKeys: [hashKeyOf(item)],
    items: 1,
    bytes,
    writeUnits: executed(call) ? (told(call) ?? writeUnits(bytes) * factor) : 0,
  };
}

const writeUnits = (bytes: number): number => Math.max(1, Math.ceil(bytes / WRITE_UNIT_BYTES));

/**
 * The item as an update leaves it is not in the request; ours set all attributes there are, so that key, names and values make it up.
 * Values of the condition are in it too: a few bytes too many.
 */
function writtenBytes(write: Body, item: Body): number {
  const names = Object.values((write['ExpressionAttributeNames'] ?? {}) as Record<string, string>);
  return itemBytes(item) + itemBytes(write['ExpressionAttributeValues'], { names: false }) + names.join('').length;
}

function reading(call: ServiceCall): Reading {
  const { operation, input, output, region } = call;
  const found = operation === 'GetItem' ? [output['Item']] : listOf(output, 'Items');
  const bytes = sum(found.map((item) => itemBytes(item)));
  const table = tableArn(input['TableName'], region);
  return {
    service: 'dynamodb',
    action: `dynamodb:${operation}`,
    resource: input['IndexName'] === undefined ? table : `${table}/index/${input['IndexName']}`,
    ...(operation === 'GetItem' && { leadingKeys: [hashKeyOf(input['Key'] as Body)] }),
    ...(operation === 'Query' && { leadingKeys: [partitionOf(input)] }),
    items: found.filter((item) => item !== undefined).length,
    bytes,
    readUnits: executed(call) ? (told(call) ?? readUnits(bytes, input['ConsistentRead'] === true)) : 0,
  };
}

/** A read is billed by 4 KiB, and for one that finds nothing too; half where it may be stale. */
const readUnits = (bytes: number, consistent: boolean): number =>
  Math.max(1, Math.ceil(bytes / READ_UNIT_BYTES)) * (consistent ? 1 : 0.5);

/** Also a write of which the condition fails is billed. */
function executed({ status, output }: ServiceCall): boolean {
  return status === 200 || /ConditionalCheckFailed|TransactionCanceled/.test(String(output['__type'] ?? ''));
}

function told({ output }: ServiceCall): number | undefined {
  const capacity = output['ConsumedCapacity'] as { CapacityUnits?: number } | undefined;
  return Array.isArray(capacity) ? undefined : capacity?.CapacityUnits;
}

function transaction(call: ServiceCall): Reading[] {
  return listOf(call.input, 'TransactItems').map((entry, index) => {
    const [kind = '', part] = Object.entries(entry)[0] ?? [];
    const operation = TRANSACTED[kind];
    if (operation === undefined) throw new Error(`a transaction with ${kind}`);
    const write = part as Body;
    if (operation !== 'GetItem')
      return writing(operation, { ...call, output: withoutItem(call.output) }, write, TRANSACTION_FACTOR);
    const answer = listOf(call.output, 'Responses')[index] ?? {};
    const one = reading({
      ...call,
      operation,
      input: { ...write, ConsistentRead: true },
      output: { ...call.output, ...answer },
    });
    return { ...one, readUnits: (one.readUnits ?? 0) * TRANSACTION_FACTOR };
  });
}

const withoutItem = ({ Attributes: _, ...output }: Body): Body => output;

/** Batches are actions of their own; each table in one is a resource of its own. */
function batch(call: ServiceCall): Reading[] {
  const tables = Object.entries((call.input['RequestItems'] ?? {}) as Record<string, unknown>);
  return tables.map(([table, asked]) => {
    const part = call.operation === 'BatchGetItem' ? batchRead(call, table, asked) : batchWrite(call, asked);
    return {
      service: 'dynamodb',
      action: `dynamodb:${call.operation}`,
      resource: tableArn(table, call.region),
      ...part,
    };
  });
}

type BatchPart = Omit<Reading, 'service' | 'action' | 'resource'>;

function batchRead(call: ServiceCall, table: string, asked: unknown): BatchPart {
  const { Keys = [], ConsistentRead = false } = asked as { Keys?: Body[]; ConsistentRead?: boolean };
  const sizes = listOf((call.output['Responses'] ?? {}) as Body, table).map((item) => itemBytes(item));
  const missing = Array.from({ length: Math.max(0, Keys.length - sizes.length) }, () => 0);
  const units = sum([...sizes, ...missing].map((size) => readUnits(size, ConsistentRead)));
  return {
    leadingKeys: Keys.map(hashKeyOf),
    items: Keys.length,
    bytes: sum(sizes),
    readUnits: executed(call) ? units : 0,
  };
}

function batchWrite(call: ServiceCall, asked: unknown): BatchPart {
  const written = (asked as Record<string, Body>[]).map((entry) => Object.values(entry)[0] ?? {});
  const items = written.map((write) => (write['Item'] ?? write['Key']) as Body);
  const sizes = items.map((item) => itemBytes(item));
  const units = sum(sizes.map(writeUnits));
  return {
    leadingKeys: items.map(hashKeyOf),
    items: items.length,
    bytes: sum(sizes),
    writeUnits: executed(call) ? units : 0,
  };
}

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);

function hashKeyOf(item: Body | undefined): string {
  const { S: text } = (item?.[HASH_KEY] ?? {}) as { S?: string };
  if (text === undefined) throw new Error(`no ${HASH_KEY} in an item's key`);
  return text;
}

/** The value that the key condition compares the partition key with. */
function partitionOf(input: Body): string {
  const names = (input['ExpressionAttributeNames'] ?? {}) as Record<string, string>;
  const values = (input['ExpressionAttributeValues'] ?? {}) as Record<string, { S?: string }>;
  for (const [, name = '', value = ''] of textOf(input, 'KeyConditionExpression').matchAll(/([\w#]+)\s*=\s*(:\w+)/g)) {
    const text = values[value]?.S;
    if ((names[name] ?? name) === HASH_KEY && text !== undefined) return text;
  }
  throw new Error(`a query without a value of ${HASH_KEY}`);
}

function tableArn(table: unknown, region: string): string {
  const name = String(table ?? '*');
  return name.startsWith('arn:') ? name : `arn:aws:dynamodb:${region}:${ACCOUNT}:table/${name}`;
}
