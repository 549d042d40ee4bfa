/** Bundles every Lambda function of `functions/` into `dist/functions/<name>.mjs`, one file each, as it is deployed. */
import { readdirSync, rmSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import { build } from 'esbuild';

const root = resolve(import.meta.dirname, '..');
const output = join(root, 'dist', 'functions');
const entries = readdirSync(join(root, 'functions')).filter(
  (file) => file.endsWith('.ts') && !file.endsWith('.test.ts'),
);

rmSync(output, { recursive: true, force: true });
const result = await build({
  entryPoints: entries.map((file) => join(root, 'functions', file)),
  outdir: output,
  outExtension: { '.js': '.mjs' },
  bundle: true,
  minify: true,
  charset: 'utf8',
  platform: 'node',
  target: 'node24',
  format: 'esm',
  metafile: true,
  // Loaded by the SDK in browsers only.
  external: ['bowser'],
  // Licence texts lie beside the bundles, not in what every cold start parses.
  legalComments: 'external',
  alias: { '@aws-sdk/credential-provider-node': join(root, 'packages/adapters/lambda/credentials.ts') },
  // CommonJS parts of the SDK call require(), which ES modules do not have.
  banner: { js: "import{createRequire as r}from'node:module';const require=r(import.meta.url);" },
  logLevel: 'warning',
});
for (const [file, { bytes }] of Object.entries(result.metafile.outputs).filter(([file]) => file.endsWith('.mjs'))) {
  console.log(`${basename(file).padEnd(20)} ${(bytes / 1024).toFixed(0).padStart(6)} KB`);
}
