import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { connectTable } from '@tmc/adapters/dynamo/connect.ts';
import { installApis } from '@tmc/adapters/fleet/install.ts';
import { connectQueues } from '@tmc/adapters/sqs/connect.ts';
import type { Table } from '@tmc/adapters/table/table.ts';
import { startDynamoDb } from '../emulators/dynamodb.ts';
import { startElasticMq } from '../emulators/elasticmq.ts';
import type { Emulator } from '../emulators/server.ts';
import { together } from '../emulators/together.ts';
import { createFleetCertificates } from '../real/harness/certificates.ts';
import {
  type ApiServer,
  type Etcd,
  type Ground,
  kubeconfigOf,
  layGround,
  startApiServer,
  startEtcd,
} from '../real/harness/control-plane.ts';
import { scratchFolder } from '../real/harness/process.ts';
import { ensureKubeBinaries } from '../real/tools/build.ts';
import { type Link, openLink } from './link.ts';
import { credentials, REGION, TABLE, UNCACHED_FLAGS, WORKSPACE } from './names.ts';

type QueueUrls = { readonly url: string; readonly deadLetterUrl: string };

/** Everything around the relay: real servers, and a link to each that can be made to fail. */
export type Servers = {
  readonly folder: string;
  readonly etcd: Etcd;
  readonly api: ApiServer;
  /** What the relay under test reads, sends to and keeps its checkpoints in, through these links only. */
  readonly links: Readonly<Record<'api' | 'queues' | 'table', Link>>;
  /** Where the API server is behind its link. */
  readonly kubeconfigPath: string;
  /** Addresses without a link between, for who only looks. */
  readonly queues: {
    readonly endpoint: string;
    readonly urls: Readonly<Record<'placement' | 'sync' | 'recovery', QueueUrls>>;
  };
  readonly table: Table;
  stop(): Promise<void>;
};

/**
 * Starts etcd, an API server with our kinds, ElasticMQ and DynamoDB Local.
 * @throws Error naming what did not come up; what was started is stopped.
 */
export async function startServers(): Promise<Servers> {
  const binaries = await ensureKubeBinaries();
  const scratch = scratchFolder('tmc-chaos-');
  const stops: (() => Promise<void> | void)[] = [scratch.remove];
  const stop = async () => {
    for (const end of stops.splice(0).reverse()) await end();
  };
  try {
    const ground: Ground = { folder: scratch.path, binaries, certificates: await createFleetCertificates() };
    layGround(ground);
    const { etcd, api } = await startControlPlane(ground, stops);
    const { queues, table, links } = await startEmulators(stops);
    const apiLink = await openLink(portOf(api.url));
    stops.push(() => apiLink.close());
    const kubeconfigPath = join(scratch.path, 'relay.kubeconfig');
    const connection = { ...api.connection, url: `https://127.0.0.1:${apiLink.port}` };
    writeFileSync(kubeconfigPath, kubeconfigOf('chaos', connection), { mode: 0o600 });
    const all = { ...links, api: apiLink };
    return { folder: scratch.path, etcd, api, links: all, kubeconfigPath, queues, table, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

type Stops = (() => Promise<void> | void)[];

async function startControlPlane(ground: Ground, stops: Stops): Promise<{ etcd: Etcd; api: ApiServer }> {
  const etcd = await startEtcd(ground);
  stops.push(() => etcd.stop());
  const api = await startApiServer(ground, 'chaos', { etcdUrl: etcd.url, flags: UNCACHED_FLAGS });
  stops.push(() => api.stop());
  await installApis({ kind: 'kubernetes', connection: api.connection, workspace: WORKSPACE, epoch: 0 });
  return { etcd, api };
}

async function startEmulators(stops: Stops) {
  const started = async (emulator: Promise<Emulator>) => {
    stops.push((await emulator).stop);
    return emulator;
  };
  const [sqs, dynamo] = await together([started(startElasticMq()), started(startDynamoDb())]);
  const links = { queues: await openLink(portOf(sqs.endpoint)), table: await openLink(portOf(dynamo.endpoint)) };
  stops.push(links.queues.close.bind(links.queues), links.table.close.bind(links.table));
  const account = { region: REGION, credentials: credentials() };
  const connection = connectQueues({ ...account, endpoint: sqs.endpoint });
  const [placement, sync, recovery] = await Promise.all([
    connection.ensure('placement', { maxReceives: MAX_RECEIVES }),
    connection.ensure('sync', { maxReceives: MAX_RECEIVES }),
    connection.ensure('recovery', { maxReceives: MAX_RECEIVES }),
  ]);
  connection.close();
  const table = connectTable(TABLE, { ...account, endpoint: dynamo.endpoint });
  stops.push(table.close);
  await table.ensure();
  const queues = { endpoint: sqs.endpoint, urls: { placement, sync, recovery } };
  return { queues, table: table.table, links };
}

/** The consumer forgets messages on purpose: none may die of it. */
const MAX_RECEIVES = 100;

function portOf(url: string): number {
  return Number(new URL(url).port);
}

/** The revision of the newest write. */
export async function revisionOf({ url }: Etcd): Promise<bigint> {
  const { header } = await ask<{ header: { revision: string } }>(`${url}/v3/kv/range`, { key: 'AA==' });
  return BigInt(header.revision);
}

/** Makes etcd forget every revision but the newest: a watch or list that goes on at an older one is `410 Gone`. */
export async function compact(etcd: Etcd): Promise<void> {
  await ask(`${etcd.url}/v3/kv/compaction`, { revision: String(await revisionOf(etcd)) });
}

async function ask<T>(url: string, body: Record<string, unknown>): Promise<T> {
  const answer = await fetch(url, {
    method: 'POST',
    body: JSON.stringify(body),
    signal: AbortSignal.timeout(10_000),
  });
  const text = await answer.text();
  // Compacted already, by the API server's own turn every five minutes.
  if (!answer.ok && !text.includes('has been compacted')) throw new Error(`etcd answers ${answer.status}: ${text}`);
  return JSON.parse(text) as T;
}
