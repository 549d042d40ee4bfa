import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { atUrl, type KubeConnection } from '@tmc/adapters/kube/connection.ts';
import { createKcpHub } from '@tmc/adapters/kube/hub-kcp.ts';
import { type KcpPeer, kcpAdapterContract } from '@tmc/adapters/kube/kcp.contract.ts';
import { type KubePeer, kubeAdapterContract } from '@tmc/adapters/kube/kube.contract.ts';
import { Session } from '@tmc/adapters/kube/session.ts';
import { createWatchSource } from '@tmc/adapters/kube/watch.ts';
import type { WatchOptions, WatchSource } from '@tmc/kernel/ports.ts';
import { startKubesim } from '@tmc/kubesim/index.ts';
import { afterAll, describe, expect, it } from 'vitest';
import { shapeOf } from './call-shape.ts';

/**
 * Every form of call that the adapters send is held to recorded behaviour of a real server: the contract suites run here with the
 * sending recorded, then what was sent is compared with what the golden scenarios send.
 */
const sent = { kube: new Set<string>(), kcp: new Set<string>() };
let recordingFor: keyof typeof sent | undefined;

const start = Session.prototype.start;
Session.prototype.start = function record(headers, endStream) {
  const { ':method': method, ':path': path = '', accept, 'content-type': contentType } = headers;
  if (recordingFor) sent[recordingFor].add(shapeOf({ method, path, accept, contentType, hasBody: !endStream }));
  return start.call(this, headers, endStream);
};
afterAll(() => {
  Session.prototype.start = start;
});

async function openKube(): Promise<KubePeer> {
  recordingFor = 'kube';
  const server = await startKubesim({ kind: 'kube', tokens: [{ token: 'powerless', user: 'powerless', groups: [] }] });
  const { url, caPem: ca } = server;
  const resourceVersion = String(server.store.revision);
  const connection = { url, ca, authorization: () => `Bearer ${server.adminToken}` };
  await readAsRelaysDo(createWatchSource({ connection }));
  return {
    connection,
    powerless: { url, ca, authorization: () => 'Bearer powerless' },
    async expiredRevision() {
      server.expire();
      return resourceVersion;
    },
    forget: async () => server.expire(),
    close: () => server.close(),
  };
}

async function openKcp(): Promise<KcpPeer> {
  recordingFor = 'kcp';
  const server = await startKubesim({ kind: 'kcp' });
  const connection = {
    url: `${server.url}/clusters/root`,
    ca: server.caPem,
    authorization: () => `Bearer ${server.adminToken}`,
  };
  return {
    connection,
    createWorkspace: (path, type) => server.createWorkspace(path, type),
    // Last, for the suite makes the export and its tenants.
    async close() {
      try {
        await readExportAsRelaysDo(connection);
      } finally {
        await server.close();
      }
    },
  };
}

/** The same at an endpoint of the export, for all workspaces at once. */
async function readExportAsRelaysDo(connection: KubeConnection): Promise<void> {
  const hub = await createKcpHub({ connection, exportWorkspace: 'root:tmc', exportName: 'tmc.kcp.io' });
  try {
    const [source] = hub.sources();
    if (!source) throw new Error('the export has no endpoint');
    await readAsRelaysDo(createWatchSource({ connection: atUrl(connection, source.endpoint), prefix: '/clusters/*' }));
  } finally {
    await hub.close();
  }
}

/** Every option of lists and watches, as relays put them together. */
async function readAsRelaysDo(source: WatchSource & { close(): void }): Promise<void> {
  const signal = AbortSignal.timeout(20_000);
  const resource = { group: '', resource: 'namespaces' };
  for (const labels of [{}, { labelSelector: 'a' }]) {
    for (const slim of [{}, { metadataOnly: true }]) {
      const options = { ...labels, ...slim, signal };
      const { resourceVersion } = await source.page(resource, options);
      const first = await source.page(resource, { ...options, limit: 1 });
      if (first.continue) await source.page(resource, { ...options, limit: 1, continue: first.continue });
      await read(source, { ...labels, resourceVersion, timeoutSeconds: 1, signal });
    }
    await read(source, { ...labels, sendInitialEvents: true, timeoutSeconds: 1, signal });
  }
  source.close();
}

