/** One real kube-apiserver on its own etcd, without controllers: enough to check schemas against. */
import { type ChildProcess, spawn } from 'node:child_process';
import { generateKeyPairSync } from 'node:crypto';
import { closeSync, existsSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { request } from 'node:https';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const TOKEN = 'schema-check';
const READY_WITHIN_MS = 60_000;
const STOP_WITHIN_MS = 10_000;
const LOG_TAIL = 2_000;

export type Answer = { readonly status: number; readonly body: Record<string, unknown> };
type CallOptions = { readonly body?: unknown; readonly contentType?: string; readonly accept?: string };

export type PlainApiServer = {
  readonly call: (method: string, path: string, options?: CallOptions) => Promise<Answer>;
  readonly stop: () => Promise<void>;
};

/**
 * Starts etcd and kube-apiserver on free ports of 127.0.0.1 and waits until the server is ready.
 * @throws Error when a binary is missing or the server is not ready in time; its log is in the text.
 */
export async function startPlainApiServer(): Promise<PlainApiServer> {
  const dir = mkdtempSync(join(tmpdir(), 'tmc-schemas-'));
  const [etcdPort, peerPort, apiPort] = [await freePort(), await freePort(), await freePort()];
  const processes: ChildProcess[] = [];
  const stop = async () => {
    await Promise.all(processes.reverse().map(stopProcess));
    rmSync(dir, { recursive: true, force: true });
  };
  try {
    processes.push(launch('etcd', etcdFlags(dir, etcdPort, peerPort), dir));
    processes.push(launch('kube-apiserver', apiServerFlags(dir, etcdPort, apiPort), dir));
    const call = caller(dir, apiPort);
    await untilReady(call, dir);
    return { call, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** Polls until the check gives a value; @throws Error naming what was awaited after the deadline. */
export async function until<T>(what: string, check: () => Promise<T | undefined>, withinMs = 20_000): Promise<T> {
  const deadline = Date.now() + withinMs;
  for (;;) {
    const value = await check();
    if (value !== undefined) return value;
    if (Date.now() > deadline) throw new Error(`${what}: not within ${withinMs} ms`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

function etcdFlags(dir: string, clientPort: number, peerPort: number): string[] {
  const [client, peer] = [`http://127.0.0.1:${clientPort}`, `http://127.0.0.1:${peerPort}`];
  return [
    `--data-dir=${join(dir, 'etcd')}`,
    `--listen-client-urls=${client}`,
    `--advertise-client-urls=${client}`,
    `--listen-peer-urls=${peer}`,
    `--initial-advertise-peer-urls=${peer}`,
    `--initial-cluster=default=${peer}`,
    '--unsafe-no-fsync',
  ];
}

function apiServerFlags(dir: string, etcdPort: number, port: number): string[] {
  const keyFile = join(dir, 'sa.key');
  const tokenFile = join(dir, 'tokens.csv');
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  writeFileSync(keyFile, privateKey.export({ type: 'pkcs1', format: 'pem' }), { mode: 0o600 });
  writeFileSync(tokenFile, `${TOKEN},checker,checker,system:masters\n`, { mode: 0o600 });
  return [
    `--etcd-servers=http://127.0.0.1:${etcdPort}`,
    `--cert-dir=${join(dir, 'certs')}`,
    `--secure-port=${port}`,
    '--bind-address=127.0.0.1',
    '--advertise-address=127.0.0.1',
    '--endpoint-reconciler-type=none',
    `--token-auth-file=${tokenFile}`,
    `--service-account-key-file=${keyFile}`,
    `--service-account-signing-key-file=${keyFile}`,
    '--service-account-issuer=https://kubernetes.default.svc',
    '--authorization-mode=RBAC',
    '--service-cluster-ip-range=10.96.0.0/16',
    '--disable-admission-plugins=ServiceAccount',
    '--profiling=false',
  ];
}

function launch(name: string, flags: string[], dir: string): ChildProcess {
  const log = openSync(join(dir, `${name}.log`), 'w');
  const child = spawn(findBinary(name), flags, { stdio: ['ignore', log, log] });
  closeSync(log);
  return child;
}

/** Directories that may hold the binaries: the ones named in the environment, then the PATH. */
function findBinary(name: string): string {
  const { TMC_KUBE_ASSETS, KUBEBUILDER_ASSETS, PATH = '' } = process.env;
  const dirs = [TMC_KUBE_ASSETS, KUBEBUILDER_ASSETS, ...PATH.split(':')].filter((dir): dir is string => Boolean(dir));
  const found = dirs.map((dir) => join(dir, name)).find(existsSync);
  if (!found) throw new Error(`no ${name}: set TMC_KUBE_ASSETS to a directory that holds it`);
  return found;
}

function caller(dir: string, port: number): PlainApiServer['call'] {
  return (method, path, { body, contentType = 'application/json', accept = 'application/json' } = {}) =>
    new Promise((resolve, reject) => {
      // The server makes its own certificate on first start; it is its own authority.
      const ca = readFileSync(join(dir, 'certs', 'apiserver.crt'));
      const headers = { authorization: `Bearer ${TOKEN}`, accept, 'content-type': contentType };
      const req = request({ host: '127.0.0.1', port, method, path, ca, headers, agent: false }, (res) => {
        const chunks: Buffer[] = [];
        res.on('data', (chunk: Buffer) => chunks.push(chunk));
        res.on('end', () => {
          const text = Buffer.concat(chunks).toString();
          resolve({ status: res.statusCode ?? 0, body: text.startsWith('{') ? JSON.parse(text) : { text } });
        });
      });
      req.on('error', reject);
      req.end(body === undefined ? undefined : JSON.stringify(body));
    });
}

async function untilReady(call: PlainApiServer['call'], dir: string): Promise<void> {
  const isReady = async () => {
    if (!existsSync(join(dir, 'certs', 'apiserver.crt'))) return undefined;
    const answer = await call('GET', '/readyz').catch(() => undefined);
    return answer?.status === 200 ? true : undefined;
  };
  await until('kube-apiserver ready', isReady, READY_WITHIN_MS).catch((cause) => {
    const log = readFileSync(join(dir, 'kube-apiserver.log'), 'utf8').slice(-LOG_TAIL);
    throw new Error(`kube-apiserver is not ready; end of its log:\n${log}`, { cause });
  });
}

async function stopProcess(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return;
  const gone = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  child.kill('SIGTERM');
  const timer = setTimeout(() => child.kill('SIGKILL'), STOP_WITHIN_MS);
  await gone;
  clearTimeout(timer);
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address() as { port: number };
      server.close(() => resolve(port));
    });
  });
}
