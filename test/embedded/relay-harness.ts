import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { connectTable } from '@tmc/adapters/dynamo/connect.ts';
import { ensureCrds } from '@tmc/adapters/kube/bootstrap-crds.ts';
import { connectionFrom } from '@tmc/adapters/kube/kubeconfig.ts';
import { connectQueues, type QueueConnection } from '@tmc/adapters/sqs/connect.ts';
import { crds } from '@tmc/apis/crd.ts';
import { type Envelope, QUEUES, type QueueName } from '@tmc/kernel/envelope.ts';
import { type Kubesim, startKubesim } from '@tmc/kubesim/index.ts';
import { build } from 'esbuild';
import { relayBundleOptions } from '../../scripts/bundle-options.ts';
import { startDynamoDb } from '../emulators/dynamodb.ts';
import { startElasticMq } from '../emulators/elasticmq.ts';
import { together } from '../emulators/together.ts';

/** `relay.mjs` as a process, with a simulated hub, ElasticMQ and DynamoDB Local around it. */

export const WORKSPACE = 'shop';
const REGION = 'eu-central-1';
/** A fresh one each time: the SDK writes into what it is given. */
const credentials = () => ({ accessKeyId: 'test', secretAccessKey: 'test' });

export type RelayWorld = {
  readonly folder: string;
  readonly bundle: string;
  readonly hub: Kubesim;
  readonly kubeconfig: string;
  readonly urls: Readonly<Record<QueueName, string>>;
  readonly endpoints: { readonly queues: string; readonly table: string };
  /** Writes a config file of a hub relay, changed by what is given, and returns its path. */
  config(name: string, changes?: object): string;
  /** Takes what is in a queue until the condition holds. */
  receive(queue: QueueName, wanted: (envelope: Envelope) => boolean, deadlineMs?: number): Promise<Envelope>;
  close(): Promise<void>;
};

/** Starts everything around a relay. @throws what did not come up; what was started is stopped. */
export async function startRelayWorld(): Promise<RelayWorld> {
  const stops: Stop[] = [];
  const close = async () => {
    for (const stop of stops.splice(0).reverse()) await stop();
  };
  try {
    return { ...(await raise(stops)), close };
  } catch (error) {
    await close();
    throw error;
  }
}

type Stop = () => unknown;

async function raise(stops: Stop[]): Promise<Omit<RelayWorld, 'close'>> {
  const folder = mkdtempSync(join(tmpdir(), 'tmc-relay-'));
  stops.push(() => rmSync(folder, { recursive: true, force: true }));
  chmodSync(folder, 0o755);
  const bundle = join(folder, 'relay.mjs');
  await build(relayBundleOptions(bundle));
  const { hub, mq, dynamo } = await startServers(stops);
  const kubeconfig = join(folder, 'kubeconfig');
  writeFileSync(kubeconfig, hub.kubeconfig());
  await ensureCrds({ connection: await connectionFrom({ path: kubeconfig }), crds: crds() });
  const sqs = connectQueues({ region: REGION, endpoint: mq.endpoint, credentials: credentials() });
  const tables = connectTable('tmc', { region: REGION, endpoint: dynamo.endpoint, credentials: credentials() });
  stops.push(sqs.close, tables.close);
  await tables.ensure();
  const made = await Promise.all(QUEUES.map(async (name) => [name, await sqs.ensure(name)] as const));
  const urls = Object.fromEntries(made.map(([name, { url }]) => [name, url])) as Record<QueueName, string>;
  const base = {
    hub: { kind: 'kubernetes', kubeconfig: 'kubeconfig', workspace: WORKSPACE },
    aws: { region: REGION, credentials: credentials() },
    queues: { endpoint: mq.endpoint, urls },
    table: { endpoint: dynamo.endpoint, name: 'tmc' },
    listen: { health: '127.0.0.1:0', metrics: '127.0.0.1:0' },
  };
  return {
    folder,
    bundle,
    hub,
    kubeconfig,
    urls,
    endpoints: { queues: mq.endpoint, table: dynamo.endpoint },
    config: (name, changes = {}) => {
      const path = join(folder, `${name}.json`);
      writeFileSync(path, JSON.stringify({ name, ...base, ...changes }));
      return path;
    },
    receive: (queue, wanted, deadlineMs = 30_000) => receive(sqs, made, { queue, wanted, deadlineMs }),
  };
}

/** Each one's stop is known as soon as it runs: another one may fail. */
async function startServers(stops: Stop[]) {
  const started = async <T>(start: Promise<T>, stopOf: (server: T) => Stop): Promise<T> => {
    stops.push(stopOf(await start));
    return start;
  };
  const [hub, mq, dynamo] = await together([
    started(startKubesim({ kind: 'kube' }), (hub) => () => hub.close()),
    started(startElasticMq(), ({ stop }) => stop),
    started(startDynamoDb(), ({ stop }) => stop),
  ]);
  return { hub, mq, dynamo };
}

