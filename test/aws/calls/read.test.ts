import { describe, expect, it } from 'vitest';
import type { Exchange } from './call.ts';
import { itemBytes } from './item-size.ts';
import { readCalls } from './read.ts';

const TABLE = 'arn:aws:dynamodb:us-east-1:000000000000:table/State';
const signed = (service: string) =>
  `AWS4-HMAC-SHA256 Credential=test/20261121/us-east-1/${service}/aws4_request, SignedHeaders=a`;

function exchange(more: Partial<Exchange>): Exchange {
  return { method: 'POST', path: '/', body: '', status: 200, answer: '{}', ...more };
}

function called(target: string, input: object, { status = 200, answer = {} as object } = {}) {
  const authorization = signed('any');
  return readCalls(
    exchange({ target, authorization, body: JSON.stringify(input), status, answer: JSON.stringify(answer) }),
  );
}

const QueueUrl = 'http://127.0.0.1:4588/queue/us-east-1/000000000000/sync-dead';

describe('calls of SQS', () => {
  it.each([
    ['SendMessage', { MessageBody: 'abcd' }, 'sqs:SendMessage', 1, 4],
    [
      'DeleteMessageBatch',
      {
        Entries: [
          { Id: '0', ReceiptHandle: 'r' },
          { Id: '1', ReceiptHandle: 's' },
        ],
      },
      'sqs:DeleteMessage',
      2,
      0,
    ],
    ['ChangeMessageVisibilityBatch', { Entries: [{ Id: '0' }] }, 'sqs:ChangeMessageVisibility', 1, 0],
    ['GetQueueAttributes', { AttributeNames: ['All'] }, 'sqs:GetQueueAttributes', 1, 0],
  ])('%s', (operation, input, action, items, bytes) => {
    expect(called(`AmazonSQS.${operation}`, { QueueUrl, ...input })).toEqual([
      { service: 'sqs', action, resource: 'arn:aws:sqs:us-east-1:000000000000:sync-dead', items, bytes },
    ]);
  });

  it('a receive has the messages it found, which may be none', () => {
    const found = { Messages: [{ Body: 'abc' }, { Body: 'de' }] };
    expect(called('AmazonSQS.ReceiveMessage', { QueueUrl }, { answer: found })).toMatchObject([{ items: 2, bytes: 5 }]);
    expect(called('AmazonSQS.ReceiveMessage', { QueueUrl })).toMatchObject([{ items: 0, bytes: 0 }]);
  });

  it('a queue that is asked for by name', () => {
    const resource = 'arn:aws:sqs:us-east-1:000000000000:sync';
    expect(called('AmazonSQS.GetQueueUrl', { QueueName: 'sync' })).toMatchObject([{ resource }]);
  });
});

