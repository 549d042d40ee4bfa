import { writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { parseArgs } from 'node:util';
import { startKubesim } from './index.ts';
import type { TokenIdentity } from './server/identity.ts';

const HELP = `Runs the API server simulator alone.

  npm run kubesim -- --kind kube|kcp [--port N] [--write-target FILE]

  --kind          kube: a plain API server; kcp: with workspaces and APIExports
  --port          port on 127.0.0.1 (default: a free one)
  --write-target  once it serves, write a target file for test/golden/golden.mjs (and the CA beside it)
  --help          this text
`;

/** The users the golden checker knows, with tokens anyone may know: it listens on 127.0.0.1 only and holds nothing of value. */
const USERS: Record<'kube' | 'kcp', TokenIdentity[]> = {
  kube: [
    { token: 'golden-admin', user: 'admin', groups: ['system:masters'] },
    { token: 'golden-reader', user: 'reader', groups: ['readers'] },
    { token: 'golden-nobody', user: 'nobody' },
  ],
  kcp: [
    { token: 'golden-admin', user: 'kcp-admin', groups: ['system:kcp:admin'] },
    { token: 'golden-master', user: 'master', groups: ['system:masters'] },
    { token: 'golden-tenant', user: 'tenant' },
    { token: 'golden-relay', user: 'relay' },
    { token: 'golden-stranger', user: 'stranger' },
  ],
};

const { values } = parseArgs({
  options: {
    kind: { type: 'string', default: 'kube' },
    port: { type: 'string', default: '0' },
    'write-target': { type: 'string' },
    help: { type: 'boolean', default: false },
  },
});

if (values.help) {
  process.stdout.write(HELP);
  process.exit(0);
}
const { kind } = values;
const port = Number(values.port);
if ((kind !== 'kube' && kind !== 'kcp') || !Number.isInteger(port) || port < 0 || port > 65_535) {
  process.stderr.write(
    `kubesim: --kind must be kube or kcp (got "${kind}"), --port a port number (got "${values.port}")\n\n${HELP}`,
  );
  process.exit(2);
}

const kubesim = await startKubesim({ kind, port, tokens: USERS[kind] });
const targetFile = values['write-target'];
if (targetFile) {
  const caFile = `kubesim-${kind}-ca.crt`;
  writeFileSync(join(dirname(targetFile), caFile), kubesim.caPem);
  const known = USERS[kind].map(({ token }) => [token.replace('golden-', ''), { token }]);
  const users = { ...Object.fromEntries(known), anonymous: {}, badtoken: { token: 'nobody-issued-this' } };
  const expire = { method: 'POST', path: '/__kubesim/expire' };
  writeFileSync(
    targetFile,
    `${JSON.stringify({ kind, server: kubesim.url, caFile, users, vars: {}, expire }, null, 2)}\n`,
  );
}
process.stdout.write(`kubesim (${kind}) serves on ${kubesim.url}\n`);

const stop = async () => {
  await kubesim.close();
  process.exit(0);
};
process.once('SIGTERM', () => void stop());
process.once('SIGINT', () => void stop());
