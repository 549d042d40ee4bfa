import { randomUUID } from 'node:crypto';
import { rmSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { build, type Plugin } from 'esbuild';
import { PLATFORM, ROOT } from './platform.ts';

/** What the bundled program exports. */
export type Program = {
  readonly config: { app(input: { stage: string }): Promise<Record<string, unknown>>; run(): Promise<unknown> };
  readonly run: (program: () => Promise<unknown>) => Promise<unknown>;
};

const ENTRY = `export { run } from ${JSON.stringify(join(PLATFORM, 'src/auto/run.ts'))};
export { default as config } from ${JSON.stringify(join(ROOT, 'sst.config.ts'))};
`;

/** What SST puts before each file of a project, so that its components need no imports. */
const GLOBALS = `import * as aws from "@pulumi/aws";
import * as sst from ${JSON.stringify(join(PLATFORM, 'src/components'))};
`;

/** The banner of SST's own bundle. */
const BANNER = `import { createRequire as topLevelCreateRequire } from 'module';
const require = topLevelCreateRequire(import.meta.url);
import { fileURLToPath as topLevelFileUrlToPath, URL as topLevelURL } from "url";
const __filename = topLevelFileUrlToPath(import.meta.url);
const __dirname = topLevelFileUrlToPath(new topLevelURL(".", import.meta.url));
`;

/** Bundles `sst.config.ts` and SST's components into one module, as the command line of SST does. */
export async function bundleProgram(): Promise<{ readonly file: string; remove(): void }> {
  // Within the platform, so that what is not bundled resolves there.
  const file = join(PLATFORM, `tmc.${randomUUID()}.mjs`);
  await build({
    stdin: { contents: ENTRY, resolveDir: ROOT, sourcefile: 'evaluate.ts', loader: 'ts' },
    outfile: file,
    bundle: true,
    platform: 'node',
    format: 'esm',
    mainFields: ['module', 'main'],
    nodePaths: [join(PLATFORM, 'node_modules')],
    inject: [join(PLATFORM, 'src/shim/run.js')],
    external: [
      '@pulumi/*',
      '@pulumiverse/*',
      '@sst-provider/*',
      '@aws-sdk/*',
      'undici',
      'esbuild',
      'archiver',
      'glob',
      'vite',
    ],
    banner: { js: BANNER },
    plugins: [projectGlobals, stableNames],
    logLevel: 'silent',
  });
  return { file, remove: () => rmSync(file, { force: true }) };
}

const projectGlobals: Plugin = {
  name: 'project-globals',
  setup: ({ onLoad }) => {
    onLoad({ filter: /\.(js|ts|jsx|tsx)$/ }, async ({ path }) => {
      if (path.includes('.sst')) return undefined;
      return { contents: GLOBALS + (await readFile(path, 'utf8')), loader: 'default' };
    });
  },
};

const RANDOM_SUFFIX = 'crypto.randomBytes(8).toString("hex")';

/** Names end in what is hashed from app, stage and logical name; SST draws them and keeps them in the state of Pulumi. */
const stableNames: Plugin = {
  name: 'stable-names',
  setup: ({ onLoad }) => {
    onLoad({ filter: /\.sst\/platform\/src\/components\/naming\.ts$/ }, async ({ path }) => {
      const text = await readFile(path, 'utf8');
      if (!text.includes(RANDOM_SUFFIX))
        throw new Error(`${path} draws the suffix of names in another way than was known`);
      return { contents: text.replace(RANDOM_SUFFIX, '[$app.name, $app.stage, name].join("/")'), loader: 'ts' };
    });
  },
};
