import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { GOLDEN_USERS, targetOf } from '@tmc/kubesim/golden-target.ts';
import { type Kubesim, startKubesim } from '@tmc/kubesim/index.ts';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const GOLDEN = new URL('../golden/', import.meta.url).pathname;
const RECORDED = { kube: 'kube-1.36', kcp: 'kcp-0.32' } as const;
const passing = JSON.parse(readFileSync(join(GOLDEN, 'passing.json'), 'utf8')) as Record<'kube' | 'kcp', string[]>;

interface Verdict {
  passed: Set<string>;
  output: string;
}

/** Runs the checker as a process against a server; resolves with the names of the scenarios that agree. */
function check(kind: 'kube' | 'kcp', target: string): Promise<Verdict> {
  const against = join(GOLDEN, 'recorded', RECORDED[kind]);
  const args = ['check', '--target', target, '--against', against, '--scenarios', join(GOLDEN, 'scenarios')];
  const checker = spawn(process.execPath, [join(GOLDEN, 'golden.mjs'), ...args]);
  let output = '';
  checker.stdout.on('data', (chunk: Buffer) => {
    output += chunk.toString();
  });
  checker.stderr.on('data', (chunk: Buffer) => {
    output += chunk.toString();
  });
  return new Promise((resolve, reject) => {
    checker.on('error', reject);
    checker.on('close', () => {
      const passed = [...output.matchAll(/^ok\s+(\S+)/gm)].map((match) => match[1] as string);
      resolve({ passed: new Set(passed), output });
    });
  });
}

describe.concurrent.each(['kube', 'kcp'] as const)('recorded behaviour of a real %s server', (kind) => {
  let kubesim: Kubesim;
  let folder: string;

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'golden-'));
    kubesim = await startKubesim({ kind, tokens: GOLDEN_USERS[kind] });
    writeFileSync(join(folder, 'ca.crt'), kubesim.caPem);
    writeFileSync(join(folder, 'target.json'), JSON.stringify(targetOf(kubesim, 'ca.crt')));
  });

  afterAll(async () => {
    await kubesim.close();
    rmSync(folder, { recursive: true, force: true });
  });

  it('holds for every scenario of the committed list', async () => {
    const { passed, output } = await check(kind, join(folder, 'target.json'));
    const beyond = [...passed].filter((name) => !passing[kind].includes(name));
    if (beyond.length) console.log(`${kind}: passing beyond the list: ${beyond.join(', ')}`);
    const failing = passing[kind].filter((name) => !passed.has(name));
    expect(failing, output).toEqual([]);
  }, 120_000);
});

it('covers lists, watches, writes, apply, status, finalizers and the wildcard of kcp', () => {
  const all = [...passing.kube, ...passing.kcp];
  expect(all.length).toBeGreaterThanOrEqual(45);
  for (const area of ['list-', 'watch-', 'put-', 'patch-', 'apply-', 'status-', 'finalizers', 'kcp-wildcard-'])
    expect(
      all.some((name) => name.startsWith(area)),
      area,
    ).toBe(true);
});
