/** Bundles every Lambda function of `functions/` into `dist/functions/<name>.mjs`, one file each, as it is deployed. */
import { readdirSync, readFileSync, rmSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import { gzipSync } from 'node:zlib';
import { build } from 'esbuild';
import { bundleOptions } from './bundle-options.ts';

const root = resolve(import.meta.dirname, '..');
const output = join(root, 'dist', 'functions');
const entries = readdirSync(join(root, 'functions')).filter(
  (file) => file.endsWith('.ts') && !file.endsWith('.test.ts'),
);

rmSync(output, { recursive: true, force: true });
const { metafile } = await build(bundleOptions(entries, output));
const kb = (bytes: number) => `${Math.ceil(bytes / 1000)} KB`.padStart(8);
for (const file of Object.keys(metafile.outputs).filter((path) => path.endsWith('.mjs'))) {
  const content = readFileSync(join(output, basename(file)));
  console.log(`${basename(file).padEnd(20)} ${kb(content.length)} ${kb(gzipSync(content).length)} gzip`);
}
