import { execFile, spawn } from 'node:child_process';
import { EventEmitter, once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { MANIFESTS } from './manifests.ts';
import { normalise } from './normalise.ts';
import type { Command } from './script.ts';

/** A kubectl and the server it talks to. */
export type Kubectl = {
  readonly binary: string;
  readonly kubeconfig: string;
};

type Outcome = { readonly code: number | string; readonly stdout: string; readonly stderr: string };

/** The kubectl to use: `TMC_KUBECTL`, else the one on PATH. */
export const KUBECTL = process.env['TMC_KUBECTL'] ?? 'kubectl';

/** Longest a single command may take. */
const DEADLINE_MS = 90_000;

/** Version of the kubectl that really answers, such as `1.33`; undefined when there is none. A wrapper may choose one by the server. */
export async function kubectlVersion({ binary, kubeconfig }: Kubectl): Promise<string | undefined> {
  const { code, stdout } = await execute(binary, ['--kubeconfig', kubeconfig, 'version', '-o', 'json']);
  if (code !== 0) return undefined;
  const { clientVersion } = JSON.parse(stdout) as { clientVersion: { gitVersion: string } };
  return /^v(\d+\.\d+)/.exec(clientVersion.gitVersion)?.[1];
}

/** Runs the commands one after the other. @returns what was typed and what came back, comparable between servers */
export async function drive(kubectl: Kubectl, script: readonly Command[]): Promise<string> {
  const home = mkdtempSync(join(tmpdir(), 'kubectl-'));
  try {
    const parts: string[] = [];
    for (const command of script) parts.push(transcript(command, await runCommand({ ...kubectl, home }, command)));
    return normalise(parts.join('\n'));
  } finally {
    rmSync(home, { recursive: true, force: true });
  }
}

type Session = Kubectl & { readonly home: string };

const argumentsOf = ({ kubeconfig, home }: Session, line: string): string[] => [
  '--kubeconfig',
  kubeconfig,
  '--cache-dir',
  join(home, 'cache'),
  '-n',
  'shop',
  ...words(line),
];

/** Words at spaces; single quotes keep spaces. */
const words = (line: string): string[] =>
  [...line.matchAll(/(?:[^\s']|'[^']*')+/g)].map(([word]) => word.replaceAll("'", ''));

async function runCommand(session: Session, command: Command): Promise<Outcome> {
  if (command.during) return watchDuring(session, command);
  const input = command.stdin && MANIFESTS[command.stdin];
  return execute(session.binary, argumentsOf(session, command.run), input);
}

function execute(binary: string, args: string[], input = ''): Promise<Outcome> {
  return new Promise((settle) => {
    const child = execFile(binary, args, { timeout: DEADLINE_MS, maxBuffer: 1 << 26 }, (error, stdout, stderr) => {
      settle({ code: error ? (error.code ?? error.signal ?? 'failed') : 0, stdout, stderr });
    });
    // One that does not read its input ends before all is written.
    child.stdin?.on('error', () => {});
    child.stdin?.end(input);
  });
}

/** In the log of kubectl: the answer to a watch has begun. */
const ACCEPTED = /watch=true.* 200 OK|watch=true.*"200 OK"/;
const LOG_LINES = /^I\d{4} .*\n?/gm;
/** Longest until a watch shows what is waited for. */
const WATCH_DEADLINE_MS = 20_000;

/**
 * A watch ends when it has shown what it should, and is ended by us: it has no exit code of its own. Its commands run once the
 * server accepted it, which only kubectl's log tells: a watch of nothing prints nothing.
 * @throws Error when it shows too little in time, or ends by itself.
 */
async function watchDuring(session: Session, { run, during = [], until = /./ }: Command): Promise<Outcome> {
  const child = spawn(session.binary, [...argumentsOf(session, run), '-v=6'], { stdio: ['ignore', 'pipe', 'pipe'] });
  const shown = { stdout: '', stderr: '' };
  const changed = new EventEmitter();
  let ended: string | undefined;
  const end = (reason: string) => {
    ended ??= reason;
    changed.emit('change');
  };
  for (const name of ['stdout', 'stderr'] as const) {
    child[name].on('data', (text) => {
      shown[name] += text;
      changed.emit('change');
    });
  }
  child.once('error', (error) => end(error.message));
  child.once('close', (code) => end(`it ended with ${code}`));
  const shows = async (name: keyof typeof shown, pattern: RegExp): Promise<void> => {
    const late = AbortSignal.timeout(WATCH_DEADLINE_MS);
    while (!pattern.test(shown[name])) {
      const reason = ended ?? (late.aborted ? `not within ${WATCH_DEADLINE_MS} ms` : undefined);
      if (reason !== undefined) {
        throw new Error(`${run}: shows no ${pattern}: ${reason}; so far:\n${shown.stdout}${shown.stderr}`);
      }
      await once(changed, 'change', { signal: late }).catch(() => undefined);
    }
  };
  try {
    await shows('stderr', ACCEPTED);
    for (const line of during) await execute(session.binary, argumentsOf(session, line));
    await shows('stdout', until);
  } finally {
    child.kill('SIGKILL');
  }
  return { code: 'ended by the script', stdout: shown.stdout, stderr: shown.stderr.replaceAll(LOG_LINES, '') };
}

function transcript(command: Command, { code, stdout, stderr }: Outcome): string {
  const kept = cut(command, stdout);
  const input = command.stdin ? ` <${command.stdin}` : '';
  return [`$ kubectl ${command.run}${input}`, `exit ${code}`, kept, stderr && `stderr: ${stderr}`]
    .filter((part) => part !== '')
    .map((part) => part.trimEnd())
    .concat('')
    .join('\n');
}

function cut({ only, except, before }: Command, stdout: string): string {
  const lines = stdout.split('\n');
  const end = before ? lines.findIndex((line) => before.test(line)) : -1;
  return (end < 0 ? lines : lines.slice(0, end))
    .filter((line) => (!only || only.test(line)) && !except?.test(line))
    .join('\n');
}
