import {
  DeleteCommand,
  type DynamoDBDocumentClient,
  GetCommand,
  QueryCommand,
  TransactWriteCommand,
  UpdateCommand,
} from '@aws-sdk/lib-dynamodb';
import { checkKey, checkTransaction } from '../table/rules.ts';
import type { Item, ItemKey, QueryOptions, Table, Write, WriteResult } from '../table/table.ts';
import { attempt, cancellationReasons, toTableError } from './errors.ts';
import { fromAttributes, fromRawAttributes, toDelete, toUpdate } from './expressions.ts';

type DynamoTableOptions = { readonly client: DynamoDBDocumentClient; readonly tableName: string };

/**
 * The table in DynamoDB. One item write is one UpdateItem or DeleteItem with its condition; throttling, conflicts between
 * transactions and lost links become `retry`. When the SDK repeats a conditional write whose answer was lost, the result is
 * `ok: false` with our own item as `current`: callers that care compare.
 */
export function createDynamoTable({ client, tableName }: DynamoTableOptions): Table {
  const named = { TableName: tableName };

  async function get(key: ItemKey): Promise<Item | undefined> {
    checkKey(key);
    const { pk, sk } = key;
    const command = new GetCommand({ ...named, Key: { pk, sk }, ConsistentRead: true });
    const { Item: found } = await attempt(`read table item ${pk} ${sk}`, () => client.send(command));
    return found && fromAttributes(found);
  }

  async function write(one: Write): Promise<WriteResult> {
    checkKey(one.key);
    try {
      return { ok: true, version: await perform(one) };
    } catch (error) {
      if ((error as Error).name !== 'ConditionalCheckFailedException') {
        throw toTableError(error, `write table item ${one.key.pk} ${one.key.sk}`);
      }
      return { ok: false, current: fromRawAttributes((error as { Item?: Record<string, unknown> }).Item) };
    }
  }

  async function perform(one: Write): Promise<number> {
    const onFailure = { ReturnValuesOnConditionCheckFailure: 'ALL_OLD' } as const;
    if (one.op === 'delete') {
      await client.send(new DeleteCommand({ ...named, ...toDelete(one), ...onFailure }));
      return 0;
    }
    const command = new UpdateCommand({ ...named, ...toUpdate(one), ...onFailure, ReturnValues: 'UPDATED_NEW' });
    const { Attributes: written } = await client.send(command);
    return Number(written?.['version']);
  }

  async function transact(writes: readonly Write[]): Promise<{ ok: true } | { ok: false; failed: readonly number[] }> {
    checkTransaction(writes);
    const items = writes.map((one) =>
      one.op === 'delete' ? { Delete: { ...named, ...toDelete(one) } } : { Update: { ...named, ...toUpdate(one) } },
    );
    try {
      if (items.length > 0) await client.send(new TransactWriteCommand({ TransactItems: items }));
      return { ok: true };
    } catch (error) {
      const failed = failedConditions(error);
      if (failed.length > 0) return { ok: false, failed };
      throw toTableError(error, `write ${writes.length} table items at once`);
    }
  }

  async function query(pk: string, { skPrefix = '', descending = false, limit }: QueryOptions = {}): Promise<Item[]> {
    const items: Item[] = [];
    let from: Record<string, unknown> | undefined;
    do {
      const command = new QueryCommand({
        ...named,
        KeyConditionExpression: skPrefix ? 'pk = :pk AND begins_with(sk, :prefix)' : 'pk = :pk',
        ExpressionAttributeValues: { ':pk': pk, ...(skPrefix && { ':prefix': skPrefix }) },
        ConsistentRead: true,
        ScanIndexForward: !descending,
        ...(limit !== undefined && { Limit: limit - items.length }),
        ...(from && { ExclusiveStartKey: from }),
      });
      const page = await attempt(`query table partition ${pk}`, () => client.send(command));
      items.push(...(page.Items ?? []).map(fromAttributes));
      from = page.LastEvaluatedKey;
    } while (from && (limit === undefined || items.length < limit));
    return items;
  }

  return { get, query, write, transact };
}

function failedConditions(error: unknown): number[] {
  const reasons = cancellationReasons(error) ?? [];
  return reasons.flatMap(({ Code }, index) => (Code === 'ConditionalCheckFailed' ? [index] : []));
}
