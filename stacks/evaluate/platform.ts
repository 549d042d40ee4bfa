import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join, resolve } from 'node:path';

export const ROOT = resolve(import.meta.dirname, '../..');
export const PLATFORM = join(ROOT, '.sst', 'platform');

/** Loads packages as SST's components do, so that there is one copy of Pulumi's SDK. @throws Error when they are not installed. */
export function platformRequire(): NodeJS.Require {
  const manifest = join(PLATFORM, 'package.json');
  if (!existsSync(join(PLATFORM, 'node_modules', '@pulumi', 'pulumi'))) {
    throw new Error(`SST's platform is not installed in ${PLATFORM}: run \`npm run sst:install\``);
  }
  return createRequire(manifest);
}