type Made = readonly (readonly [QueueName, { url: string; deadLetterUrl: string }])[];
type Wish = { queue: QueueName; wanted: (envelope: Envelope) => boolean; deadlineMs: number };

async function receive(sqs: QueueConnection, made: Made, { queue: name, wanted, deadlineMs }: Wish): Promise<Envelope> {
  const urls = made.find(([made]) => made === name)?.[1];
  if (!urls) throw new Error(`there is no queue ${name}`);
  const queue = sqs.queue(urls);
  const signal = AbortSignal.timeout(deadlineMs);
  while (!signal.aborted) {
    const messages = await queue.receive({ max: 10, visibilityMs: 30_000, waitMs: 1_000, signal });
    await queue.delete(messages.map(({ receipt }) => receipt));
    const found = messages.map(({ body }) => JSON.parse(body) as Envelope).find(wanted);
    if (found) return found;
  }
  throw new Error(`queue ${name} did not hold what was wanted within ${deadlineMs} ms`);
}

export type RelayChild = {
  readonly child: ChildProcess;
  readonly startedAtMs: number;
  /** Everything it logged and said. */
  output(): string;
  /** Addresses, once it serves. */
  addresses(): Promise<{ health: string; metrics: string }>;
  /** Body of `/readyz` with its code. */
  readyz(): Promise<{ code: number; text: string }>;
  /** Exit code, once it has ended. */
  readonly exited: Promise<number | null>;
};

/** Somebody without rights, where the test may choose: it must be able to run as nobody. */
const NOBODY = process.getuid?.() === 0 ? { uid: 65_534, gid: 65_534 } : {};

/**
 * Starts the bundle with an empty environment, nothing but read access to its own folder, and as nobody. Node itself lies where
 * nobody may not look, on machines where the tests run as root: it is a copy in the folder then.
 */
export function spawnRelay(world: RelayWorld, configPath: string, { node = process.execPath } = {}): RelayChild {
  const args = ['--permission', `--allow-fs-read=${world.folder}`, world.bundle, '--config', configPath];
  return watchChild(spawn(node, args, { env: {}, cwd: '/', ...NOBODY }));
}

/** `tmc relay` from the sources. */
export function spawnCommand(configPath: string): RelayChild {
  const main = join(resolve(import.meta.dirname, '..', '..'), 'packages/cli/main.ts');
  return watchChild(spawn(process.execPath, [main, 'relay', '--config', configPath], { env: {} }));
}

function watchChild(child: ChildProcess): RelayChild {
  const startedAtMs = performance.now();
  let text = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream?.on('data', (chunk: Buffer) => {
      text += chunk.toString();
    });
  }
  const exited = new Promise<number | null>((settle) => {
    child.once('error', (error) => {
      text += error.message;
      settle(null);
    });
    child.once('exit', (code) => settle(code));
  });
  const output = () => text;
  const addresses = async () => {
    const line = await eventually('the relay serves', async () => {
      if (child.exitCode !== null) throw new Error(`it ended with ${child.exitCode}: ${text}`);
      return text.split('\n').find((each) => each.includes('"relay started"'));
    });
    return JSON.parse(line) as { health: string; metrics: string };
  };
  const readyz = async () => {
    const answer = await fetch(`http://${(await addresses()).health}/readyz`);
    return { code: answer.status, text: await answer.text() };
  };
  return { child, startedAtMs, output, addresses, readyz, exited };
}

/** The first value that is not undefined; an error of the look itself ends the wait. */
export async function eventually<T>(what: string, look: () => Promise<T | undefined>, deadlineMs = 30_000): Promise<T> {
  const endMs = performance.now() + deadlineMs;
  for (;;) {
    const value = await look();
    if (value !== undefined) return value;
    if (performance.now() > endMs) throw new Error(`not within ${deadlineMs} ms: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

export const ready = (relay: RelayChild): Promise<true> =>
  eventually('the relay is ready', async () => ((await relay.readyz()).code === 200 ? true : undefined));

/** A door to a server that opens when told; until then nobody listens there. */
export async function createDoor(endpoint: string) {
  const { hostname, port } = new URL(endpoint);
  const sockets = new Set<Socket>();
  const server: Server = createServer((socket) => {
    const there = connect(Number(port), hostname);
    for (const each of [socket, there]) {
      sockets.add(each);
      each.on('error', () => undefined).on('close', () => sockets.delete(each));
    }
    socket.pipe(there).pipe(socket);
  });
  const listen = async (at: number): Promise<number> => {
    server.listen(at, '127.0.0.1');
    // Rejects when the port was taken meanwhile.
    await once(server, 'listening');
    return (server.address() as AddressInfo).port;
  };
  const shut = () => new Promise<void>((settle) => server.close(() => settle()));
  const own = await listen(0);
  await shut();
  return {
    endpoint: `http://127.0.0.1:${own}`,
    open: () => listen(own),
    close: async () => {
      for (const socket of sockets) socket.destroy();
      if (server.listening) await shut();
    },
  };
}
