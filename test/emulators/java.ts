import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { access, mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { dirname, join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { endWithParent } from './end-with-parent.ts';

/** Emulators from Maven Central as child processes of the test run. Downloads stay in `.cache/emulators` of the repository. */

const HERE = dirname(fileURLToPath(import.meta.url));
const CACHE = join(HERE, '../../.cache/emulators');
const COPY = 'org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies';
const START_DEADLINE_MS = 60_000;
const STOP_DEADLINE_MS = 5_000;
const JAVA = 'java';
const run = promisify(execFile);

/** A running emulator; `stop` ends its process. */
export type Emulator = { readonly endpoint: string; readonly stop: () => Promise<void> };

/** Why the emulators cannot run on this machine; undefined when they can. */
export async function whyNoJava(): Promise<string | undefined> {
  for (const [tool, arg] of [
    [JAVA, '-version'],
    ['javac', '-version'],
    ['mvn', '-version'],
  ] as const) {
    try {
      await run(tool, [arg]);
    } catch {
      return `${tool} is not on PATH`;
    }
  }
  return undefined;
}

/**
 * The folder with an emulator's jars, fetched once per pom. `finish` may add to the folder before it counts as complete.
 * Concurrent callers may both fetch; one rename wins.
 */
export async function fetchJars(name: string, finish = async (_folder: string): Promise<void> => {}): Promise<string> {
  const pom = join(HERE, name, 'pom.xml');
  const version = createHash('sha256')
    .update(await readFile(pom))
    .digest('hex')
    .slice(0, 12);
  const folder = join(CACHE, `${name}-${version}`);
  if (await exists(join(folder, 'complete'))) return folder;
  const partial = `${folder}.${process.pid}`;
  try {
    await mkdir(partial, { recursive: true });
    await run('mvn', ['-B', '-q', '-f', pom, COPY, `-DoutputDirectory=${join(partial, 'libs')}`]);
    await finish(partial);
    await writeFile(join(partial, 'complete'), '');
    await rename(partial, folder);
  } catch (error) {
    await rm(partial, { recursive: true, force: true });
    if (!(await exists(join(folder, 'complete')))) throw error;
  }
  return folder;
}

/** Compiles one Java file against the jars of its folder, into `classes`. */
export async function compile(source: string, folder: string): Promise<void> {
  await run('javac', ['-cp', join(folder, 'libs', '*'), '-d', join(folder, 'classes'), join(HERE, source)]);
}

/** Starts java with these arguments and waits until the endpoint answers HTTP at all. */
export async function startJava(args: readonly string[], port: number): Promise<Emulator> {
  const child = spawn(JAVA, ['-Xmx256m', ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, DDB_LOCAL_TELEMETRY: '0' },
  });
  const output: string[] = [];
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => output.push(String(chunk)));
  endWithParent(child);
  const stop = (): Promise<void> => end(child);
  const endpoint = `http://127.0.0.1:${port}`;
  try {
    await answers(endpoint, child);
  } catch (error) {
    await stop();
    throw new Error(`${(error as Error).message}; its output:\n${output.join('').slice(-2_000)}`);
  }
  return { endpoint, stop };
}

async function answers(endpoint: string, child: ChildProcess): Promise<void> {
  const deadline = Date.now() + START_DEADLINE_MS;
  let last = 'no attempt';
  while (Date.now() < deadline) {
    if (child.exitCode !== null) throw new Error(`the emulator for ${endpoint} ended with ${child.exitCode}`);
    try {
      await fetch(endpoint, { signal: AbortSignal.timeout(2_000) });
      return;
    } catch (error) {
      last = String((error as Error).cause ?? error);
    }
    await pause(100);
  }
  throw new Error(`the emulator at ${endpoint} did not answer within ${START_DEADLINE_MS} ms: ${last}`);
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  child.kill('SIGTERM');
  const force = setTimeout(() => child.kill('SIGKILL'), STOP_DEADLINE_MS);
  await ended;
  clearTimeout(force);
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

async function exists(path: string): Promise<boolean> {
  try {
    await access(path);
    return true;
  } catch {
    return false;
  }
}