describe('calls of DynamoDB', () => {
  const Key = { pk: { S: 'T#a' }, sk: { S: 'FACTS' } };
  const update = {
    TableName: 'State',
    Key,
    UpdateExpression: 'SET #data = :data ADD #version :one',
    ExpressionAttributeNames: { '#data': 'data', '#version': 'version' },
    ExpressionAttributeValues: { ':data': { S: 'x'.repeat(1500) }, ':one': { N: '1' } },
  };

  it('an update touches one partition and is billed by the size of the item', () => {
    expect(called('DynamoDB_20120810.UpdateItem', update)).toEqual([
      {
        service: 'dynamodb',
        action: 'dynamodb:UpdateItem',
        resource: TABLE,
        leadingKeys: ['T#a'],
        items: 1,
        bytes: 'pkT#askFACTS'.length + 'dataversion'.length + 1500 + 2,
        writeUnits: 2,
      },
    ]);
  });

  it('a failed condition is billed, a refused request is not', () => {
    const answer = (name: string) => ({ status: 400, answer: { __type: `com.amazonaws.dynamodb.v20120810#${name}` } });
    expect(called('DynamoDB_20120810.UpdateItem', update, answer('ConditionalCheckFailedException'))).toMatchObject([
      { writeUnits: 2 },
    ]);
    expect(called('DynamoDB_20120810.UpdateItem', update, answer('ValidationException'))).toMatchObject([
      { writeUnits: 0 },
    ]);
  });

  it('a transaction is one call for each item, at twice the price', () => {
    const TransactItems = [
      { Update: update },
      { Delete: { TableName: 'State', Key: { pk: { S: 'G#w' }, sk: { S: 'NOW' } } } },
    ];
    expect(called('DynamoDB_20120810.TransactWriteItems', { TransactItems })).toMatchObject([
      { action: 'dynamodb:UpdateItem', leadingKeys: ['T#a'], writeUnits: 4 },
      { action: 'dynamodb:DeleteItem', leadingKeys: ['G#w'], writeUnits: 2 },
    ]);
    expect(
      called('DynamoDB_20120810.TransactWriteItems', { TransactItems: [{ ConditionCheck: update }] }),
    ).toMatchObject([{ action: 'dynamodb:ConditionCheckItem' }]);
    const Responses = [{ Item: { pk: { S: 'x'.repeat(5000) } } }];
    expect(
      called(
        'DynamoDB_20120810.TransactGetItems',
        { TransactItems: [{ Get: { TableName: 'State', Key } }] },
        { answer: { Responses } },
      ),
    ).toMatchObject([{ action: 'dynamodb:GetItem', leadingKeys: ['T#a'], readUnits: 4 }]);
  });

  it('a query has the partition of its key condition, also by another name', () => {
    const query = (KeyConditionExpression: string, more: object = {}) =>
      called(
        'DynamoDB_20120810.Query',
        {
          TableName: 'State',
          KeyConditionExpression,
          ExpressionAttributeValues: { ':pk': { S: 'F' }, ':prefix': { S: 'P' } },
          ConsistentRead: true,
          ...more,
        },
        { answer: { Items: [{ data: { S: 'x'.repeat(4096) } }, { data: { S: 'y' } }] } },
      );
    expect(query('pk = :pk AND begins_with(sk, :prefix)')).toMatchObject([
      { action: 'dynamodb:Query', resource: TABLE, leadingKeys: ['F'], items: 2, readUnits: 2 },
    ]);
    expect(query('#k=:pk', { ExpressionAttributeNames: { '#k': 'pk' } })).toMatchObject([{ leadingKeys: ['F'] }]);
    expect(query('pk = :pk', { IndexName: 'open', ConsistentRead: false })).toMatchObject([
      { resource: `${TABLE}/index/open`, readUnits: 1 },
    ]);
    expect(query('other = :pk')).toMatchObject([
      { service: 'unknown', action: expect.stringContaining('without a value of pk') },
    ]);
  });

  it('reads that find nothing are billed; capacity that the answer tells wins', () => {
    expect(called('DynamoDB_20120810.GetItem', { TableName: 'State', Key, ConsistentRead: true })).toMatchObject([
      { items: 0, readUnits: 1 },
    ]);
    const answer = { ConsumedCapacity: { CapacityUnits: 7 } };
    expect(called('DynamoDB_20120810.GetItem', { TableName: 'State', Key }, { answer })).toMatchObject([
      { readUnits: 7 },
    ]);
  });

  it('batches are actions of their own, with the keys of all their items', () => {
    const put = (pk: string) => ({ PutRequest: { Item: { pk: { S: pk } } } });
    expect(called('DynamoDB_20120810.BatchWriteItem', { RequestItems: { State: [put('a'), put('b')] } })).toMatchObject(
      [{ action: 'dynamodb:BatchWriteItem', leadingKeys: ['a', 'b'], items: 2, writeUnits: 2 }],
    );
    const asked = { RequestItems: { State: { Keys: [Key, { ...Key, pk: { S: 'B' } }] } } };
    expect(called('DynamoDB_20120810.BatchGetItem', asked)).toMatchObject([
      { action: 'dynamodb:BatchGetItem', leadingKeys: ['T#a', 'B'], items: 2, readUnits: 1 },
    ]);
  });

  it('a scan has no partition', () => {
    const [scan] = called('DynamoDB_20120810.Scan', { TableName: 'State' });
    expect(scan).toMatchObject({ action: 'dynamodb:Scan', readUnits: 0.5 });
    expect(scan).not.toHaveProperty('leadingKeys');
  });

  it('sizes of attributes', () => {
    const item = {
      n: { N: '1234' },
      b: { B: 'AAAA' },
      t: { BOOL: true },
      l: { L: [{ S: 'ab' }] },
      m: { M: { k: { S: 'v' } } },
    };
    expect(itemBytes(item)).toBe(1 + 3 + (1 + 3) + (1 + 1) + (1 + 3 + 1 + 2) + (1 + 3 + 1 + 2));
    expect(itemBytes({ s: { SS: ['a', 'bc'] } })).toBe(1 + 3);
    expect(itemBytes(undefined)).toBe(0);
    expect(() => itemBytes({ x: { Q: 1 } })).toThrow('type Q');
  });
});

