import { createHash } from 'node:crypto';
import { access, mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The folder of the emulators' sources. */
export const HERE = dirname(fileURLToPath(import.meta.url));
const CACHE = join(HERE, '../../.cache/emulators');

/**
 * A folder under `.cache/emulators` that `fill` makes once per content of `key`. It is made under another name and renamed when it is
 * complete, so that what was interrupted is never used; of concurrent callers one rename wins.
 * @param key everything that decides what is in the folder
 * @throws what `fill` throws
 */
export async function cachedFolder(
  name: string,
  key: string | Buffer,
  fill: (folder: string) => Promise<void>,
): Promise<string> {
  const version = createHash('sha256').update(key).digest('hex').slice(0, 12);
  const folder = join(CACHE, `${name}-${version}`);
  if (await exists(join(folder, 'complete'))) return folder;
  const partial = `${folder}.${process.pid}`;
  try {
    await mkdir(partial, { recursive: true });
    await fill(partial);
    await writeFile(join(partial, 'complete'), '');
    await rename(partial, folder);
  } catch (error) {
    await rm(partial, { recursive: true, force: true });
    if (!(await exists(join(folder, 'complete')))) throw error;
  }
  return folder;
}

async function exists(path: string): Promise<boolean> {
  try {
    await access(path);
    return true;
  } catch {
    return false;
  }
}
