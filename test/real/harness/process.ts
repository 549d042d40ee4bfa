import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';

/** A server process whose output goes to a log file; stopped by its own handle. */
export type ServerProcess = {
  readonly pid: number;
  /** Undefined while it runs; afterwards how it ended, with the end of its log. */
  ended(): string | undefined;
  signal(name: NodeJS.Signals): void;
  /** SIGTERM, and SIGKILL when that is not enough. */
  stop(): Promise<void>;
};

const STOP_MS = 8_000;
const running = new Set<ChildProcess>();
// A test run that is broken off must not leave servers behind.
process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});

/** Starts a server; its standard output and error are appended to the log. */
export function startProcess(command: string, args: readonly string[], log: string): ServerProcess {
  const output = openSync(log, 'a');
  const child = spawn(command, args, { stdio: ['ignore', output, output] });
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
