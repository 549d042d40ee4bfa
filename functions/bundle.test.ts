import { spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { createServer as createHttpServer } from 'node:http';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { startScriptedServer } from '@tmc/adapters/kube/scripted-server.ts';
import { FUNCTION_NAMES, variablesOf } from '@tmc/adapters/lambda/environment.ts';
import { build } from 'esbuild';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { bundleOptions } from '../scripts/bundle-options.ts';

/**
 * What is deployed, as Lambda starts it: one file in an empty folder, a process of its own, only the environment it is given.
 * No server is reached, but where a test brings its own: every address is a port that nothing listens on.
 */

const CONSUMERS = ['place', 'recover', 'sync-down', 'sync-up'] as const;

/** Invokes a bundle with an event; prints the answer, or the error, as the last line. */
const INVOKE = `
const { handler } = await import(process.argv[1]);
const context = { getRemainingTimeInMillis: () => 10_000, functionName: 'f', awsRequestId: 'q' };
const said = await handler(JSON.parse(process.argv[2]), context).then(
  (answer) => ({ answer }),
  ({ facts, message }) => ({ error: { type: facts?.type, message } }),
);
console.log('\\n' + JSON.stringify(said));
process.exit(0);
`;

type Said = {
  readonly answer?: unknown;
  readonly error?: { readonly type?: string; readonly message: string };
  /** Everything the process wrote, logs and metrics. */
  readonly log: string;
};

const message = (body: string) => ({
  Records: [
    {
      messageId: 'm1',
      receiptHandle: 'r1',
      body,
      attributes: { ApproximateReceiveCount: '1', SentTimestamp: '0' },
      eventSource: 'aws:sqs',
    },
  ],
});

describe('function bundles', () => {
  let folder: string;
  let closed: string;

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'tmc-bundle-'));
    closed = await closedAddress();
    await build(
      bundleOptions(
        FUNCTION_NAMES.map((name) => `${name}.ts`),
        folder,
      ),
    );
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  const invoke = (name: string, event: object, env: Readonly<Record<string, string>>) =>
    invokeBundle([pathToFileURL(join(folder, `${name}.mjs`)).href, JSON.stringify(event)], { cwd: folder, env });

  it('are those of this folder', () => {
    const sources = readdirSync(import.meta.dirname).filter((file) => !file.endsWith('.test.ts'));
    expect(sources.sort()).toEqual(FUNCTION_NAMES.map((name) => `${name}.ts`).sort());
  });

  it.each(FUNCTION_NAMES)('%s names every variable it misses, each on a line of its own', async (name) => {
    const { error } = await invoke(name, {}, {});
    expect(error?.type).toBe('ConfigurationError');
    const lines = error?.message.split('\n').slice(1) ?? [];
    const missed = lines.map((line) => line.trim().split(':')[0]).sort();
    expect(missed).toEqual(variablesOf(name).filter((variable) => variable.startsWith('TMC_')));
  });

  it.each(CONSUMERS)('%s answers for a message it can neither read nor park, and does not throw', async (name) => {
    const { answer, error, log } = await invoke(name, message('no envelope'), environment(closed));
    expect(error).toBeUndefined();
    expect(log).toContain('"reason":"message m1 is not JSON"');
    expect(answer).toEqual({ batchItemFailures: [{ itemIdentifier: 'm1' }] });
  });

  it.each(CONSUMERS)('%s answers for a message also while its start finds no hub', async (name) => {
    const [connection, kcp] = [
      { url: closed, token: 'made-up' },
      { workspace: 'root:tmc', name: 'tmc.kcp.io' },
    ];
    const TMC_HUB = JSON.stringify({ kind: 'kcp', export: kcp, connection });
    const event = message(JSON.stringify(secretEnvelope()));
    const { answer, error, log } = await invoke(name, event, { ...environment(closed), TMC_HUB });
    expect(error).toBeUndefined();
    expect(log).toContain('the function could not start');
    expect(answer).toEqual({ batchItemFailures: [{ itemIdentifier: 'm1' }] });
  });

  it('sweep fails, so that Lambda tries again, when it cannot see the fleet', async () => {
    const { error } = await invoke('sweep', {}, environment(closed));
    expect(error).toMatchObject({ type: 'NetworkConnectivity', message: expect.stringContaining('ECONNREFUSED') });
  });

  it('redrive names everything that is wrong with a request', async () => {
    const { error } = await invoke('redrive', { queue: 'nowhere', ids: [] }, environment(closed));
    expect(error?.message.split('\n').slice(1)).toEqual([
      expect.stringMatching(/^ {2}queue: expected "placement" or /),
      expect.stringMatching(/^ {2}ids: expected at least 1/),
    ]);
  });

  it('api answers while queues and table do not', async () => {
    const get = (rawPath: string) =>
      invoke('api', { rawPath, requestContext: { http: { method: 'GET' } } }, environment(closed));
    expect((await get('/healthz')).answer).toMatchObject({ statusCode: 200, body: '{"status":"ok"}' });
    expect((await get('/v1/queues')).answer).toMatchObject({ statusCode: 503, headers: { 'retry-after': '1' } });
  });

  it('sync-down fetches a token by reference, and writes neither it nor an object anywhere', async () => {
    const seen: string[] = [];
    const aws = await startAws(seen);
    const hub = await startScriptedServer((stream, headers) => {
      seen.push(`hub ${headers['authorization']}`);
      stream.respond({ ':status': 401, 'content-type': 'text/plain' });
      stream.end('Unauthorized');
    });
    try {
      const connection = { url: hub.connection.url, secret: 'tmc/hub' };
      const { answer, log } = await invoke('sync-down', message(JSON.stringify(secretEnvelope())), {
        ...environment(aws.address),
        TMC_HUB: JSON.stringify({ kind: 'kubernetes', workspace: 'shop', connection }),
        TMC_MEMBERS: JSON.stringify({ secret: 'tmc/members' }),
        POWERTOOLS_LOG_LEVEL: 'TRACE',
        POWERTOOLS_LOGGER_LOG_EVENT: 'true',
        AWS_SECRET_ACCESS_KEY: 'key-hunter2',
        AWS_SESSION_TOKEN: 'session-hunter2',
      });
      expect(answer).toEqual({ batchItemFailures: [{ itemIdentifier: 'm1' }] });
      expect(seen).toContain('secretsmanager.GetSecretValue tmc/members');
      expect(seen).toContain('secretsmanager.GetSecretValue tmc/hub');
      expect(seen).toContain('hub Bearer token-hunter2');
      expect(log).toContain('"function":"sync-down"');
      expect(log).toContain('tmc/hub');
      expect(log).not.toContain('hunter2');
      expect(log).not.toContain(Buffer.from('hunter2').toString('base64'));
    } finally {
      await Promise.all([aws.close(), hub.close()]);
    }
  });
});

