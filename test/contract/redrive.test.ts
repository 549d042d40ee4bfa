import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import type { Queue } from '@tmc/adapters/queue/queue.ts';
import { connectQueues, type QueueConnection } from '@tmc/adapters/sqs/connect.ts';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startElasticMq } from '../emulators/elasticmq.ts';
import { whyNoJava } from '../emulators/java.ts';
import type { Emulator } from '../emulators/server.ts';

/** `tmc redrive` as a process, on a queue service. */

const missing = await whyNoJava();
if (missing) console.warn(`SKIPPED: tmc redrive on ElasticMQ: ${missing}`);

const root = resolve(import.meta.dirname, '..', '..');
const { signal } = new AbortController();

function tmc(...args: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  const command = ['--disable-warning=ExperimentalWarning', join(root, 'packages/cli/main.ts'), ...args];
  const { AWS_ENDPOINT_URL: _url, AWS_ACCESS_KEY_ID: _id, AWS_SECRET_ACCESS_KEY: _key, ...env } = process.env;
  return new Promise((settle) => {
    execFile(process.execPath, command, { env }, (error, stdout, stderr) => {
      settle({ code: Number(error?.code ?? 0), stdout, stderr });
    });
  });
}

describe.skipIf(missing !== undefined)('tmc redrive', () => {
  const folder = mkdtempSync(join(tmpdir(), 'tmc-redrive-'));
  const file = join(folder, 'tmc-dev.json');
  let emulator: Emulator;
  let sqs: QueueConnection;
  let queue: Queue;

  beforeAll(async () => {
    emulator = await startElasticMq();
    const credentials = { accessKeyId: 'test', secretAccessKey: 'test' };
    sqs = connectQueues({ region: 'elasticmq', credentials, endpoint: emulator.endpoint });
    const urls = await sqs.ensure(`test-${randomUUID()}`);
    queue = sqs.queue(urls);
    const queues = { placement: urls, sync: urls, status: urls, recovery: urls };
    const rest = { stage: 'dev', region: 'elasticmq', table: 'none', functions: {}, roles: {}, apiUrl: 'http://none' };
    writeFileSync(file, JSON.stringify({ ...rest, queues, commandQueues: { west: urls } }));
  }, 120_000);

  afterAll(async () => {
    sqs?.close();
    await emulator?.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  const receive = () => queue.receive({ max: 10, visibilityMs: 30_000, waitMs: 2_000, signal });

  it('lists what is dead, sends it again, and it arrives as new', async () => {
    await queue.send([{ body: 'no envelope', group: 'g' }]);
    const [message] = await receive();
    if (!message) throw new Error('the message that was sent did not come');
    await queue.park(message, 'it is not JSON');

    const listed = await tmc('redrive', 'sync', '--deployment', file, '--list', '--json');
    expect(listed.stderr).toBe('');
    const { deadLetters } = JSON.parse(listed.stdout) as { deadLetters: { id: string }[] };
    expect(deadLetters).toMatchObject([{ reason: 'it is not JSON', receives: 1 }]);

    const sent = await tmc('redrive', 'commands-west', '--deployment', file, '--id', deadLetters[0]?.id ?? '');
    expect(sent).toEqual({ code: 0, stdout: 'commands-west: 1 dead letter(s) sent again\n', stderr: '' });
    const [again] = await receive();
    expect(again).toMatchObject({ body: 'no envelope', group: 'g', receiveCount: 1 });
    expect(await tmc('redrive', 'sync', '--deployment', file)).toMatchObject({
      code: 0,
      stdout: 'sync: 0 dead letter(s) sent again\n',
    });
  });

  it('says what there is when the queue, the deployment or its service is not there', async () => {
    const unknown = await tmc('redrive', 'nothing', '--deployment', file);
    expect(unknown.code).toBe(1);
    expect(unknown.stderr).toContain('name one of placement, sync, status, recovery, commands-west');

    const nowhere = await tmc('redrive', 'sync', '--deployment', join(folder, 'nowhere.json'));
    expect(nowhere.stderr).toMatch(/^cannot read the deployment .*nowhere\.json.*\nWhat to do: name the file/);

    const removed = join(folder, 'removed.json');
    const gone = {
      url: `${emulator.endpoint}/000000000000/gone`,
      deadLetterUrl: `${emulator.endpoint}/000000000000/dead`,
    };
    const queues = { placement: gone, sync: gone, status: gone, recovery: gone };
    writeFileSync(
      removed,
      JSON.stringify({ stage: 'dev', region: 'elasticmq', table: 'none', queues, commandQueues: {} }),
    );
    const { code, stderr } = await tmc('redrive', 'sync', '--deployment', removed, '--list');
    expect(code).toBe(1);
    expect(stderr).toMatch(/^cannot redrive sync: .*\nWhat to do: was this deployment removed\?/);
  });
});
