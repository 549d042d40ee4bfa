import { spawn, spawnSync } from 'node:child_process';

/** Commands of a page: the lines of its `sh` blocks, continued lines joined, in order, by section. */
export function commandsOf(page: string, section?: string): string[][] {
  const text = section === undefined ? page : (page.split(`\n## ${section}\n`)[1]?.split('\n## ')[0] ?? '');
  return [...text.matchAll(/```sh\n([\s\S]*?)```/g)].map(([, block = '']) =>
    block.replaceAll('\\\n', ' ').trim().split('\n'),
  );
}

/** The options a command line names, such as `--stage`. */
export const flagsOf = (command: string): string[] =>
  [...command.matchAll(/(?<=\s)--[a-z][a-z-]*/g)].map(([flag]) => flag);

/** What a program prints, and its exit code. */
export function run(command: string, args: readonly string[], env: NodeJS.ProcessEnv = {}, cwd = process.cwd()) {
  const { status, stdout, stderr } = spawnSync(command, args, {
    cwd,
    env: { ...process.env, ...env },
    encoding: 'utf8',
    timeout: 120_000,
  });
  return { code: status, output: `${stdout}${stderr}` };
}

/** Whether a program is on PATH. */
export const isThere = (program: string): boolean => spawnSync('sh', ['-c', `command -v ${program}`]).status === 0;

/** A shell command that keeps running; `stop` ends it and everything it started. */
export function serve(command: string, env: NodeJS.ProcessEnv, cwd: string) {
  const child = spawn('sh', ['-c', command], { cwd, env, detached: true, stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk: Buffer) => {
      output += chunk.toString();
    });
  }
  const ended = new Promise<void>((resolve) => child.once('close', () => resolve()));
  return {
    output: () => output,
    isRunning: () => child.exitCode === null && child.signalCode === null,
    stop: async () => {
      if (child.pid !== undefined && child.exitCode === null) process.kill(-child.pid, 'SIGTERM');
      await ended;
    },
  };
}