async function read(source: WatchSource, options: WatchOptions): Promise<void> {
  for await (const _ of source.watch({ group: '', resource: 'namespaces' }, options));
}

const METADATA = 'accepting application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1, application/json';

/**
 * Forms no recording of kcp has, and kcp cannot be recorded again from here. Each is a recorded form with a `fieldManager`, `limit`
 * or deadline added, or in a workspace instead of at the export; what these parameters do is recorded on a plain API server.
 */
const NOT_RECORDED_IN_KCP = [
  // WatchList, with which relays begin: recorded with labels and without a deadline.
  'GET export all workspaces: collection?allowWatchBookmarks&labelSelector&resourceVersionMatch&sendInitialEvents&timeoutSeconds&watch',
  'GET export all workspaces: collection?allowWatchBookmarks&resourceVersionMatch&sendInitialEvents&timeoutSeconds&watch',
  // Metadata alone, with which relays compare: recorded on a plain server; an answer in whole objects would be taken too.
  `GET export all workspaces: collection ${METADATA}`,
  `GET export all workspaces: collection?continue&limit ${METADATA}`,
  `GET export all workspaces: collection?labelSelector ${METADATA}`,
  `GET export all workspaces: collection?labelSelector&limit ${METADATA}`,
  `GET export all workspaces: collection?limit ${METADATA}`,
  // Other lists and watches.
  'GET export all workspaces: collection?allowWatchBookmarks&resourceVersion&timeoutSeconds&watch',
  'GET export all workspaces: collection?limit',
  'GET export workspace: namespaced collection?limit',
  'GET workspace: collection?allowWatchBookmarks&resourceVersion&timeoutSeconds&watch',
  // Writes.
  'PATCH export workspace: namespaced object?fieldManager as application/merge-patch+json',
  'PATCH export workspace: object/status?fieldManager as application/merge-patch+json',
  'PATCH workspace: namespaced object?fieldManager&force as application/apply-patch+yaml',
  'PATCH workspace: object?fieldManager as application/merge-patch+json',
  'PATCH workspace: object?fieldManager&force as application/apply-patch+yaml',
  'POST export workspace: collection?fieldManager as application/json',
  'POST export workspace: namespaced collection?fieldManager as application/json',
];

type Step = {
  do?: string;
  method?: string;
  path?: string;
  accept?: string;
  contentType?: string;
  body?: unknown;
  silent?: boolean;
};
type Scenario = { name: string; server: string | readonly string[]; steps: readonly Step[] };

/** Forms of call whose answers are compared in the scenarios for a kind of server; those of silent steps are not. */
function golden(kind: keyof typeof sent): Set<string> {
  const folders = ['../golden/scenarios', '../golden-own/scenarios'].map((f) => new URL(f, import.meta.url).pathname);
  const files = folders.flatMap((folder) => readdirSync(folder).map((file) => join(folder, file)));
  const scenarios = files.flatMap((file) => JSON.parse(readFileSync(file, 'utf8')) as Scenario[]);
  const ours = scenarios.filter(({ server }) => [server].flat().includes(kind));
  const calls = ours
    .flatMap(({ steps }) => steps)
    .filter((step): step is Step & { path: string } => step.path !== undefined && step.silent !== true);
  return new Set(
    calls.map(({ method, path, accept, contentType, body }) =>
      shapeOf({
        method,
        path: path.replace(/^\$\{ep\}/, '/services/apiexport/id/name'),
        accept,
        contentType,
        hasBody: body !== undefined,
      }),
    ),
  );
}

// In this order: what was sent is compared at the end.
describe('calls of the adapters', { shuffle: false }, () => {
  kubeAdapterContract('a recorded simulator', openKube);
  kcpAdapterContract('a recorded simulator', openKcp);

  it.each(['kube', 'kcp'] as const)('to %s have a golden scenario for every form', (kind) => {
    const known = golden(kind);
    expect(sent[kind].size).toBeGreaterThan(15);
    const missing = [...sent[kind]].filter((shape) => !known.has(shape)).sort();
    expect(missing).toEqual(kind === 'kcp' ? [...NOT_RECORDED_IN_KCP].sort() : []);
  });
});
