import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { pathToFileURL } from 'node:url';
import { json, type ScriptedServer, startScriptedServer } from '@tmc/adapters/kube/scripted-server.ts';
import { startTcpLink, type TcpLink } from '@tmc/adapters/kube/tcp-link.ts';
import { build } from 'esbuild';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { bundleOptions } from '../scripts/bundle-options.ts';

/**
 * A function as Lambda treats it between invocations: its process does not run, its connections are forgotten by the network or
 * closed by the other side, and it is told of neither.
 */

/** Answers each line of input by an invocation; `skipMs` is by how much the clock went on while the process did not run. */
const DRIVER = `
import { createInterface } from 'node:readline';
const { handler } = await import(process.argv[1]);
const now = Date.now;
let skippedMs = 0;
Date.now = () => now() + skippedMs;
const context = { getRemainingTimeInMillis: () => 20_000, functionName: 'f', awsRequestId: 'q' };
for await (const line of createInterface({ input: process.stdin })) {
  const { event, skipMs } = JSON.parse(line);
  skippedMs += skipMs;
  const answer = await handler(event, context).catch((error) => ({ error: error.message }));
  console.log('\\nanswer ' + JSON.stringify(answer));
}
`;

const PAUSE_MS = 10 * 60_000;
const key = { workspace: 'shop', group: 'apps', resource: 'deployments', namespace: 'web', name: 'front' };
const envelope = {
  v: 1,
  id: 'm',
  at: 0,
  source: { kind: 'hub', id: 'hub', relay: 'r', epoch: 0 },
  key,
  uid: 'u',
  rv: '1',
  change: 'upsert',
};
/** Reads the hub and the table for one record, parks the other. */
const event = {
  Records: [JSON.stringify(envelope), 'no envelope'].map((body, at) => ({
    messageId: `m${at}`,
    receiptHandle: `r${at}`,
    body,
    attributes: { ApproximateReceiveCount: '1', SentTimestamp: '0' },
    eventSource: 'aws:sqs',
  })),
};

/** Placed nowhere, so that the function only reads it, and the decisions about it in the table. */
const FRONT = json({
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name: key.name, namespace: key.namespace, uid: 'u', resourceVersion: '1' },
});
const ANSWERS: Readonly<Record<string, object>> = {
  Query: { Items: [], Count: 0, ScannedCount: 0 },
  // The SDK compares what it sent.
  SendMessage: { MessageId: 'parked', MD5OfMessageBody: createHash('md5').update('no envelope').digest('hex') },
  DeleteMessageBatch: { Successful: [{ Id: '0' }], Failed: [] },
};

