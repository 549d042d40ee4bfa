import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, it } from 'vitest';

const MAIN = new URL('./main.ts', import.meta.url).pathname;
const folders: string[] = [];

afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

function run(args: string[]) {
  const child = spawn(process.execPath, [MAIN, ...args]);
  let output = '';
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (chunk: Buffer) => {
      output += chunk.toString();
    });
  const ended = new Promise<{ code: number | null; output: string }>((resolve) => {
    child.on('close', (code) => resolve({ code, output }));
  });
  return { child, ended, output: () => output };
}

it('writes a target file once it serves and ends cleanly on SIGTERM', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'kubesim-'));
  folders.push(folder);
  const file = join(folder, 'target.json');
  const { child, ended, output } = run(['--kind', 'kcp', '--write-target', file]);
  const end = performance.now() + 10_000;
  while (!output().includes('serves on')) {
    if (performance.now() > end) throw new Error(`not serving within 10 s: ${output()}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  const target = JSON.parse(readFileSync(file, 'utf8'));
  expect(target).toMatchObject({ kind: 'kcp', server: expect.stringMatching(/^https:\/\/127\.0\.0\.1:\d+$/) });
  expect(Object.keys(target.users)).toEqual(
    expect.arrayContaining(['admin', 'master', 'tenant', 'relay', 'stranger', 'anonymous']),
  );
  expect(existsSync(join(folder, target.caFile))).toBe(true);
  child.kill('SIGTERM');
  expect((await ended).code).toBe(0);
});

it('explains itself and refuses what it does not know', async () => {
  const help = await run(['--help']).ended;
  expect(help).toMatchObject({ code: 0, output: expect.stringContaining('--write-target') });
  const wrong = await run(['--kind', 'k3s']).ended;
  expect(wrong).toMatchObject({ code: 2, output: expect.stringContaining('--kind must be kube or kcp, got "k3s"') });
  expect((await run(['--nope']).ended).code).toBe(2);
});
