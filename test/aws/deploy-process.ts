import { spawn } from 'node:child_process';
import { rmSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { stripVTControlCharacters } from 'node:util';
import type { Deployment } from '../../stacks/outputs.ts';
import type { Target } from './target.ts';

/** `scripts/deploy-endpoint.ts` as users run it: a process of its own, judged by what it prints and its exit code. */

const ROOT = resolve(import.meta.dirname, '..', '..');

export type Change = {
  readonly action: 'create' | 'update' | 'delete' | 'none';
  readonly type: string;
  readonly name: string;
  readonly fields?: readonly string[];
};

export type DeployAnswer = {
  readonly code: number | null;
  /** Everything it printed. */
  readonly output: string;
  readonly elapsedMs: number;
  /** Of the last line with `--json`; empty where there was none. */
  readonly changes: readonly Change[];
  readonly deployment: Deployment | undefined;
};

export type Installation = { readonly target: Target; readonly app: string; readonly fleetPath: string };

/** Runs the command to its end; a code other than 0 is an answer too. */
export async function deployCommand(
  { target, app, fleetPath }: Installation,
  command: 'deploy' | 'remove',
  flags: readonly string[] = [],
): Promise<DeployAnswer> {
  const startedAt = performance.now();
  const options = ['--endpoint', target.endpoint, '--app', app, '--stage', 'dev', '--fleet', fleetPath, '--json'];
  const args = ['--disable-warning=ExperimentalWarning', 'scripts/deploy-endpoint.ts', command, ...options, ...flags];
  const child = spawn(process.execPath, args, { cwd: ROOT, stdio: ['ignore', 'pipe', 'pipe'] });
  const end = () => child.kill('SIGKILL');
  process.once('exit', end);
  let printed = '';
  let output = '';
  child.stdout.on('data', (chunk: Buffer) => (printed += chunk.toString()));
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk: Buffer) => (output += chunk.toString()));
  }
  const code = await new Promise<number | null>((settle, fail) => {
    child.on('error', fail);
    child.on('close', settle);
  });
  process.off('exit', end);
  const last = printed.trimEnd().split('\n').at(-1) ?? '';
  const answer = last.startsWith('{') ? (JSON.parse(last) as Partial<DeployAnswer>) : {};
  return {
    code,
    output: stripVTControlCharacters(output),
    elapsedMs: performance.now() - startedAt,
    changes: answer.changes ?? [],
    deployment: answer.deployment,
  };
}

/** The same, where nothing but success will do. @throws Error with the end of what it printed. */
export async function deployOrFail(...args: Parameters<typeof deployCommand>): Promise<DeployAnswer> {
  const answer = await deployCommand(...args);
  if (answer.code === 0) return answer;
  throw new Error(`deploy-endpoint ${args[1]} ended with ${answer.code}:\n${answer.output.slice(-4000)}`);
}

/** Removes what a run leaves on this machine: the record of its deployment and the code that was deployed. */
export function forgetDeployment({ app }: Installation): void {
  for (const name of [`${app}-dev.json`, `${app}-dev`]) {
    rmSync(join(ROOT, '.tmc', 'deployments', name), { recursive: true, force: true });
  }
}