describe('calls of other services', () => {
  it('a parameter, with and without its first slash', () => {
    const resource = 'arn:aws:ssm:us-east-1:000000000000:parameter/tmc/hub';
    expect(called('AmazonSSM.GetParameter', { Name: '/tmc/hub' })).toMatchObject([
      { action: 'ssm:GetParameter', resource },
    ]);
    expect(called('AmazonSSM.GetParameters', { Names: ['tmc/hub'] })).toMatchObject([{ resource }]);
  });

  it('a secret has the ARN the answer tells; the value is not kept', () => {
    const ARN = 'arn:aws:secretsmanager:us-east-1:000000000000:secret:hub-a1B2c3';
    const answer = { ARN, SecretString: 'token-value' };
    const calls = called('secretsmanager.GetSecretValue', { SecretId: 'hub' }, { answer });
    expect(calls).toMatchObject([{ action: 'secretsmanager:GetSecretValue', resource: ARN }]);
    expect(JSON.stringify(calls)).not.toContain('token-value');
    expect(called('secretsmanager.GetSecretValue', { SecretId: 'hub' }, { status: 400 })).toMatchObject([
      { resource: 'arn:aws:secretsmanager:us-east-1:000000000000:secret:hub' },
    ]);
  });

  it('STS by form, signed or not', () => {
    const contentType = 'application/x-www-form-urlencoded; charset=utf-8';
    const form = (text: string) =>
      readCalls(exchange({ contentType, authorization: signed('sts'), body: `${text}&Version=2011-06-15` }));
    expect(form('Action=GetCallerIdentity')).toMatchObject([{ action: 'sts:GetCallerIdentity', resource: '*' }]);
    const RoleArn = 'arn:aws:iam::000000000000:role/r';
    expect(form(`Action=AssumeRole&RoleArn=${encodeURIComponent(RoleArn)}`)).toMatchObject([
      { action: 'sts:AssumeRole', resource: RoleArn },
    ]);
  });

  it('Lambda by path', () => {
    const lambda = (method: string, path: string) =>
      readCalls(exchange({ method, path, authorization: signed('lambda') }));
    const resource = 'arn:aws:lambda:us-east-1:000000000000:function:place';
    expect(lambda('POST', '/2015-03-31/functions/place/invocations?Qualifier=live')).toMatchObject([
      { action: 'lambda:InvokeFunction', resource },
    ]);
    expect(lambda('GET', `/2015-03-31/functions/${encodeURIComponent(resource)}/configuration`)).toMatchObject([
      { action: 'lambda:GetFunctionConfiguration', resource },
    ]);
    expect(lambda('DELETE', '/2015-03-31/functions/place')).toMatchObject([{ service: 'unknown' }]);
  });

  it.each([
    ['Kinesis_20131202.PutRecord', {}],
    ['DynamoDB_20120810.TransactWriteItems', { TransactItems: [{ Upsert: {} }] }],
    ['DynamoDB_20120810.UpdateItem', { TableName: 'State', Key: {} }],
    ['AmazonSSM.GetParameter', {}],
  ])('%s with %j is told as unknown, not left out', (target, input) => {
    const [call] = called(target, input);
    expect(call).toMatchObject({ service: 'unknown', resource: '*' });
    expect(call?.action).toContain(`unknown:${target}: `);
  });
});
