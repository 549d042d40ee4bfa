import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { ListQueuesCommand, ReceiveMessageCommand } from '@aws-sdk/client-sqs';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { openTable } from '../dynamo/client.ts';
import { sqsClient } from '../sqs/client.ts';
import { createSqsQueue } from '../sqs/queue.ts';
import { requestTimeoutMs } from './client-settings.ts';

describe('clients of AWS', () => {
  let server: Server;
  let address: string;
  const asked: string[] = [];
  const sockets = new Set<unknown>();

  beforeEach(async () => {
    asked.length = 0;
    sockets.clear();
    server = createServer((request, response) => {
      asked.push(`${request.url} ${String(request.headers['x-amz-target'])}`);
      request.resume();
      response.setHeader('content-type', 'application/x-amz-json-1.0').end('{}');
    });
    server.on('connection', (socket) => sockets.add(socket));
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    address = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    vi.stubEnv('AWS_REGION', 'eu-central-1');
    vi.stubEnv('AWS_ACCESS_KEY_ID', 'id');
    vi.stubEnv('AWS_SECRET_ACCESS_KEY', 'key');
    vi.stubEnv('AWS_ENDPOINT_URL', 'http://127.0.0.1:9');
  });
  afterEach(() => {
    vi.unstubAllEnvs();
    server.closeAllConnections();
    server.close();
  });

  it('go where the variable of their service says, whatever the host of a queue', async () => {
    vi.stubEnv('AWS_ENDPOINT_URL_SQS', `${address}/sqs`);
    vi.stubEnv('AWS_ENDPOINT_URL_DYNAMODB', `${address}/dynamodb`);
    const client = sqsClient();
    const { table, dynamo } = openTable('tmc');
    const url = 'https://sqs.eu-central-1.amazonaws.com/1/sync';
    const queue = createSqsQueue({ client, url, deadLetterUrl: `${url}-dead` });
    const { signal } = new AbortController();
    expect(await queue.receive({ max: 1, visibilityMs: 1_000, waitMs: 0, signal })).toEqual([]);
    expect(await table.get({ pk: 'a', sk: 'b' })).toBeUndefined();
    expect(asked).toEqual(['/sqs/ AmazonSQS.ReceiveMessage', '/dynamodb/ DynamoDB_20120810.GetItem']);
    client.destroy();
    dynamo.destroy();
  });

  it('keep their connections', async () => {
    vi.stubEnv('AWS_ENDPOINT_URL_SQS', address);
    const client = sqsClient();
    for (let call = 1; call <= 3; call += 1) await client.send(new ListQueuesCommand({}));
    expect([asked.length, sockets.size]).toEqual([3, 1]);
    client.destroy();
  });

  it('give up a call that is not answered in its time', async () => {
    vi.stubEnv('AWS_ENDPOINT_URL_SQS', address);
    vi.stubEnv('AWS_MAX_ATTEMPTS', '1');
    server.removeAllListeners('request');
    const client = sqsClient();
    const call = client.send(new ReceiveMessageCommand({ QueueUrl: address }), { requestTimeout: 50 });
    await expect(call).rejects.toMatchObject({ name: 'TimeoutError' });
    client.destroy();
  });

  it('wait longer for a call that waits at the service', () => {
    expect([requestTimeoutMs(0), requestTimeoutMs(20_000)]).toEqual([5_000, 25_000]);
  });
});
