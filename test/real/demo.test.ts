import { type ChildProcess, spawn } from 'node:child_process';
import { resolve } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type Fleet, startFleet } from './harness/fleet.ts';

const started = new Set<ChildProcess>();

/** The very same demo, against real API servers. */
describe('demo on real API servers', () => {
  let fleet: Fleet;
  beforeAll(async () => {
    fleet = await startFleet({ members: 2 });
  });
  // A test that timed out leaves its demo running.
  afterEach(() => {
    for (const child of started) child.kill('SIGTERM');
  });
  afterAll(() => fleet?.stop());

  const args = () => {
    const [west, east] = fleet.members;
    return [
      '--hub',
      fleet.hub.kubeconfigPath,
      '--member',
      `kcp-west=${west?.kubeconfigPath}`,
      '--member',
      `kcp-east=${east?.kubeconfigPath}`,
    ];
  };

  it('ends in PASS, and again with --force-recreate over what was left', async () => {
    const first = await demo(args());
    expect(first.output).toMatch(/\nPASS {2}\d+ steps/);
    expect(first.code).toBe(0);
    const second = await demo([...args(), '--force-recreate']);
    expect(second.output).toMatch(/\nPASS {2}\d+ steps/);
    expect(second.code).toBe(0);
  });
});

function demo(args: readonly string[]): Promise<{ code: number | null; output: string }> {
  const root = resolve(import.meta.dirname, '..', '..');
  const command = ['scripts/run.mjs', 'packages/cli/main.ts', 'demo', ...args];
  return new Promise((settle, fail) => {
    const child = spawn(process.execPath, command, { cwd: root, stdio: ['ignore', 'pipe', 'pipe'] });
    started.add(child);
    let output = '';
    for (const stream of [child.stdout, child.stderr])
      stream.on('data', (chunk: Buffer) => (output += chunk.toString()));
    child.on('error', fail);
    child.on('close', (code) => {
      started.delete(child);
      settle({ code, output });
    });
  });
}
