import { randomBytes } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, expect, it } from 'vitest';
import { whyNoMiniStack } from '../emulators/ministack.ts';
import { freePort } from '../emulators/server.ts';
import { commandsOf, isThere, run, serve } from './commands.ts';

/**
 * The walk through MiniStack in docs/operations/deploy.md, block by block as a reader would: commands that keep running go on in
 * the background, all others must succeed. Ports, folder and app are others than on the page, so that nothing meets what runs here.
 */

const root = resolve(import.meta.dirname, '..', '..');
const page = readFileSync(join(root, 'docs', 'operations', 'deploy.md'), 'utf8');
const missing = await whyNot();
if (missing !== undefined) console.warn(`SKIPPED: the walk through MiniStack: ${missing}`);

const WAIT_MS = 120_000;
const emulatorPort = await freePort();
const folder = mkdtempSync(join(tmpdir(), 'tmc-walk-'));
const app = `walk${randomBytes(3).toString('hex')}`;
type Served = ReturnType<typeof serve>;
const running: Served[] = [];

afterAll(async () => {
  await Promise.all(running.map((one) => one.stop()));
  rmSync(folder, { recursive: true, force: true });
  for (const name of [`${app}-dev`, `${app}-dev.json`]) {
    rmSync(join(root, '.tmc', 'deployments', name), { recursive: true, force: true });
  }
});

async function whyNot(): Promise<string | undefined> {
  for (const program of ['kubectl', 'curl']) if (!isThere(program)) return `${program} is not on PATH`;
  if (!run('curl', ['--help', 'all']).output.includes('--aws-sigv4')) return 'this curl cannot sign requests for AWS';
  return whyNoMiniStack();
}

async function until(what: string, isDone: () => Promise<boolean> | boolean, served: Served): Promise<void> {
  const deadline = performance.now() + WAIT_MS;
  while (!(await isDone())) {
    if (!served.isRunning()) throw new Error(`${what}: it ended\n${served.output()}`);
    if (performance.now() > deadline) throw new Error(`${what}: not within ${WAIT_MS} ms\n${served.output()}`);
    await pause(100);
  }
}

/** Commands of the page for this run: ports that are free, a folder and an app of their own. */
async function adapted(commands: readonly string[]): Promise<string[]> {
  const lines = commands.map((line) =>
    line
      .replaceAll('.tmc/local', folder)
      .replaceAll('.tmc/deployments/tmc-dev.json', `.tmc/deployments/${app}-dev.json`)
      .replace('deploy:ministack --', `deploy:ministack -- --app ${app}`)
      .replace('npm run remove:local', `npm run remove:local -- --app ${app}`)
      .replace('start ministack', `start ministack --port ${emulatorPort}`)
      .replaceAll('127.0.0.1:4566', `127.0.0.1:${emulatorPort}`),
  );
  return Promise.all(
    lines.map(async (line) => {
      if (!line.includes('tmc -- relay')) return line;
      const [health, metrics] = [await freePort(), await freePort()];
      const rest = line.replace(/--(health|metrics) \S+/g, '');
      return `${rest} --health 127.0.0.1:${health} --metrics 127.0.0.1:${metrics}`;
    }),
  );
}

/** Starts what keeps running, and waits until it says, or answers, that it is up. */
async function start(command: string, env: NodeJS.ProcessEnv): Promise<void> {
  const served = serve(command, env, root);
  running.push(served);
  const health = /--health (\S+)/.exec(command)?.[1];
  if (health === undefined) {
    const sign = command.includes('emulator') ? 'AWS_ENDPOINT_URL' : 'fleet.yaml';
    return until(command, () => served.output().includes(sign), served);
  }
  const isReady = async () => {
    const answer = await fetch(`http://${health}/readyz`).catch(() => undefined);
    return answer?.ok === true;
  };
  return until(command, isReady, served);
}

const isServing = (command: string): boolean => /emulator -- start|tmc -- (simulate|relay)/.test(command);

it.skipIf(missing !== undefined)(
  'every block of the walk does what the page says',
  async () => {
    const blocks = commandsOf(page, 'MiniStack, without Docker');
    expect(blocks).toHaveLength(8);
    const { AWS_ENDPOINT_URL: _url, AWS_ACCESS_KEY_ID: _id, AWS_SECRET_ACCESS_KEY: _key, ...env } = process.env;
    const outputs: string[] = [];
    for (const block of blocks) {
      const commands = await adapted(block);
      for (const [, name = '', value = ''] of commands.map((line) => /^export (\w+)=(\S+)$/.exec(line) ?? [])) {
        if (name) env[name] = value;
      }
      const [first = ''] = commands;
      if (isServing(first)) await start(first, env);
      else outputs.push(succeed(commands.join('\n'), env));
    }
    const [deployed, applied, removed] = outputs;
    expect(deployed).toMatch(/would be \+ \d+ created[\s\S]*: \+ \d+ created, ~ 0 updated, - 0 deleted/);
    // A copy of the workload in each member.
    expect(applied?.match(/^kcp-\w+\s+hello\s/gm)).toHaveLength(2);
    expect(removed).toMatch(/sync: no dead letters[\s\S]*- \d+ deleted, = 0 unchanged/);
  },
  480_000,
);

function succeed(script: string, env: NodeJS.ProcessEnv): string {
  const { code, output } = run('sh', ['-ec', script], env, root);
  if (code === 0) return output;
  const served = running.map((one) => one.output().slice(-1_500)).join('\n---\n');
  throw new Error(`it ended with ${code}:\n${script}\n${output}\n--- what runs beside it:\n${served}`);
}
