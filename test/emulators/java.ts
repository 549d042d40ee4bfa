import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { cachedFolder, HERE } from './cache.ts';
import { type Emulator, startServer } from './server.ts';

/** Emulators from Maven Central as child processes of the test run. Downloads stay in `.cache/emulators` of the repository. */

const COPY = 'org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies';
const JAVA = 'java';
const run = promisify(execFile);

/** Why the emulators in Java cannot run on this machine; undefined when they can. */
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
 * The folder with an emulator's jars in `libs`, fetched once per pom.
 * @param source a Java file beside the pom, compiled against the jars into `classes`
 */
export async function fetchJars(name: string, source?: string): Promise<string> {
  const pom = join(HERE, name, 'pom.xml');
  const code = source === undefined ? undefined : join(HERE, name, source);
  const key = `${await readFile(pom)}${code === undefined ? '' : await readFile(code)}`;
  return cachedFolder(name, key, async (folder) => {
    const libs = join(folder, 'libs');
    await run('mvn', ['-B', '-q', '-f', pom, COPY, `-DoutputDirectory=${libs}`]);
    if (code !== undefined) await run('javac', ['-cp', join(libs, '*'), '-d', join(folder, 'classes'), code]);
  });
}

/** Starts java with these arguments and waits until the endpoint answers HTTP at all. */
export function startJava(args: readonly string[], port: number): Promise<Emulator> {
  const env = { ...process.env, DDB_LOCAL_TELEMETRY: '0' };
  return startServer({ command: JAVA, args: ['-Xmx256m', ...args], env, port });
}
