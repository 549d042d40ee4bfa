import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { KubeConnection } from '@tmc/adapters/kube/connection.ts';
import { Transport } from '@tmc/adapters/kube/http.ts';
import { messageOf } from '@tmc/kernel/errors.ts';
import type { KubeBinaries } from '../tools/build.ts';
import type { FleetCertificates } from './certificates.ts';
import { freePorts, type ServerProcess, startProcess, until } from './process.ts';

/** Where a fleet keeps its files, and what its servers share. */
export type Ground = {
  readonly folder: string;
  readonly binaries: KubeBinaries;
  readonly certificates: FleetCertificates;
};

/** Bearer token of a user without any rights. */
export const POWERLESS_TOKEN = 'powerless-token';

/** An etcd that can be killed and started again at the same address with the same data. */
export type Etcd = {
  readonly url: string;
  readonly dataFolder: string;
  /** Resolves once it is healthy. */
  start(): Promise<void>;
  /** SIGKILL; resolves when it is gone. */
  kill(): Promise<void>;
  stop(): Promise<void>;
};

/** Starts an etcd and waits until it is healthy; several API servers share it under prefixes of their own. */
export async function startEtcd(ground: Ground): Promise<Etcd> {
  const [clientPort, peerPort] = await freePorts(2);
  const url = `http://127.0.0.1:${clientPort}`;
  const peers = `http://127.0.0.1:${peerPort}`;
  const dataFolder = join(ground.folder, 'etcd');
  const args = [
    `--data-dir=${dataFolder}`,
    `--listen-client-urls=${url}`,
    `--advertise-client-urls=${url}`,
    `--listen-peer-urls=${peers}`,
    `--initial-advertise-peer-urls=${peers}`,
    `--initial-cluster=default=${peers}`,
    // Data of tests: speed before durability. A killed process loses nothing by it, a machine would.
    '--unsafe-no-fsync',
    '--quota-backend-bytes=4294967296',
  ];
  let running: ServerProcess | undefined;
  const start = async () => {
    const started = startProcess(ground.binaries.etcd, args, { log: join(ground.folder, 'etcd.log') });
    running = started;
    await until('etcd to be healthy', async () => started.ended() ?? (await missingHealth(`${url}/health`)));
  };
  await start();
  return {
    url,
    dataFolder,
    start,
    kill: async () => running?.kill(),
    stop: async () => running?.stop(),
  };
}

async function missingHealth(url: string): Promise<string | undefined> {
  try {
    const answer = await fetch(url);
    return answer.ok ? undefined : `${url} answers ${answer.status}`;
  } catch (error) {
    return messageOf(error);
  }
}

/** An API server that can be stopped and started again at the same address with the same data. */
export type ApiServer = {
  readonly name: string;
  readonly url: string;
  readonly connection: KubeConnection;
  readonly kubeconfigPath: string;
  /** Resolves once `/readyz` is 200. */
  start(): Promise<void>;
  signal(name: NodeJS.Signals): void;
  /** SIGKILL; resolves when it is gone. */
  kill(): Promise<void>;
  stop(): Promise<void>;
};

/** Whose data an API server serves, and what it is told besides the flags all have. */
export type ApiServerOptions = { readonly etcdUrl: string; readonly flags?: readonly string[] };

/** Starts one API server on an etcd and waits until it is ready. */
export async function startApiServer(
  ground: Ground,
  name: string,
  { etcdUrl, flags = [] }: ApiServerOptions,
): Promise<ApiServer> {
  const [port = 0] = await freePorts(1);
  const url = `https://127.0.0.1:${port}`;
  const { ca, admin } = ground.certificates;
  const connection: KubeConnection = { url, ca, ...admin };
  const args = [
    ...apiServerFlags(ground),
    `--secure-port=${port}`,
    `--etcd-servers=${etcdUrl}`,
    `--etcd-prefix=/${name}`,
    ...flags,
  ];
  const transport = new Transport(connection);
  let process: ServerProcess | undefined;
  const start = async () => {
    const started = startProcess(ground.binaries['kube-apiserver'], args, {
      log: join(ground.folder, `${name}-apiserver.log`),
    });
    process = started;
    await until(`API server ${name} to be ready`, async () => {
      const end = started.ended();
      if (end !== undefined) throw new Error(end);
      return missingReadiness(transport);
    });
  };
  const kubeconfigPath = join(ground.folder, `${name}.kubeconfig`);
  writeFileSync(kubeconfigPath, kubeconfigOf(name, connection), { mode: 0o600 });
  try {
    await start();
  } catch (error) {
    transport.close();
    await process?.stop();
    throw error;
  }
  return {
    name,
    url,
    connection,
    kubeconfigPath,
    start,
    signal: (signal) => process?.signal(signal),
    kill: async () => process?.kill(),
    async stop() {
      transport.close();
      await process?.stop();
    },
  };
}

