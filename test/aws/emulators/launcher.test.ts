import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { resolve } from 'node:path';
import { text } from 'node:stream/consumers';
import { describe, expect, it } from 'vitest';
import { whyNoMiniStack } from '../../emulators/ministack.ts';
import { until } from '../../real/harness/process.ts';
import { familyOf, isRunning } from './processes.ts';

const SCRIPT = resolve(import.meta.dirname, '../../../scripts/emulator.ts');
const missing = await whyNoMiniStack();
if (missing) console.warn(`SKIPPED: npm run emulator with MiniStack: ${missing}`);

const launch = (...args: string[]) => {
  const child = spawn(process.execPath, [SCRIPT, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
  return { child, out: child.stdout.setEncoding('utf8'), errors: text(child.stderr) };
};

/** What it writes first. */
async function firstOutput({ out, errors }: ReturnType<typeof launch>): Promise<string> {
  const [chunk] = await Promise.race([once(out, 'data'), once(out, 'end').then(() => [''])]);
  return chunk || Promise.reject(new Error(await errors));
}

/** Runs until it ends by itself. */
async function ended(...args: string[]): Promise<{ code: number; said: string }> {
  const { child, out, errors } = launch(...args);
  const [[code], said] = await Promise.all([once(child, 'exit'), errors, text(out)]);
  return { code, said };
}

// Once is enough when the other tests are run on each emulator.
const elsewhere = process.env['EMULATOR_NAME'] === 'localstack';

describe.skipIf(missing !== undefined || elsewhere)('npm run emulator, when it starts', () => {
  it.each(['SIGINT', 'SIGTERM'] as const)('says where, for scripts, and leaves nothing after %s', async (signal) => {
    const launched = launch('start', 'ministack', '--port', '0', '--json');
    const { endpoint, pid } = JSON.parse(await firstOutput(launched)) as { endpoint: string; pid: number };
    expect(pid).toBe(launched.child.pid);
    expect((await fetch(`${endpoint}/_localstack/health`)).status).toBe(200);
    const family = familyOf(pid);
    expect(family.length).toBeGreaterThan(1);
    launched.child.kill(signal);
    expect(await once(launched.child, 'exit')).toEqual([0, null]);
    await until('all processes to end', async () => family.filter(isRunning).join() || undefined, 10_000);
  });

  it('says to people what to set and what to do', async () => {
    const launched = launch('start', 'ministack', '--port', '0');
    const said = await firstOutput(launched);
    launched.child.kill();
    await once(launched.child, 'exit');
    const [, endpoint] = /^ministack at (http:\/\/127\.0\.0\.1:\d+);/.exec(said) ?? [];
    expect(said).toContain(`export AWS_ENDPOINT_URL=${endpoint}\n`);
    expect(said).toContain('export AWS_ACCESS_KEY_ID=test\n');
    expect(said).toContain('npm run deploy:ministack');
  });

  it('ends when the emulator does', async () => {
    const launched = launch('start', 'ministack', '--port', '0', '--json');
    await firstOutput(launched);
    const family = familyOf(launched.child.pid ?? 0);
    const server = family.find((one) => one !== launched.child.pid);
    if (server === undefined) throw new Error('no process of the emulator');
    process.kill(server, 'SIGKILL');
    expect(await once(launched.child, 'exit')).toEqual([1, null]);
    expect(await launched.errors).toContain('ministack ended by itself');
  });

  it('refuses a port that is in use', async () => {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as { port: number };
    const { code, said } = await ended('start', 'ministack', '--port', String(port));
    server.close();
    expect(code).toBe(1);
    expect(said).toBe(`port ${port} of 127.0.0.1 is in use; --port chooses another, --port 0 a free one\n`);
  });
});

describe.skipIf(elsewhere)('npm run emulator, when it cannot', () => {
  it.each([
    [
      'an emulator that there is not',
      ['start', 'moto'],
      /^there is no emulator "moto"; usage: npm run emulator -- start .*\n$/,
    ],
    ['a name of an object', ['start', 'toString'], /^there is no emulator "toString"; usage: .*\n$/],
    ['no command', [], /^usage: npm run emulator -- start ministack\|localstack\|dynamodb\|elasticmq .*\n$/],
    ['a port that is none', ['start', 'ministack', '--port', '70000'], /^--port must be .* not "70000"\n$/],
    ['an unknown option', ['start', 'ministack', '--prot', '1'], /^Unknown option '--prot'.*\n$/],
  ])('says in one line: %s', async (_, args, line) => {
    const { code, said } = await ended(...args);
    expect(said).toMatch(line);
    expect(code).toBe(2);
  });
});
