import { execFile, spawn } from 'node:child_process';
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

/** A watch ends when it has shown what it should, and is ended by us: it has no exit code of its own. */
async function watchDuring(session: Session, { run, during = [], until }: Command): Promise<Outcome> {
  const child = spawn(session.binary, argumentsOf(session, run), { stdio: ['ignore', 'pipe', 'pipe'] });
  let stdout = '';
  let stderr = '';
  child.stderr.on('data', (text) => {
    stderr += text;
  });
  const done = new Promise<void>((settle, fail) => {
    const late = setTimeout(() => fail(new Error(`${run}: shows no ${until}; so far:\n${stdout}${stderr}`)), 20_000);
    child.once('error', fail);
    child.stdout.on('data', (text) => {
      stdout += text;
      if (!until?.test(stdout)) return;
      clearTimeout(late);
      settle();
    });
  });
  try {
    for (const line of during) await execute(session.binary, argumentsOf(session, line));
    await done;
  } finally {
    child.kill('SIGKILL');
  }
  return { code: 'ended by the script', stdout, stderr };
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
