import { spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { variablesOf } from '@tmc/adapters/lambda/environment.ts';
import { build } from 'esbuild';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { bundleOptions } from '../scripts/bundle-options.ts';

/**
 * What is deployed, as Lambda starts it: one file in an empty folder, a process of its own, only the environment it is given.
 * No server is reached: every address is a port that nothing listens on.
 */

const FUNCTIONS = ['place', 'recover', 'sync-down', 'sync-up'] as const;

/** Invokes a bundle with one message that is no envelope; prints the answer, or the error, as the last line. */
const INVOKE = `
const { handler } = await import(process.argv[1]);
const attributes = { ApproximateReceiveCount: '1', SentTimestamp: '0' };
const record = { messageId: 'm1', receiptHandle: 'r1', body: 'no envelope', attributes, eventSource: 'aws:sqs' };
const context = { getRemainingTimeInMillis: () => 10_000, functionName: 'f', awsRequestId: 'q' };
const said = await handler({ Records: [record] }, context).then(
  (answer) => ({ answer }),
  ({ facts, message }) => ({ error: { type: facts?.type, message } }),
);
console.log('\\n' + JSON.stringify(said));
process.exit(0);
`;

type Said = {
  readonly answer?: { readonly batchItemFailures: unknown };
  readonly error?: { readonly type?: string; readonly message: string };
  readonly log: string;
};

describe('function bundles', () => {
  let folder: string;
  let closed: string;

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'tmc-bundle-'));
    closed = await closedAddress();
    await build(
      bundleOptions(
        FUNCTIONS.map((name) => `${name}.ts`),
        folder,
      ),
    );
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  const invoke = (name: string, env: Readonly<Record<string, string>>) =>
    invokeBundle(pathToFileURL(join(folder, `${name}.mjs`)).href, { cwd: folder, env });

  it('are those of this folder', () => {
    const sources = readdirSync(import.meta.dirname).filter((file) => !file.endsWith('.test.ts'));
    expect(sources.sort()).toEqual(FUNCTIONS.map((name) => `${name}.ts`));
  });

  it.each(FUNCTIONS)('%s names every variable it misses, each on a line of its own', async (name) => {
    const { error } = await invoke(name, {});
    expect(error?.type).toBe('ConfigurationError');
    const lines = error?.message.split('\n').slice(1) ?? [];
    expect(lines.map((line) => line.trim().split(':')[0])).toEqual(
      expect.arrayContaining(variablesOf(name).filter((variable) => variable.startsWith('TMC_'))),
    );
  });

  it.each(FUNCTIONS)('%s answers for a message it can neither read nor park, and does not throw', async (name) => {
    const { answer, error, log } = await invoke(name, environment(closed));
    expect(error).toBeUndefined();
    expect(log).toContain('"reason":"message m1 is not JSON"');
    expect(answer).toEqual({ batchItemFailures: [{ itemIdentifier: 'm1' }] });
  });
});

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

function invokeBundle(url: string, options: { cwd: string; env: Readonly<Record<string, string>> }): Promise<Said> {
  const args = ['--input-type=module', '--eval', INVOKE, url];
  const child = spawn(process.execPath, args, { ...options, stdio: ['ignore', 'pipe', 'pipe'], timeout: 15_000 });
  let output = '';
  let log = '';
  child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (log += chunk.toString()));
  return new Promise((settle, fail) => {
    child.on('error', fail);
    child.on('close', (code) => {
      const last = output.trim().split('\n').at(-1) ?? '';
      if (code === 0 && last.startsWith('{')) settle({ ...(JSON.parse(last) as Omit<Said, 'log'>), log });
      else fail(new Error(`the bundle ended with ${code}: ${output}${log}`));
    });
  });
}
