import { join, resolve } from 'node:path';
import type { BuildOptions } from 'esbuild';

const root = resolve(import.meta.dirname, '..');
const lambda = join(root, 'packages/adapters/lambda');

/** What functions and the relay are bundled with alike. */
const shared = {
  bundle: true,
  minify: true,
  platform: 'node',
  target: 'node24',
  format: 'esm',
  metafile: true,
  // Loaded by the SDK in browsers only.
  external: ['bowser'],
  // Licence texts lie beside the bundles, not in what every start parses.
  legalComments: 'external',
  // CommonJS parts of the SDK call require(), which ES modules do not have.
  banner: { js: "import{createRequire as r}from'node:module';const require=r(import.meta.url);" },
  logLevel: 'warning',
} as const satisfies BuildOptions;

/**
 * How functions are bundled: for the build, for what is deployed and for the tests that run what was built.
 * @param entryPoints files of `functions/`, or absolute paths.
 * @param outdir gets one `<name>.mjs` for each, which is all that is deployed, with its source map and licence texts beside it.
 * The same sources give the same bytes, whatever the folder.
 */
export function bundleOptions(entryPoints: readonly string[], outdir: string) {
  return {
    ...shared,
    entryPoints: entryPoints.map((file) => resolve(root, 'functions', file)),
    outdir,
    outExtension: { '.js': '.mjs' },
    charset: 'utf8',
    // The SDK as ES modules: its CommonJS files come whole, with every command it knows.
    mainFields: ['module', 'main'],
    alias: {
      '@aws-sdk/credential-provider-node': join(lambda, 'credentials.ts'),
      '@smithy/core/event-streams': join(lambda, 'no-event-streams.ts'),
    },
    // Not linked: Node would read it for every error of a function, at the cost of memory and time. `npm run trace` reads it here.
    sourcemap: 'external',
    sourcesContent: false,
  } as const satisfies BuildOptions;
}

/** The relay as a single file for containers: with the whole credential chain of the SDK, since it does not run on Lambda. */
export function relayBundleOptions(outfile: string) {
  return {
    ...shared,
    // One byte for a character: the engine keeps the text for as long as the process lives.
    charset: 'ascii',
    entryPoints: [join(root, 'packages/cli/relay-main.ts')],
    outfile,
  } as const satisfies BuildOptions;
}
