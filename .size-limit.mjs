import { readdirSync } from 'node:fs';

/** The budget of each function bundle, in bytes as they are deployed: Lambda parses them at every cold start. */
export default readdirSync(new URL('functions', import.meta.url))
  .filter((file) => file.endsWith('.ts') && !file.endsWith('.test.ts'))
  .map((file) => file.slice(0, -'.ts'.length))
  .map((name) => ({ name, path: `dist/functions/${name}.mjs`, limit: '700 kB', brotli: false, gzip: false }));