/** Undefined when `/readyz` is 200, else what it says instead. */
export async function missingReadiness(transport: Transport): Promise<string | undefined> {
  try {
    const { status, body } = await transport.request({ method: 'GET', path: '/readyz', deadlineMs: 2_000 });
    return status === 200 ? undefined : `/readyz answers ${status}: ${body.slice(0, 500)}`;
  } catch (error) {
    return messageOf(error);
  }
}

function apiServerFlags({ folder }: Ground): string[] {
  const file = (name: string) => join(folder, name);
  return [
    '--bind-address=127.0.0.1',
    '--advertise-address=127.0.0.1',
    '--endpoint-reconciler-type=none',
    `--tls-cert-file=${file('server.crt')}`,
    `--tls-private-key-file=${file('server.key')}`,
    `--client-ca-file=${file('ca.crt')}`,
    `--token-auth-file=${file('tokens.csv')}`,
    `--service-account-key-file=${file('service-account.key')}`,
    `--service-account-signing-key-file=${file('service-account.key')}`,
    '--service-account-issuer=https://kubernetes.default.svc',
    '--authorization-mode=RBAC',
    '--service-cluster-ip-range=10.96.0.0/16',
    '--disable-admission-plugins=ServiceAccount',
    '--allow-privileged=true',
    '--profiling=false',
  ];
}

const HUB_CONTROLLERS = ['namespace-controller', 'garbage-collector-controller'];
const MEMBER_CONTROLLERS = [
  ...HUB_CONTROLLERS,
  'deployment-controller',
  'replicaset-controller',
  'serviceaccount-controller',
  'root-ca-certificate-publisher-controller',
  'endpointslice-controller',
];

/** Starts the controllers of one API server: those a hub needs, or those that make Deployments run. */
export async function startControllers(
  ground: Ground,
  server: ApiServer,
  role: 'hub' | 'member',
): Promise<ServerProcess> {
  const [port] = await freePorts(1);
  return startProcess(
    ground.binaries['kube-controller-manager'],
    [
      `--kubeconfig=${server.kubeconfigPath}`,
      '--leader-elect=false',
      '--bind-address=127.0.0.1',
      `--secure-port=${port}`,
      `--service-account-private-key-file=${join(ground.folder, 'service-account.key')}`,
      `--root-ca-file=${join(ground.folder, 'ca.crt')}`,
      '--use-service-account-credentials=false',
      `--controllers=${(role === 'hub' ? HUB_CONTROLLERS : MEMBER_CONTROLLERS).join(',')}`,
    ],
    { log: join(ground.folder, `${server.name}-controllers.log`) },
  );
}

/** Writes the files that API servers and controllers are given. */
export function layGround(ground: Ground): void {
  const { folder, certificates } = ground;
  mkdirSync(folder, { recursive: true });
  const files = {
    'ca.crt': certificates.ca,
    'server.crt': certificates.server.cert,
    'server.key': certificates.server.key,
    'service-account.key': certificates.serviceAccountKey,
    'tokens.csv': `${POWERLESS_TOKEN},powerless,powerless\n`,
  };
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text, { mode: 0o600 });
}

/** A kubeconfig of one server and one identity. */
export function kubeconfigOf(name: string, { url, ca = '', cert = '', key = '' }: KubeConnection): string {
  const data = (pem: string) => Buffer.from(pem).toString('base64');
  // JSON is YAML.
  return `${JSON.stringify(
    {
      apiVersion: 'v1',
      kind: 'Config',
      'current-context': name,
      contexts: [{ name, context: { cluster: name, user: 'admin' } }],
      clusters: [{ name, cluster: { server: url, 'certificate-authority-data': data(ca) } }],
      users: [{ name: 'admin', user: { 'client-certificate-data': data(cert), 'client-key-data': data(key) } }],
    },
    null,
    2,
  )}\n`;
}
