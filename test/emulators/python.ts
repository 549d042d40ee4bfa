import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { cachedFolder, HERE } from './cache.ts';

/** Emulators from PyPI in virtual environments under `.cache/emulators`. */

const run = promisify(execFile);
/** Prints the version and the path of the interpreter itself, if it can make virtual environments. */
const PROBE = 'import sys, venv, ensurepip; print("%d.%d" % sys.version_info[:2], sys.executable)';

/**
 * The path of a Python of one of these versions, the first that works: on PATH, else among pyenv's, which its shims on PATH only
 * show when they are selected.
 * @param versions as `3.13`, the preferred one first
 */
export async function findPython(versions: readonly string[]): Promise<string | undefined> {
  for (const candidate of [...versions.map((version) => `python${version}`), 'python3']) {
    const found = await probe(candidate, versions);
    if (found !== undefined) return found;
  }
  for (const candidate of await ofPyenv(versions)) {
    const found = await probe(candidate, versions);
    if (found !== undefined) return found;
  }
  return undefined;
}

async function probe(command: string, versions: readonly string[]): Promise<string | undefined> {
  try {
    const [version, path] = (await run(command, ['-c', PROBE])).stdout.trim().split(' ', 2);
    return version !== undefined && versions.includes(version) ? path : undefined;
  } catch {
    return undefined;
  }
}

async function ofPyenv(versions: readonly string[]): Promise<string[]> {
  try {
    const root = (await run('pyenv', ['root'])).stdout.trim();
    const installed = (await run('pyenv', ['versions', '--bare'])).stdout.split('\n').map((line) => line.trim());
    return installed
      .filter((name) => versions.some((version) => name.startsWith(`${version}.`)))
      .map((name) => join(root, 'versions', name, 'bin/python'));
  } catch {
    return [];
  }
}

/**
 * A folder whose `venv` is a virtual environment with the emulator's `requirements.txt`, made once per content of that file and per
 * Python. It is moved after it was made, so only its `python` works, not its scripts.
 * @param finish may add to the folder, with the Python of the environment, before it counts as complete
 * @throws with pip's last words
 */
export async function virtualEnvironment(
  name: string,
  python: string,
  finish = async (_folder: string, _python: string): Promise<void> => {},
): Promise<string> {
  const requirements = join(HERE, name, 'requirements.txt');
  return cachedFolder(name, `${python}\n${await readFile(requirements)}`, async (folder) => {
    await run(python, ['-m', 'venv', join(folder, 'venv')]);
    const own = pythonOf(folder);
    const pip = ['-m', 'pip', 'install', '--quiet', '--no-input', '--disable-pip-version-check', '--require-hashes'];
    await run(own, [...pip, '-r', requirements]);
    await finish(folder, own);
  });
}

/** The Python of a folder that `virtualEnvironment` made. */
export function pythonOf(folder: string): string {
  return join(folder, 'venv/bin/python');
}
