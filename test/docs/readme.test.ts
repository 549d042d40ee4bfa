import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';

const root = resolve(import.meta.dirname, '..', '..');
const readme = readFileSync(join(root, 'README.md'), 'utf8');
const scripts = (JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { scripts: Record<string, string> })
  .scripts;
const shellLines = [...readme.matchAll(/```sh\n([\s\S]*?)```/g)].flatMap((m) => (m[1] ?? '').trim().split('\n'));

const started = new Set<ChildProcess>();

afterEach(() => {
  for (const child of started) child.kill('SIGTERM');
});

/** Runs what `npm run demo` runs, without a shell or npm between, so that a test that times out can end it. */
function demo(...args: string[]): Promise<{ code: number; output: string }> {
  const command = ['scripts/run.mjs', 'packages/cli/main.ts', 'demo', ...args];
  return new Promise((settle, fail) => {
    const child = spawn(process.execPath, command, { cwd: root, stdio: ['ignore', 'pipe', 'pipe'] });
    started.add(child);
    let output = '';
    child.stdout.on('data', (chunk) => {
      output += chunk;
    });
    child.stderr.on('data', (chunk) => {
      output += chunk;
    });
    child.on('error', fail);
    child.on('close', (code) => {
      started.delete(child);
      settle({ code: code ?? 1, output });
    });
  });
}

describe('README', () => {
  it('names only npm scripts that exist, and the two that a stranger runs first', () => {
    const named = [...readme.matchAll(/npm (?:run )?(start|test|[a-z]+:[a-z]+|demo|check|format)\b/g)].map(
      (m) => m[1] ?? '',
    );
    expect(named.filter((name) => scripts[name] === undefined)).toEqual([]);
    expect(shellLines).toContain('npm run demo');
    expect(shellLines).toContain('npm test');
  });

  it('its first command does what it says: the demo ends in PASS', async () => {
    expect(scripts['demo']).toBe('node scripts/run.mjs packages/cli/main.ts demo');
    const { code, output } = await demo();
    expect(output).toMatch(/\nPASS {2}\d+ steps/);
    expect(code, output).toBe(0);
    for (const seen of ['kcp-west 2 replicas, kcp-east 1', 'nginx-web 3/3 ready', 'kcp-west 1 replicas, kcp-east 2']) {
      expect(output).toContain(seen);
    }
  });

  it('every relative link of the documents leads to a file', () => {
    const broken = documents().flatMap((path) =>
      [...readFileSync(path, 'utf8').matchAll(/\]\((?!https?:)([^)#]+)/g)]
        .map((m) => join(dirname(path), m[1] ?? ''))
        .filter((target) => !existsSync(target))
        .map((target) => `${path} links to ${target}`),
    );
    expect(broken).toEqual([]);
  });
});

describe('demo', () => {
  it('names what failed and ends 1 when a member is missing', async () => {
    const { code, output } = await demo('--hub', 'nowhere.kubeconfig', '--member', 'kcp-west=west.kubeconfig');
    expect(output).toContain('--hub needs --member kcp-east=<kubeconfig> too');
    expect(code).toBe(1);
  });

  it('explains itself', async () => {
    const { code, output } = await demo('--help');
    for (const flag of ['--debug', '--skip-cleanup', '--force-recreate', '--hub ', '--hub-context', '--member']) {
      expect(output).toContain(flag);
    }
    expect(code).toBe(0);
  });
});

function documents(): string[] {
  const pages = readdirSync(join(root, 'docs'), { recursive: true, encoding: 'utf8' }).filter((file) =>
    file.endsWith('.md'),
  );
  return [join(root, 'README.md'), join(root, 'CONTRIBUTING.md'), ...pages.map((page) => join(root, 'docs', page))];
}
