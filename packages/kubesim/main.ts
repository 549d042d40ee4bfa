import { writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { parseArgs } from 'node:util';
import { GOLDEN_USERS, targetOf } from './golden-target.ts';
import { startKubesim } from './index.ts';

const HELP = `Runs the API server simulator alone.

  npm run kubesim -- --kind kube|kcp [--port N] [--write-target FILE]

  --kind          kube: a plain API server; kcp: with workspaces and APIExports
  --port          port on 127.0.0.1 (default: a free one)
  --write-target  once it serves, write a target file for test/golden/golden.mjs (and the CA beside it)
  --help          this text
`;

const OPTIONS = {
  kind: { type: 'string', default: 'kube' },
  port: { type: 'string', default: '0' },
  'write-target': { type: 'string' },
  help: { type: 'boolean', default: false },
} as const;

function refuse(why: string): never {
  process.stderr.write(`kubesim: ${why}\n\n${HELP}`);
  process.exit(2);
}

function readArguments() {
  try {
    return parseArgs({ options: OPTIONS }).values;
  } catch (error) {
    return refuse(error instanceof Error ? error.message : String(error));
  }
}

const values = readArguments();

if (values.help) {
  process.stdout.write(HELP);
  process.exit(0);
}
const { kind } = values;
const port = Number(values.port);
if (kind !== 'kube' && kind !== 'kcp') refuse(`--kind must be kube or kcp, got "${kind}"`);
if (!Number.isInteger(port) || port < 0 || port > 65_535) refuse(`--port must be a port number, got "${values.port}"`);

const kubesim = await startKubesim({ kind, port, tokens: GOLDEN_USERS[kind] });
// Before anybody can learn that it serves.
const stop = async () => {
  await kubesim.close();
  process.exit(0);
};
process.once('SIGTERM', () => void stop());
process.once('SIGINT', () => void stop());

const targetFile = values['write-target'];
if (targetFile) {
  const caFile = `kubesim-${kind}-ca.crt`;
  writeFileSync(join(dirname(targetFile), caFile), kubesim.caPem);
  writeFileSync(targetFile, `${JSON.stringify(targetOf(kubesim, caFile), null, 2)}\n`);
}
process.stdout.write(`kubesim (${kind}) serves on ${kubesim.url}\n`);
