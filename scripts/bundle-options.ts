import { join, resolve } from 'node:path';
import type { BuildOptions } from 'esbuild';

const root = resolve(import.meta.dirname, '..');

/** How functions are bundled, for the build and for the test that runs what was built. */
export function bundleOptions(entryPoints: readonly string[], outdir: string) {
  return {
    entryPoints: entryPoints.map((file) => join(root, 'functions', file)),
    outdir,
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
  } as const satisfies BuildOptions;
}

/** The relay as a single file for containers: with the whole credential chain of the SDK, since it does not run on Lambda. */
export function relayBundleOptions(outfile: string) {
  const { alias: _lambdaOnly, outdir: _many, outExtension: _extension, ...shared } = bundleOptions([], '');
  return {
    ...shared,
    // One byte for a character: the engine keeps the text for as long as the process lives.
    charset: 'ascii',
    entryPoints: [join(root, 'packages/cli/relay-main.ts')],
    outfile,
  } as const satisfies BuildOptions;
}
