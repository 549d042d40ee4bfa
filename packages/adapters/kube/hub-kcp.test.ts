import type { WatchSource } from '@tmc/kernel/ports.ts';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { createKcpHub, type KcpHub } from './hub-kcp.ts';
import { HUB_DEADLINE_MS } from './hub-objects.ts';
import { json, type Reply, type ScriptedServer, startScriptedServer, text } from './scripted-server.ts';

const SLICE = '/clusters/root:tmc/apis/apis.kcp.io/v1alpha1/apiexportendpointslices';
const EAST = '/services/apiexport/id/east';
const WEST = '/services/apiexport/id/west';

/** kcp with two shards as far as the hub asks: one endpoint slice, one bound workspace on each shard. */
describe('kcp hub over shards', () => {
  let server: ScriptedServer;
  let hub: KcpHub;
  let shards: string[];
  let asked: string[];
  let sliceChanged: (() => void) | undefined;

  const slice = () => ({
    apiVersion: 'apis.kcp.io/v1alpha1',
    kind: 'APIExportEndpointSlice',
    metadata: { name: 'tmc.kcp.io', resourceVersion: '7' },
    status: { endpoints: shards.map((path) => ({ url: server.connection.url + path })) },
  });
  const binding = (workspace: string) => ({
    apiVersion: 'apis.kcp.io/v1alpha2',
    kind: 'APIBinding',
    metadata: { name: 'tmc.kcp.io', annotations: { 'kcp.io/cluster': workspace } },
    status: {
      phase: 'Bound',
      exportPermissionClaims: [
        { group: '', resource: 'secrets' },
        { group: '', resource: 'configmaps' },
      ],
      appliedPermissionClaims: [{ group: '', resource: 'configmaps' }],
    },
  });
  const list = (...items: object[]) =>
    json({ apiVersion: 'apis.kcp.io/v1alpha2', kind: 'APIBindingList', metadata: { resourceVersion: '9' }, items });

  /** Holds the watch of the slice open and writes it down again on every change. */
  const watchSlice: Reply = (stream) => {
    stream.respond({ ':status': 200, 'content-type': 'application/json' });
    sliceChanged = () => void stream.write(`${JSON.stringify({ type: 'MODIFIED', object: slice() })}\n`);
  };
  const bindings: Record<string, Reply> = {
    [`${EAST}/clusters/ann/`]: list(binding('ann')),
    [`${WEST}/clusters/ben/`]: list(binding('ben')),
    [`${EAST}/clusters/*/`]: list(binding('ann')),
    [`${WEST}/clusters/*/`]: list(binding('ben')),
  };
  const route = (path: string): Reply => {
    if (path.startsWith(`${SLICE}?watch=true`)) return watchSlice;
    if (path.startsWith(SLICE)) return json(slice());
    if (path.includes('/apibindings')) {
      const known = Object.entries(bindings).find(([prefix]) => path.startsWith(prefix));
      return known?.[1] ?? json({ kind: 'Status', reason: 'Forbidden' }, 403);
    }
    return path.includes('/configmaps/') ? json({ kind: 'ConfigMap', metadata: { name: 'x' } }) : text('no', 404);
  };

  beforeEach(async () => {
    shards = [EAST, WEST];
    asked = [];
    sliceChanged = undefined;
    server = await startScriptedServer((stream, headers) => {
      asked.push(String(headers[':path']));
      route(String(headers[':path']))(stream, headers);
    });
    const connection = { url: `${server.connection.url}/clusters/root` };
    hub = await createKcpHub({ connection, exportWorkspace: 'root:tmc', exportName: 'tmc.kcp.io' });
  });

  afterEach(async () => {
    await hub.close();
    await server.close();
  });

  const key = (workspace: string) => ({ workspace, group: '', resource: 'configmaps', namespace: 'ns', name: 'x' });
  const paths = (sources: readonly WatchSource[]) => sources.map(({ endpoint }) => new URL(endpoint).pathname);

  it('sends each workspace to its shard and asks for the way once', async () => {
    for (const workspace of ['ann', 'ben', 'ben']) await hub.get(key(workspace));
    expect(asked.filter((path) => path.includes('/configmaps/'))).toEqual([
      `${EAST}/clusters/ann/api/v1/namespaces/ns/configmaps/x`,
      `${WEST}/clusters/ben/api/v1/namespaces/ns/configmaps/x`,
      `${WEST}/clusters/ben/api/v1/namespaces/ns/configmaps/x`,
    ]);
    expect(asked.filter((path) => path.includes('/clusters/ben/') && path.includes('/apibindings'))).toHaveLength(2);
  });

  it('knows no way to a workspace no shard serves', async () => {
    await expect(hub.get(key('cat'))).rejects.toMatchObject({ kind: 'retry', facts: { type: 'ClusterUnavailable' } });
  });

  it('lists tenants of all shards and what they have not accepted', async () => {
    expect(await hub.tenants()).toEqual([
      { workspace: 'ann', bound: true, missingClaims: ['secrets'] },
      { workspace: 'ben', bound: true, missingClaims: ['secrets'] },
    ]);
  });

  it('tells listeners when endpoints come and go, keeping the sources of those that stay', async () => {
    const [east] = hub.sources();
    const seen: string[][] = [];
    const stopListening = hub.onSources((sources) => seen.push(paths(sources)));
    await vi.waitFor(() => expect(sliceChanged).toBeDefined());
    shards = [EAST];
    sliceChanged?.();
    await vi.waitFor(() => expect(seen).toEqual([[EAST]]));
    expect(hub.sources()[0]).toBe(east);
    sliceChanged?.();
    shards = [EAST, WEST];
    sliceChanged?.();
    await vi.waitFor(() => expect(seen).toEqual([[EAST], [EAST, WEST]]));
    stopListening();
    expect(hub.endpointsError()).toBeUndefined();
  });

  it.each([
    ['the endpoints', SLICE],
    ['the workspaces', '/clusters/root:org/'],
  ])('is asked for %s no longer than a function waits for a hub', async (_, silent) => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    try {
      asked = [];
      server.reply = (stream, headers) => {
        asked.push(String(headers[':path']));
        if (!asked.at(-1)?.startsWith(silent)) route(String(headers[':path']))(stream, headers);
      };
      const { connection } = server;
      const calling = createKcpHub({ connection, exportWorkspace: 'root:tmc', exportName: 'tmc.kcp.io' }).then(
        (other) => other.resolveWorkspace('root:org').finally(() => void other.close()),
      );
      const failed = expect(calling).rejects.toMatchObject({ kind: 'retry' });
      await vi.waitUntil(() => asked.some((path) => path.startsWith(silent)));
      await vi.advanceTimersByTimeAsync(HUB_DEADLINE_MS);
      await failed;
    } finally {
      vi.useRealTimers();
    }
  });

  it('refuses an export that is not there', async () => {
    const connection = { url: `${server.connection.url}` };
    server.reply = json(
      {
        kind: 'Status',
        reason: 'NotFound',
        details: { name: 'x', group: 'apis.kcp.io', kind: 'apiexportendpointslices' },
      },
      404,
    );
    await expect(createKcpHub({ connection, exportWorkspace: 'root:tmc', exportName: 'x' })).rejects.toMatchObject({
      kind: 'terminal',
      facts: { type: 'ConfigurationError' },
    });
  });
});
