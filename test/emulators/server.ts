import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { endWithParent } from './end-with-parent.ts';

/** Emulators are child processes of who starts them, on 127.0.0.1. */

const START_DEADLINE_MS = 60_000;
const STOP_DEADLINE_MS = 10_000;
const ASK_TIMEOUT_MS = 2_000;
const ASK_AGAIN_MS = 50;

/** A running emulator; `stop` ends its process and removes its folder. `ended` settles when it ended, for whatever reason. */
export type Emulator = {
  readonly endpoint: string;
  readonly pid: number;
  readonly ended: Promise<void>;
  readonly stop: () => Promise<void>;
};

/** How to start a server; all of its environment is said, nothing is inherited. */
export type ServerProcess = {
  readonly command: string;
  readonly args: readonly string[];
  readonly env: NodeJS.ProcessEnv;
  readonly port: number;
  /** Path that answers below 400 once the server is ready; without it any answer will do. */
  readonly health?: string;
  /** A folder of this server alone, deleted once it has ended. */
  readonly scratch?: string;
};

/**
 * Starts a server and waits until it is ready. It ends with this process, however that ends.
 * @throws with the end of its output, when it ends first or is not ready within a minute; then nothing is left of it
 */
export async function startServer(server: ServerProcess): Promise<Emulator> {
  // Detached: Ctrl-C must not end it before its folder is cleared by `stop`.
  const child = spawn(server.command, server.args, {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: server.env,
    detached: true,
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk) => {
      output = (output + String(chunk)).slice(-4_000);
    });
  }
  const ended = new Promise<void>((resolve) => {
    child.once('exit', () => resolve());
    child.once('error', () => resolve());
  });
  endWithParent(child, server.scratch);
  const stop = async (): Promise<void> => {
    await end(child, ended);
    if (server.scratch !== undefined) await rm(server.scratch, { recursive: true, force: true, maxRetries: 5 });
  };
  const endpoint = `http://127.0.0.1:${server.port}`;
  try {
    await ready(`${endpoint}${server.health ?? '/'}`, child, server.health !== undefined);
  } catch (error) {
    await stop();
    throw new Error(`${server.command}: ${(error as Error).message}; its output ends with:\n${output}`);
  }
  return { endpoint, pid: child.pid ?? 0, ended, stop };
}

async function ready(url: string, child: ChildProcess, healthy: boolean): Promise<void> {
  const deadline = Date.now() + START_DEADLINE_MS;
  let last = 'not asked';
  child.once('error', (error) => {
    last = error.message;
  });
  while (Date.now() < deadline) {
    if (child.pid === undefined) throw new Error(`could not be started: ${last}`);
    if (child.exitCode !== null || child.signalCode !== null) {
      throw new Error(`ended with ${child.exitCode ?? child.signalCode} before ${url} answered`);
    }
    try {
      const answer = await fetch(url, { signal: AbortSignal.timeout(ASK_TIMEOUT_MS) });
      await answer.arrayBuffer();
      if (answer.ok || !healthy) return;
      last = `status ${answer.status}`;
    } catch (error) {
      last = String((error as Error).cause ?? error);
    }
    await pause(ASK_AGAIN_MS);
  }
  throw new Error(`${url} was not ready within ${START_DEADLINE_MS} ms: ${last}`);
}

async function end(child: ChildProcess, ended: Promise<void>): Promise<void> {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
  child.kill('SIGTERM');
  const force = setTimeout(() => child.kill('SIGKILL'), STOP_DEADLINE_MS);
  await ended;
  clearTimeout(force);
}

/** A new folder for one server's files. */
export function scratchFolder(name: string): Promise<string> {
  return mkdtemp(join(tmpdir(), `tmc-${name}-`));
}

/** A port of the loopback interface that was free a moment ago. */
export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address() as { port: number };
      server.close(() => resolve(port));
    });
  });
}
