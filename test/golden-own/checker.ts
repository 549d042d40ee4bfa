import { spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

/** A set of scenarios and what a server answered to them. */
export type GoldenSet = {
  readonly kind: 'kube' | 'kcp';
  readonly scenarios: string;
  readonly recorded: string;
};

const GOLDEN = resolve(import.meta.dirname, '../golden');
const own = (folder: string) => join(import.meta.dirname, folder);

/** The sets the simulator is held to: recorded for many projects, and ours, for the calls that our code makes. */
export const SETS = {
  kube: { kind: 'kube', scenarios: join(GOLDEN, 'scenarios'), recorded: join(GOLDEN, 'recorded/kube-1.36') },
  kcp: { kind: 'kcp', scenarios: join(GOLDEN, 'scenarios'), recorded: join(GOLDEN, 'recorded/kcp-0.32') },
  own: { kind: 'kube', scenarios: own('scenarios'), recorded: own('recorded/kube-1.36') },
} as const satisfies Record<string, GoldenSet>;

/** A target as `golden.mjs` reads it, its files by name; see the README beside it. */
export type GoldenTarget = { readonly target: object; readonly files: Readonly<Record<string, string>> };

type Scenario = { readonly name: string; readonly server: string | readonly string[] };

/** Names of a set's scenarios by the file they are in, which is their area. */
export function areasOf({ kind, scenarios }: GoldenSet): Map<string, string[]> {
  const areas = new Map<string, string[]>();
  for (const file of readdirSync(scenarios).sort()) {
    const all = JSON.parse(readFileSync(join(scenarios, file), 'utf8')) as Scenario[];
    const names = all.filter(({ server }) => [server].flat().includes(kind)).map(({ name }) => name);
    if (names.length) areas.set(file.replace(/\.json$/, ''), names);
  }
  return areas;
}

export type Verdict = { readonly passed: ReadonlySet<string>; readonly output: string };

/** Checks a server against a set, or records what it answers, in a process of its own. */
export async function runGolden(
  mode: 'check' | 'record',
  set: GoldenSet,
  { target, files }: GoldenTarget,
): Promise<Verdict> {
  const folder = mkdtempSync(join(tmpdir(), 'golden-'));
  try {
    for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text, { mode: 0o600 });
    const targetFile = join(folder, 'target.json');
    writeFileSync(targetFile, JSON.stringify(target));
    const place = [mode === 'check' ? '--against' : '--out', set.recorded];
    const output = await run([mode, '--target', targetFile, ...place, '--scenarios', set.scenarios]);
    const passed = [...output.matchAll(/^(?:ok|recorded)\s+(\S+)/gm)].map((match) => match[1] as string);
    return { passed: new Set(passed), output };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function run(args: string[]): Promise<string> {
  const checker = spawn(process.execPath, [join(GOLDEN, 'golden.mjs'), ...args]);
  let output = '';
  for (const stream of [checker.stdout, checker.stderr]) {
    stream.on('data', (chunk: Buffer) => {
      output += chunk.toString();
    });
  }
  return new Promise((settle, fail) => {
    checker.on('error', fail);
    checker.on('close', () => settle(output));
  });
}
