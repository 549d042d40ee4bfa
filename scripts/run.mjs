#!/usr/bin/env node
// Runs a TypeScript entry point of this project on the pinned Node, installing dependencies first when they are missing or stale.
// Plain JavaScript on purpose: this is the one file that must work with whatever Node ≥ 20 the machine has.
//   node scripts/run.mjs <file.ts> [args…]     node scripts/run.mjs --bin <name> [args…]
import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const modules = join(root, 'node_modules');
const stampFile = join(modules, '.tmc-installed');
const binFolder = join(modules, '.bin');

ensureInstalled();
const { command, args } = commandLine(process.argv.slice(2));
const child = spawn(command, args, {
  stdio: 'inherit',
  env: { ...process.env, PATH: `${binFolder}${delimiter}${process.env.PATH ?? ''}` },
});
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal));
child.on('exit', (code, signal) => process.exit(signal ? 128 + (signal === 'SIGINT' ? 2 : 15) : (code ?? 1)));
child.on('error', (error) => {
  console.error(`cannot start ${command}: ${error.message}`);
  process.exit(1);
});

/** `npm ci` unless node_modules was installed from exactly this lock file. */
function ensureInstalled() {
  const lock = createHash('sha256')
    .update(readFileSync(join(root, 'package-lock.json')))
    .digest('hex');
  if (existsSync(stampFile) && readFileSync(stampFile, 'utf8') === lock) return;
  if (Number(process.versions.node.split('.')[0]) < 20) {
    console.error(`Node 20 or newer is needed to install this project, this is ${process.version}`);
    process.exit(1);
  }
  console.error('Installing dependencies (npm ci)…');
  const npm = spawnSync('npm', ['ci', '--no-audit', '--no-fund', '--loglevel=error'], {
    cwd: root,
    stdio: ['ignore', 'inherit', 'inherit'],
    shell: process.platform === 'win32',
  });
  if (npm.status !== 0) {
    console.error('npm ci failed; its messages are above');
    process.exit(npm.status ?? 1);
  }
  mkdirSync(modules, { recursive: true });
  writeFileSync(stampFile, lock);
}

/** The pinned Node with a source file, or a tool from node_modules/.bin. */
function commandLine([first, ...rest]) {
  if (first === '--bin') return { command: join(binFolder, rest[0]), args: rest.slice(1) };
  const quiet = ['--disable-warning=ExperimentalWarning'];
  return { command: join(binFolder, 'node'), args: [...quiet, join(root, first), ...rest] };
}
