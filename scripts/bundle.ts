/** Bundles every Lambda function of `functions/` into `dist/functions/<name>.mjs`, one file each, as it is deployed. */
import { readdirSync, rmSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import { build } from 'esbuild';
import { bundleOptions } from './bundle-options.ts';

const root = resolve(import.meta.dirname, '..');
const output = join(root, 'dist', 'functions');
const entries = readdirSync(join(root, 'functions')).filter(
  (file) => file.endsWith('.ts') && !file.endsWith('.test.ts'),
);

rmSync(output, { recursive: true, force: true });
const result = await build(bundleOptions(entries, output));
for (const [file, { bytes }] of Object.entries(result.metafile.outputs).filter(([file]) => file.endsWith('.mjs'))) {
  console.log(`${basename(file).padEnd(20)} ${(bytes / 1024).toFixed(0).padStart(6)} KB`);
}
