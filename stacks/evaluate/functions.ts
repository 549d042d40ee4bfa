import { basename, extname, join } from 'node:path';
import { bundleFunction } from '../bundle.ts';

/** What SST asks for a function; the rest of its request is not needed. */
export type FunctionBuild = { readonly functionID: string; readonly handler: string };

/** Bundles a function as the release does. Gives SST's answer: the folder for the archive, and the handler within it. */
export async function buildFunction({ functionID, handler }: FunctionBuild, artifacts: string) {
  const name = basename(handler, extname(handler));
  const out = join(artifacts, 'build', functionID);
  const errors = await bundleFunction(name, out, join(artifacts, 'maps')).then(
    () => [],
    (error: Error) => [`functions/${name}.ts: ${error.message}`],
  );
  return { handler, out, errors, sourcemaps: [] };
}
