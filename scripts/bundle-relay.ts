/** Bundles the relay into `dist/relay.mjs`, one file that plain `node` runs. */
import { join, resolve } from 'node:path';
import { build } from 'esbuild';
import { relayBundleOptions } from './bundle-options.ts';

const outfile = join(resolve(import.meta.dirname, '..'), 'dist', 'relay.mjs');
const result = await build(relayBundleOptions(outfile));
const bytes = Object.entries(result.metafile.outputs).find(([file]) => file.endsWith('relay.mjs'))?.[1].bytes ?? 0;
console.log(`relay.mjs            ${(bytes / 1024).toFixed(0).padStart(6)} KB`);
