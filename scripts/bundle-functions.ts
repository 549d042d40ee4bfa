/** Bundles functions into a folder each: `node scripts/run.mjs scripts/bundle-functions.ts <folder> <name>…`, as `sst deploy` sends them. */
import { join } from 'node:path';
import { bundleFunction } from '../stacks/bundle.ts';

const [folder, ...names] = process.argv.slice(2);
if (folder === undefined || names.length === 0) {
  console.error('which folder, and which functions?');
  process.exit(2);
}
await Promise.all(names.map((name) => bundleFunction(name, join(folder, name), join(folder, 'maps'))));
