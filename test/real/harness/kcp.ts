import { generateKeyPairSync } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { Api } from '@tmc/adapters/kube/api.ts';
import { bearerToken, type KubeConnection } from '@tmc/adapters/kube/connection.ts';
import { Transport } from '@tmc/adapters/kube/http.ts';
import { vanished } from '@tmc/adapters/kube/hub-objects.ts';
import { isExecutable } from '../tools/build.ts';
import { missingReadiness } from './control-plane.ts';
import { freePorts, type ServerProcess, scratchFolder, startProcess, until } from './process.ts';

/** A running kcp with its own etcd. */
export type KcpServer = {
  /** As a member of `system:masters`, at kcp's own URL. */
  readonly connection: KubeConnection;
  /** Makes a workspace and waits until it is ready; gives its logical cluster's id. */
  createWorkspace(path: string, type: { path: string; name: string }): Promise<string>;
  /** Path of a kubeconfig file of that identity at a workspace. */
  kubeconfig(workspacePath: string): string;
  /** Kills kcp and its etcd, starts both again with their data and waits until kcp serves. */
  restart(): Promise<void>;
  stop(): Promise<void>;
};

const TOKEN = 'kcp-test-admin';
/** A first start takes 27 s on two idle cores. */
const START_MS = 180_000;

/** kcp as the user installed it: KCP_BIN, else `kcp` on PATH. The project never builds it. */
export function findKcp(env: NodeJS.ProcessEnv = process.env): string | undefined {
  const onPath = (env['PATH'] ?? '').split(delimiter).map((folder) => join(folder, 'kcp'));
  return [env['KCP_BIN'] ?? '', ...onPath].find((path) => path !== '' && isExecutable(path));
}

/** Starts kcp and waits until it is ready. @throws Error with the end of its log when it does not come up. */
export async function startKcp(binary: string): Promise<KcpServer> {
  const scratch = scratchFolder('tmc-kcp-');
  const [port = 0, etcdPort = 0, peerPort = 0] = await freePorts(3);
  writeFileSync(join(scratch.path, 'tokens.csv'), `${TOKEN},admin,admin,"system:masters"\n`, { mode: 0o600 });
  // With a key at hand kcp does not generate one of 4096 bits.
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const key = privateKey.export({ type: 'pkcs1', format: 'pem' });
  writeFileSync(join(scratch.path, 'sa.key'), key, { mode: 0o600 });
  const args = [
    'start',
    `--root-directory=${scratch.path}`,
    '--bind-address=127.0.0.1',
    `--secure-port=${port}`,
    `--embedded-etcd-client-port=${etcdPort}`,
    `--embedded-etcd-peer-port=${peerPort}`,
    `--embedded-etcd-directory=${join(scratch.path, 'etcd')}`,
    `--token-auth-file=${join(scratch.path, 'tokens.csv')}`,
    '-v=2',
  ];
  const begin = () =>
    startProcess(binary, args, {
      log: join(scratch.path, 'kcp.log'),
      env: { GOMEMLIMIT: '450MiB', GOGC: '50' },
    });
  let server = begin();
  const stop = async () => {
    await server.stop();
    scratch.remove();
  };
  try {
    const connection = await ready(server, { folder: scratch.path, port });
    return {
      connection,
      createWorkspace: (path, type) => createWorkspace(connection, { path, type }),
      kubeconfig: (path) => writeKubeconfig(connection, { folder: scratch.path, path }),
      async restart() {
        server.signal('SIGKILL');
        await until('kcp to end', async () => (server.ended() === undefined ? 'it still runs' : undefined));
        server = begin();
        await ready(server, { folder: scratch.path, port });
      },
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

function writeKubeconfig({ url, ca = '' }: KubeConnection, at: { folder: string; path: string }): string {
  const file = join(at.folder, `${at.path.replaceAll(':', '-')}.kubeconfig`);
  const cluster = {
    server: `${url}/clusters/${at.path}`,
    'certificate-authority-data': Buffer.from(ca).toString('base64'),
  };
  const config = {
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name: 'kcp', cluster }],
    users: [{ name: 'admin', user: { token: TOKEN } }],
    contexts: [{ name: 'kcp', context: { cluster: 'kcp', user: 'admin' } }],
    'current-context': 'kcp',
  };
  // JSON is YAML.
  writeFileSync(file, JSON.stringify(config), { mode: 0o600 });
  return file;
}

async function ready(server: ServerProcess, { folder, port }: { folder: string; port: number }) {
  // kcp writes the certificate it serves with: the one to trust.
  const certificate = join(folder, 'apiserver.crt');
  const alive = () => {
    const end = server.ended();
    if (end !== undefined) throw new Error(end);
  };
  await until(
    'kcp to write its certificate',
    async () => {
      alive();
      return existsSync(certificate) ? undefined : `${certificate} is not there`;
    },
    START_MS,
  );
  const connection: KubeConnection = {
    url: `https://127.0.0.1:${port}`,
    ca: readFileSync(certificate, 'utf8'),
    authorization: bearerToken(TOKEN),
  };
  const transport = new Transport(connection);
  const missing = async () => {
    alive();
    return missingReadiness(transport);
  };
  await until('kcp to be ready', missing, START_MS).finally(() => transport.close());
  return connection;
}

async function createWorkspace(
  connection: KubeConnection,
  { path, type }: { path: string; type: { path: string; name: string } },
): Promise<string> {
  const colon = path.lastIndexOf(':');
  const name = path.slice(colon + 1);
  const collection = `/clusters/${path.slice(0, colon)}/apis/tenancy.kcp.io/v1alpha1/workspaces`;
  const body = JSON.stringify({
    apiVersion: 'tenancy.kcp.io/v1alpha1',
    kind: 'Workspace',
    metadata: { name },
    spec: { type },
  });
  const api = new Api({ connection });
  let id = '';
  try {
    await api.get({ method: 'POST', path: collection, about: path, body }, vanished);
    await until(`workspace ${path} to be ready`, async () => {
      const live = await api.get({ method: 'GET', path: `${collection}/${name}`, about: path }, vanished);
      id = (live['spec'] as { cluster?: string }).cluster ?? '';
      const { phase } = (live['status'] ?? {}) as { phase?: string };
      return phase === 'Ready' ? undefined : `it is ${phase ?? 'new'}`;
    });
  } finally {
    api.close();
  }
  return id;
}
