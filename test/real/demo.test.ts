import { spawn } from 'node:child_process';
import { resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Fleet, startFleet } from './harness/fleet.ts';

/** The very same demo, against real API servers. */
describe('demo on real API servers', () => {
  let fleet: Fleet;
  beforeAll(async () => {
    fleet = await startFleet({ members: 2 });
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
  return new Promise((settle) => {
    const child = spawn(process.execPath, [resolve(root, 'packages/cli/main.ts'), 'demo', ...args], { cwd: root });
    let output = '';
    for (const stream of [child.stdout, child.stderr])
      stream.on('data', (chunk: Buffer) => (output += chunk.toString()));
    child.on('close', (code) => settle({ code, output }));
  });
}
