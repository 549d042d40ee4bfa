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

/** The folder with an emulator's jars, fetched once per pom. `finish` may add to the folder before it counts as complete. */
export async function fetchJars(name: string, finish = async (_folder: string): Promise<void> => {}): Promise<string> {
  const pom = join(HERE, name, 'pom.xml');
  return cachedFolder(name, await readFile(pom), async (folder) => {
    await run('mvn', ['-B', '-q', '-f', pom, COPY, `-DoutputDirectory=${join(folder, 'libs')}`]);
    await finish(folder);
  });
}

/** Compiles one Java file against the jars of its folder, into `classes`. */
export async function compile(source: string, folder: string): Promise<void> {
  await run('javac', ['-cp', join(folder, 'libs', '*'), '-d', join(folder, 'classes'), join(HERE, source)]);
}

/** Starts java with these arguments and waits until the endpoint answers HTTP at all. */
export function startJava(args: readonly string[], port: number): Promise<Emulator> {
  const env = { ...process.env, DDB_LOCAL_TELEMETRY: '0' };
  return startServer({ command: JAVA, args: ['-Xmx256m', ...args], env, port });
}
