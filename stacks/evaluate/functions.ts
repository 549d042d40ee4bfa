import { readdirSync, rmSync } from 'node:fs';
import { basename, extname, join } from 'node:path';
import { build } from 'esbuild';
import { bundleOptions } from '../../scripts/bundle-options.ts';

/** What SST asks for a function; the rest of its request is not needed. */
export type FunctionBuild = { readonly functionID: string; readonly handler: string };

/**
 * Bundles `functions/<name>.ts` as the release does, into a folder of its own. Gives SST's answer: the folder, the handler within it,
 * and the source maps, which stay apart from the archive.
 */
export async function buildFunction({ functionID, handler }: FunctionBuild, artifacts: string) {
  const name = basename(handler, extname(handler));
  const out = join(artifacts, 'build', functionID);
  rmSync(out, { recursive: true, force: true });
  const errors = await build({ ...bundleOptions([`${name}.ts`], out), logLevel: 'silent' }).then(
    () => [],
    (error: Error) => [`functions/${name}.ts: ${error.message}`],
  );
  const sourcemaps = errors.length > 0 ? [] : readdirSync(out).filter((file) => file.endsWith('.map'));
  return { handler, out, errors, sourcemaps: sourcemaps.map((file) => join(out, file)) };
}
