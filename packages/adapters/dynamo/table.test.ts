import type { DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb';
import { describe, expect, it } from 'vitest';
import { createDynamoTable } from './table.ts';

/** What DynamoDB Local never does: throttling, conflicts between transactions, a full page without an end. */
function tableAnswering(...answers: readonly unknown[]) {
  const commands: { readonly input: Record<string, unknown> }[] = [];
  const send = async (command: { input: Record<string, unknown> }): Promise<unknown> => {
    commands.push(command);
    const answer = answers[commands.length - 1];
    if (answer instanceof Error) throw answer;
    return answer;
  };
  const documents = { send } as unknown as DynamoDBDocumentClient;
  return { commands, table: createDynamoTable({ client: documents, tableName: 'tmc' }) };
}

const named = (name: string, more: object = {}): Error => Object.assign(new Error('from AWS'), { name, ...more });
const key = { pk: 'P', sk: 'S' };
const put = { op: 'put', key, data: {} } as const;
const item = (sk: string) => ({ pk: 'P', sk, version: 1, data: '{}' });

describe('the DynamoDB table under stress', () => {
  it.each(['get', 'query', 'write', 'transact'] as const)('a throttled %s is a retry', async (call) => {
    const { table } = tableAnswering(named('ProvisionedThroughputExceededException'));
    const calls = {
      get: () => table.get(key),
      query: () => table.query('P'),
      write: () => table.write(put),
      transact: () => table.transact([put]),
    };
    await expect(calls[call]()).rejects.toMatchObject({ kind: 'retry', facts: { retryAfterMs: 500 } });
  });

  it('a transaction that met another is a retry, unless a condition failed as well', async () => {
    const cancelled = (...codes: string[]): Error =>
      named('TransactionCanceledException', { CancellationReasons: codes.map((Code) => ({ Code })) });
    const met = tableAnswering(cancelled('TransactionConflict'));
    await expect(met.table.transact([put])).rejects.toMatchObject({ kind: 'retry' });
    const failed = tableAnswering(cancelled('TransactionConflict', 'ConditionalCheckFailed'));
    const other = { ...put, key: { pk: 'P', sk: 'T' } };
    expect(await failed.table.transact([put, other])).toEqual({ ok: false, failed: [1] });
  });

  it('a query follows pages until its limit is full, asking only for what is missing', async () => {
    const from = { pk: 'P', sk: 'b' };
    const { table, commands } = tableAnswering(
      { Items: [item('a'), item('b')], LastEvaluatedKey: from },
      { Items: [], LastEvaluatedKey: from },
      { Items: [item('c')], LastEvaluatedKey: from },
    );
    expect((await table.query('P', { limit: 3 })).map(({ sk }) => sk)).toEqual(['a', 'b', 'c']);
    expect(commands.map(({ input }) => input['Limit'])).toEqual([3, 1, 1]);
    expect(commands.every(({ input }) => input['ConsistentRead'] === true)).toBe(true);
  });

  it('an unknown answer is passed on as it is', async () => {
    const denied = named('AccessDeniedException', { $metadata: { httpStatusCode: 400 } });
    await expect(tableAnswering(denied).table.write(put)).rejects.toBe(denied);
  });
});
