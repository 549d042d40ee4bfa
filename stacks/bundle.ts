import { mkdirSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { build } from 'esbuild';
import { bundleOptions } from '../scripts/bundle-options.ts';

/**
 * Bundles `functions/<name>.ts` into a folder that holds what is deployed and nothing else, emptied before; source maps go to another.
 * @throws Error of esbuild, with every problem and its place.
 */
export async function bundleFunction(name: string, folder: string, maps: string): Promise<void> {
  rmSync(folder, { recursive: true, force: true });
  await build({ ...bundleOptions([`${name}.ts`], folder), logLevel: 'silent' });
  mkdirSync(maps, { recursive: true });
  for (const file of readdirSync(folder).filter((one) => one.endsWith('.map')))
    renameSync(join(folder, file), join(maps, file));
}
