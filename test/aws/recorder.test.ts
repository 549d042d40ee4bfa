import { createServer, type IncomingHttpHeaders, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { DynamoDBClient, GetItemCommand } from '@aws-sdk/client-dynamodb';
import { ReceiveMessageCommand, SendMessageBatchCommand, SQSClient } from '@aws-sdk/client-sqs';
import { afterEach, describe, expect, it } from 'vitest';
import { type Recorder, startRecorder } from './recorder.ts';

type Arrived = {
  readonly url: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
  readonly port: number;
};
type Answering = (arrived: Arrived) => { status?: number; body: string } | 'never';

const stops: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const stop of stops.splice(0).reverse()) await stop();
});

/** An endpoint that answers as it is told, with a recorder in front of it. */
async function recorded(answering: Answering): Promise<{ recorder: Recorder; arrived: Arrived[]; server: Server }> {
  const arrived: Arrived[] = [];
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const { url = '', headers, socket } = request;
      const seen = { url, headers, body: Buffer.concat(chunks).toString(), port: socket.remotePort ?? 0 };
      arrived.push(seen);
      const answer = answering(seen);
      if (answer === 'never') return;
      response.writeHead(answer.status ?? 200, { 'content-type': 'application/x-amz-json-1.0', 'x-emulator': 'yes' });
      response.end(answer.body);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const recorder = await startRecorder(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  stops.push(async () => {
    await recorder.stop();
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });
  return { recorder, arrived, server };
}

const credentials = { accessKeyId: 'test', secretAccessKey: 'test' };
const QUEUE = 'http://127.0.0.1:4566/000000000000/sync';

function sqsOf(endpoint: string): SQSClient {
  const client = new SQSClient({
    endpoint,
    region: 'eu-west-1',
    credentials,
    useQueueUrlAsEndpoint: false,
    md5: false,
  });
  stops.push(async () => client.destroy());
  return client;
}

describe('the recorder', () => {
  it('takes the identity off the path, passes the rest on and says who called what', async () => {
    const { recorder, arrived } = await recorded(() => ({ body: '{"Successful":[{"Id":"0"},{"Id":"1"}]}' }));
    const Entries = [
      { Id: '0', MessageBody: 'abc' },
      { Id: '1', MessageBody: 'é', MessageAttributes: { group: { DataType: 'String', StringValue: 'g' } } },
    ];
    const answer = await sqsOf(recorder.urlFor('hub-relay')).send(
      new SendMessageBatchCommand({ QueueUrl: QUEUE, Entries }),
    );
    expect(answer.Successful).toHaveLength(2);
    expect(arrived[0]).toMatchObject({ url: '/', headers: { 'x-amz-target': 'AmazonSQS.SendMessageBatch' } });
    expect(recorder.calls()).toEqual([
      {
        identity: 'hub-relay',
        service: 'sqs',
        action: 'sqs:SendMessage',
        resource: 'arn:aws:sqs:eu-west-1:000000000000:sync',
        items: 2,
        bytes: 3 + 2 + 'groupStringg'.length,
        status: 200,
        request: 1,
      },
    ]);
    recorder.reset();
    expect(recorder.calls()).toEqual([]);
  });

  it('keeps identities apart and their names whole, and passes headers of the answer', async () => {
    const { recorder } = await recorded(() => ({ body: '{}' }));
    for (const identity of ['place', 'relay/member one']) {
      const dynamo = new DynamoDBClient({ endpoint: recorder.urlFor(identity), region: 'us-east-1', credentials });
      await dynamo.send(new GetItemCommand({ TableName: 'State', Key: { pk: { S: 'F' }, sk: { S: 'x' } } }));
      dynamo.destroy();
    }
    expect(recorder.calls().map(({ identity }) => identity)).toEqual(['place', 'relay/member one']);
    const { headers } = await fetch(recorder.urlFor('place'));
    expect(headers.get('x-emulator')).toBe('yes');
  });

  it('uses one connection again', async () => {
    const { recorder, arrived } = await recorded(() => ({ body: '{}' }));
    const sqs = sqsOf(recorder.urlFor('place'));
    for (let turn = 0; turn < 3; turn++) await sqs.send(new ReceiveMessageCommand({ QueueUrl: QUEUE }));
    expect(new Set(arrived.map(({ port }) => port)).size).toBe(1);
  });

  it('a kept connection that was closed meanwhile costs the caller nothing', async () => {
    const { recorder, server, arrived } = await recorded(() => ({ body: '{}' }));
    const call = async (): Promise<number> =>
      (await fetch(recorder.urlFor('place'), { method: 'POST', body: '{}' })).status;
    expect(await call()).toBe(200);
    server.closeAllConnections();
    expect(await call()).toBe(200);
    expect(arrived).toHaveLength(2);
  });

  it('an endpoint that is not there is an answer that says so, and a call without an answer', async () => {
    const { recorder, server } = await recorded(() => ({ body: '{}' }));
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
    const headers = { 'x-amz-target': 'AmazonSQS.SendMessage' };
    const body = JSON.stringify({ QueueUrl: QUEUE, MessageBody: 'a' });
    const answer = await fetch(recorder.urlFor('place'), { method: 'POST', headers, body });
    expect(answer.status).toBe(502);
    expect(await answer.text()).toMatch(/could not pass POST \/ on to http:.*ECONNREFUSED/);
    expect(recorder.calls()).toMatchObject([{ action: 'sqs:SendMessage', status: 0 }]);
  });

  it('a long poll ends with its caller', async () => {
    let ended: () => void = () => {};
    const closed = new Promise<void>((resolve) => {
      ended = resolve;
    });
    const { recorder, server } = await recorded(() => 'never');
    server.on('connection', (socket) => socket.once('close', ended));
    const leave = new AbortController();
    const poll = fetch(recorder.urlFor('relay'), { method: 'POST', body: '{}', signal: leave.signal });
    const arrived = new Promise((resolve) => server.once('request', resolve));
    await arrived;
    leave.abort();
    await expect(poll).rejects.toThrow(/abort/);
    await closed;
  });

  it('refuses a body that no service takes', async () => {
    const { recorder, arrived } = await recorded(() => ({ body: '{}' }));
    const body = 'x'.repeat(8 * 1024 * 1024 + 1);
    const answer = await fetch(recorder.urlFor('place'), { method: 'POST', body });
    expect(await answer.text()).toContain('a body of more than 8388608 bytes');
    expect(arrived).toEqual([]);
  });

  it('stops while a call is under way', async () => {
    const { recorder, server } = await recorded(() => 'never');
    const arrived = new Promise((resolve) => server.once('request', resolve));
    const poll = fetch(recorder.urlFor('relay'), { method: 'POST', body: '{}' });
    const refused = expect(poll).rejects.toThrow('fetch failed');
    await arrived;
    await recorder.stop();
    await refused;
    stops.splice(0);
  });
});