/** A message with what may never be in one: sent by somebody who forged it. */
function secretEnvelope() {
  const metadata = { name: 'db', namespace: 'ns', uid: 'u', resourceVersion: '7' };
  return {
    v: 1,
    id: 'm',
    at: 1,
    source: { kind: 'hub', id: 'hub', relay: 'r', epoch: 0 },
    key: { workspace: 'shop', group: '', resource: 'secrets', namespace: 'ns', name: 'db' },
    uid: 'u',
    rv: '7',
    change: 'upsert',
    body: {
      apiVersion: 'v1',
      kind: 'Secret',
      metadata,
      data: { password: Buffer.from('hunter2').toString('base64') },
      stringData: { password: 'hunter2' },
    },
  };
}

/** Secrets, and an empty table; everything else it refuses. */
async function startAws(seen: string[]): Promise<{ readonly address: string; close(): Promise<void> }> {
  const secrets: Record<string, string> = { 'tmc/hub': '{"token":"token-hunter2"}', 'tmc/members': '[]' };
  const server = createHttpServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const asked = JSON.parse(Buffer.concat(chunks).toString()) as { SecretId?: string };
    const target = String(request.headers['x-amz-target']);
    seen.push(`${target} ${asked.SecretId ?? ''}`.trim());
    const { SecretId = '' } = asked;
    const body = secrets[SecretId] ? { SecretString: secrets[SecretId] } : { Items: [], Count: 0 };
    const isKnown = SecretId in secrets || target.endsWith('.Query') || target.endsWith('.GetItem');
    response.writeHead(isKnown ? 200 : 400, { 'content-type': 'application/x-amz-json-1.1' });
    response.end(JSON.stringify(isKnown ? body : { __type: 'InvalidAction', message: `no ${target} here` }));
  });
  await new Promise<void>((settle) => server.listen(0, '127.0.0.1', settle));
  const { port } = server.address() as { port: number };
  return {
    address: `http://127.0.0.1:${port}`,
    close: () => new Promise((settle) => void server.close(() => settle()).closeAllConnections()),
  };
}

function environment(address: string): Record<string, string> {
  const queue = (name: string) => ({
    url: `${address}/1/${name}.fifo`,
    deadLetterUrl: `${address}/1/${name}-dead.fifo`,
  });
  const names = ['sync', 'placement', 'status', 'recovery'];
  const connection = { url: address, token: 'made-up' };
  const syncTarget = { workspace: 'shop', name: 'west' };
  return {
    TMC_HUB: JSON.stringify({ kind: 'kubernetes', workspace: 'shop', connection }),
    TMC_MEMBERS: JSON.stringify([{ name: 'west', syncTarget, connection }]),
    TMC_TABLE: 'tmc',
    TMC_QUEUES: JSON.stringify(Object.fromEntries(names.map((name) => [name, queue(name)]))),
    AWS_ENDPOINT_URL: address,
    AWS_REGION: 'eu-central-1',
    AWS_ACCESS_KEY_ID: 'made-up',
    AWS_SECRET_ACCESS_KEY: 'made-up',
    AWS_MAX_ATTEMPTS: '1',
  };
}

/** An address that refuses connections: a port that was just free. */
async function closedAddress(): Promise<string> {
  const server = createServer();
  await new Promise<void>((settle) => server.listen(0, '127.0.0.1', settle));
  const { port } = server.address() as { port: number };
  await new Promise((settle) => server.close(settle));
  return `http://127.0.0.1:${port}`;
}

function invokeBundle(
  given: readonly string[],
  options: { cwd: string; env: Readonly<Record<string, string>> },
): Promise<Said> {
  const args = ['--input-type=module', '--eval', INVOKE, ...given];
  const child = spawn(process.execPath, args, { ...options, stdio: ['ignore', 'pipe', 'pipe'], timeout: 15_000 });
  let output = '';
  let log = '';
  child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (log += chunk.toString()));
  return new Promise((settle, fail) => {
    child.on('error', fail);
    child.on('close', (code) => {
      const last = output.trim().split('\n').at(-1) ?? '';
      if (code === 0 && last.startsWith('{')) settle({ ...(JSON.parse(last) as Omit<Said, 'log'>), log: output + log });
      else fail(new Error(`the bundle ended with ${code}: ${output}${log}`));
    });
  });
}
