import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, existsSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

/** A server process whose output goes to a log file; stopped by its own handle. */
export type ServerProcess = {
  readonly pid: number;
  /** Undefined while it runs; afterwards how it ended, with the end of its log. */
  ended(): string | undefined;
  signal(name: NodeJS.Signals): void;
  /** SIGTERM, and SIGKILL when that is not enough. */
  stop(): Promise<void>;
  /** SIGKILL; resolves when it is gone. */
  kill(): Promise<void>;
};

const STOP_MS = 8_000;
const running = new Set<ChildProcess>();
const leftovers = new Set<string>();

/** A test run that is broken off must leave neither servers nor their data behind. */
function sweep(): void {
  for (const child of running) child.kill('SIGKILL');
  for (const folder of leftovers) rmSync(folder, { recursive: true, force: true });
}
process.on('exit', sweep);
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.once(signal, () => {
    sweep();
    // Without this listener the signal does what it does by default, or what another listener makes of it.
    process.kill(process.pid, signal);
  });
}

/** A new folder, in memory where there is /dev/shm, that goes with this process at the latest. Returns how to remove it. */
export function scratchFolder(prefix: string): { path: string; remove(): void } {
  const path = mkdtempSync(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), prefix));
  leftovers.add(path);
  return {
    path,
    remove: () => {
      rmSync(path, { recursive: true, force: true });
      leftovers.delete(path);
    },
  };
}

/** Starts a server; its standard output and error are appended to the log, `env` is added to this process's environment. */
export function startProcess(
  command: string,
  args: readonly string[],
  { log, env = {} }: { log: string; env?: NodeJS.ProcessEnv },
): ServerProcess {
  const output = openSync(log, 'a');
  const child = spawn(command, args, { stdio: ['ignore', output, output], env: { ...process.env, ...env } });
  closeSync(output);
  running.add(child);
  let end: string | undefined;
  const exited = once(child, 'exit').then(([code, signal]) => {
    running.delete(child);
    end = `${command} ended with ${code ?? signal}; end of ${log}:\n${readFileSync(log, 'utf8').slice(-2000)}`;
  });
  return {
    pid: child.pid ?? -1,
    ended: () => end,
    signal: (name) => void child.kill(name),
    async stop() {
      if (end !== undefined) return;
      child.kill('SIGTERM');
      // A stopped process takes no SIGTERM before it continues.
      child.kill('SIGCONT');
      const late = setTimeout(() => child.kill('SIGKILL'), STOP_MS);
      await exited;
      clearTimeout(late);
    },
    async kill() {
      child.kill('SIGKILL');
      await exited;
    },
  };
}

/** Free ports of 127.0.0.1, all different. */
export async function freePorts(count: number): Promise<number[]> {
  const servers = Array.from({ length: count }, () => createServer().listen(0, '127.0.0.1'));
  await Promise.all(servers.map((server) => once(server, 'listening')));
  const ports = servers.map((server) => (server.address() as { port: number }).port);
  await Promise.all(servers.map((server) => new Promise((closed) => server.close(closed))));
  return ports;
}

/**
 * Asks until the answer is undefined: nothing is missing. The answer otherwise says what is.
 * @throws Error with the last answer when the deadline passes.
 */
export async function until(what: string, missing: () => Promise<string | undefined>, deadlineMs = 90_000) {
  const endMs = Date.now() + deadlineMs;
  for (;;) {
    const reason = await missing();
    if (reason === undefined) return;
    if (Date.now() > endMs) throw new Error(`waited ${deadlineMs} ms for ${what}: ${reason}`);
    await delay(50);
  }
}
