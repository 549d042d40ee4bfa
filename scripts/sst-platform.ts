import { spawn } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';

const root = resolve(import.meta.dirname, '..');
const platform = join(root, '.sst', 'platform');
/** Beside the platform: SST unpacks that anew when its version changes. */
const stampFile = join(root, '.sst', 'tmc-installed');

/** Of SST's command line: no telemetry, and neither Bun nor Pulumi, which installing and evaluating do not need. */
const INSTALL_ENVIRONMENT = {
  SST_SKIP_DEPENDENCY_CHECK: '1',
  SST_NO_BUN: '1',
  SST_TELEMETRY_DISABLED: '1',
  // The platform's packages run nothing when they are installed, and this project's npm refuses packages that would.
  npm_config_ignore_scripts: 'true',
  npm_config_strict_allow_scripts: 'false',
};

/**
 * Sees to it that `.sst/platform` is what the pinned `sst` and `sst.config.ts` need: SST's components, their types and the providers of
 * Pulumi, all from npm. `say` is told once, before an installation of about 40 s and 320 MB; nothing is done when it is there.
 * @throws Error with the output of `sst install` when that fails.
 */
export async function ensureSstPlatform(say: (text: string) => void): Promise<void> {
  const wanted = stamp();
  const isThere = existsSync(join(platform, 'node_modules', '@pulumi', 'aws'));
  if (isThere && existsSync(stampFile) && readFileSync(stampFile, 'utf8') === wanted) return;
  say('Installing the platform of SST from npm, once: about 40 s and 320 MB');
  await sstInstall();
  writeFileSync(stampFile, wanted);
}

/** Versions of SST and of the providers. */
function stamp(): string {
  const manifest = JSON.parse(readFileSync(join(root, 'node_modules', 'sst', 'package.json'), 'utf8')) as {
    version: string;
  };
  const providers = /version: '([\d.]+)'/.exec(readFileSync(join(root, 'sst.config.ts'), 'utf8'))?.[1] ?? '';
  return `sst ${manifest.version}, aws ${providers}\n`;
}

function sstInstall(): Promise<void> {
  const child = spawn(join(root, 'node_modules', '.bin', 'sst'), ['install', '--stage', 'dev'], {
    cwd: root,
    env: { ...process.env, ...INSTALL_ENVIRONMENT },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const output: Buffer[] = [];
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => output.push(chunk));
  return new Promise((done, fail) => {
    child.on('error', (error) => fail(new Error(`cannot start sst: ${error.message}; run \`npm ci\``)));
    child.on('close', (code) => {
      if (code === 0) return done();
      fail(new Error(`\`sst install\` failed with exit code ${code}:\n${Buffer.concat(output).toString().trim()}`));
    });
  });
}