describe('a function after a freeze', () => {
  let folder: string;
  let hub: ScriptedServer;
  let link: TcpLink;
  let awsLink: TcpLink;
  let aws: Server;
  let child: ChildProcess;
  let answers: AsyncIterator<string>;
  let awsConnections: number;
  /** What the hub and AWS were asked, in order. */
  let asked: string[];

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'tmc-thaw-'));
    await build(bundleOptions(['sync-down.ts'], folder));
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  beforeEach(async () => {
    asked = [];
    awsConnections = 0;
    hub = await startScriptedServer((stream, headers) => {
      asked.push('hub');
      FRONT(stream, headers);
    });
    link = await startTcpLink(Number(new URL(hub.connection.url).port));
    aws = createServer((request, response) => {
      const action = String(request.headers['x-amz-target']).split('.').at(-1) ?? '';
      asked.push(action);
      request.resume().on('end', () => {
        response.setHeader('content-type', 'application/x-amz-json-1.0');
        response.end(JSON.stringify(ANSWERS[action] ?? { __type: 'NotScripted', message: action }));
      });
    });
    // Closes what the test says, and nothing by itself.
    aws.keepAliveTimeout = 0;
    aws.on('connection', () => (awsConnections += 1));
    aws.listen(0, '127.0.0.1');
    await once(aws, 'listening');
    const args = ['--input-type=module', '--eval', DRIVER, pathToFileURL(join(folder, 'sync-down.mjs')).href];
    awsLink = await startTcpLink((aws.address() as AddressInfo).port);
    const address = `http://127.0.0.1:${awsLink.port}`;
    const stdio: ['pipe', 'pipe', 'inherit'] = ['pipe', 'pipe', 'inherit'];
    const env = environment(address, link.port);
    const started = spawn(process.execPath, args, { cwd: folder, env, stdio });
    child = started;
    answers = createInterface({ input: started.stdout })[Symbol.asyncIterator]();
  });

  afterEach(async () => {
    const gone = once(child, 'exit');
    child.kill('SIGKILL');
    await gone;
    aws.closeAllConnections();
    aws.close();
    await awsLink.close();
    await link.close();
    await hub.close();
  });

  const invoke = (skipMs = 0) => child.stdin?.write(`${JSON.stringify({ event, skipMs })}\n`);

  async function answered(): Promise<unknown> {
    for (;;) {
      const { value, done } = await answers.next();
      if (done) throw new Error('the function ended without an answer');
      if (value.startsWith('answer ')) return JSON.parse(value.slice('answer '.length));
    }
  }

  /** Stops the process as a freeze does; it is told of nothing that happens from now on. */
  async function freeze(): Promise<void> {
    child.kill('SIGSTOP');
    const stateOf = () => spawnSync('ps', ['-o', 'stat=', '-p', String(child.pid)], { encoding: 'utf8' }).stdout;
    await vi.waitFor(() => expect(stateOf()).toMatch(/^T/), 5_000);
  }

  async function thaw(pauseMs = PAUSE_MS): Promise<unknown> {
    invoke(pauseMs);
    child.kill('SIGCONT');
    return answered();
  }

  const NO_FAILURE = { batchItemFailures: [] };

  it('has used one connection for all invocations, and goes on with it when nothing happened to it', async () => {
    invoke();
    expect(await answered()).toEqual(NO_FAILURE);
    expect(new Set(asked)).toEqual(new Set(['hub', 'Query', 'SendMessage', 'DeleteMessageBatch']));
    const connections = awsConnections;
    invoke();
    expect(await answered()).toEqual(NO_FAILURE);
    await freeze();
    expect(await thaw(30_000)).toEqual(NO_FAILURE);
    expect(hub.sessions).toHaveLength(1);
    expect(awsConnections).toBe(connections);
  });

  it('replaces connections to the hub and to AWS that the network forgot, and no record fails', async () => {
    invoke();
    await answered();
    await freeze();
    link.stall();
    awsLink.stall();
    asked = [];
    // A record whose request waited for the hub's old connection would fail.
    expect(await thaw()).toEqual(NO_FAILURE);
    expect(asked.filter((one) => one === 'hub')).toHaveLength(1);
    expect(hub.sessions).toHaveLength(2);
    // A call of AWS that was sent into an old connection would be made again after five seconds, and no record would tell.
    expect(awsLink.lostBytes()).toBe(0);
    expect(link.lostBytes()).toBeGreaterThan(0);
  });

  it('replaces connections that the hub and AWS closed meanwhile, and no record fails', async () => {
    invoke();
    await answered();
    await freeze();
    hub.sessions[0]?.destroy();
    aws.closeIdleConnections();
    const before = awsConnections;
    expect(await thaw()).toEqual(NO_FAILURE);
    expect(hub.sessions).toHaveLength(2);
    expect(awsConnections).toBeGreaterThan(before);
  });
});

function environment(aws: string, hubPort: number): Record<string, string> {
  const connection = { url: `http://127.0.0.1:${hubPort}`, token: 'made-up' };
  const names = ['placement', 'sync', 'status', 'recovery'];
  const queueOf = (name: string) => ({ url: `${aws}/1/${name}`, deadLetterUrl: `${aws}/1/${name}-dead` });
  return {
    TMC_HUB: JSON.stringify({ kind: 'kubernetes', workspace: 'shop', connection }),
    TMC_MEMBERS: '[]',
    TMC_TABLE: 'tmc',
    TMC_QUEUES: JSON.stringify(Object.fromEntries(names.map((name) => [name, queueOf(name)]))),
    POWERTOOLS_LOG_LEVEL: 'ERROR',
    AWS_ENDPOINT_URL: aws,
    AWS_REGION: 'eu-central-1',
    AWS_ACCESS_KEY_ID: 'made-up',
    AWS_SECRET_ACCESS_KEY: 'made-up',
  };
}
