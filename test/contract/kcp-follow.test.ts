import { ensureKcpExport } from '@tmc/adapters/kube/bootstrap-kcp.ts';
import { atUrl, type KubeConnection } from '@tmc/adapters/kube/connection.ts';
import { Transport } from '@tmc/adapters/kube/http.ts';
import { createKcpHub, type KcpHub } from '@tmc/adapters/kube/hub-kcp.ts';
import { apiExport, apiResourceSchemas } from '@tmc/apis/export.ts';
import { formatGroupResource } from '@tmc/kernel/key.ts';
import { type Kubesim, startKubesim } from '@tmc/kubesim/index.ts';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';

/** Endpoints and kinds of an APIExport that come, change and go while a hub reads there. */
const EXPORT = { exportWorkspace: 'root:tmc', exportName: 'tmc.kcp.io' };
const TENANT = { path: 'root:tmc', name: 'tmc-tenant' };
const CONFIG_MAPS = { group: '', resource: 'configmaps' };
const KCP = '/clusters/root:tmc/apis/apis.kcp.io/';
const SLICES = 'apiexportendpointslices.apis.kcp.io';
const WAIT = { timeout: 20_000, interval: 20 };

let server: Kubesim;
let connection: KubeConnection;
let admin: Transport;
let hub: KcpHub | undefined;

beforeEach(async () => {
  server = await startKubesim({ kind: 'kcp', tokens: [{ token: 'powerless', user: 'powerless', groups: [] }] });
  connection = { url: server.url, ca: server.caPem, authorization: () => `Bearer ${server.adminToken}` };
  admin = new Transport(connection);
  const schemas = apiResourceSchemas();
  await ensureKcpExport({ connection, exportWorkspace: 'root:tmc', schemas, apiExport: apiExport(schemas) });
});
afterEach(async () => {
  await hub?.close();
  hub = undefined;
  admin.close();
  await server.close();
});

const openHub = async (options: Partial<Parameters<typeof createKcpHub>[0]> = {}) => {
  hub = await createKcpHub({ connection, ...EXPORT, readExportEveryMs: 20, ...options });
  return hub;
};
const paths = (of: KcpHub) => of.sources().map(({ endpoint }) => new URL(endpoint).pathname);
const ok = async (answer: Promise<{ status: number; body: string }>) => {
  const { status, body } = await answer;
  expect(status, body).toBeLessThan(300);
};
/** Nobody is bound any more: the slice has no endpoint. */
const unbind = () => ok(admin.request({ method: 'DELETE', path: `${KCP}v1alpha2/apibindings/tmc.kcp.io` }));

/** Writes other URLs into the slice, as shards that come and go do. */
function setEndpoints(...suffixes: string[]): void {
  const slice = server.store.list(SLICES).find(({ metadata }) => metadata.name === 'tmc.kcp.io');
  if (!slice) throw new Error('no slice');
  const cluster = slice.metadata.annotations?.['kcp.io/cluster'] ?? '';
  const endpoints = suffixes.map((suffix) => ({ url: `${server.url}/services/apiexport/${suffix}` }));
  const place = { storage: SLICES, cluster, namespace: '', name: 'tmc.kcp.io' };
  server.store.put(place, { ...slice, status: endpoints.length ? { endpoints } : {} });
}

it('an export nobody is bound to has no sources; they appear with the first workspace', async () => {
  await unbind();
  const opened = await openHub();
  expect(opened.sources()).toEqual([]);
  expect(opened.endpointsError()).toBeUndefined();
  const seen: number[] = [];
  opened.onSources((sources) => seen.push(sources.length));
  await server.createWorkspace('root:alice', TENANT);
  await vi.waitFor(() => expect(seen).toEqual([1]), WAIT);
  await opened.sources()[0]?.page(CONFIG_MAPS, { signal: AbortSignal.timeout(10_000) });
});

it('an export that loses its endpoints ends what is read there, and tells of no deletion', async () => {
  const opened = await openHub();
  const [source] = opened.sources();
  const alice = await server.createWorkspace('root:alice', TENANT);
  const key = { workspace: alice, ...CONFIG_MAPS, namespace: 'default', name: 'kept' };
  await vi.waitFor(async () => {
    const obj = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'kept', namespace: 'default' } };
    await opened.create(key, obj);
  }, WAIT);
  const types: string[] = [];
  let isOpen = false;
  const reading = (async () => {
    const opened = () => {
      isOpen = true;
    };
    const watch = { sendInitialEvents: true, timeoutSeconds: 300, signal: AbortSignal.timeout(60_000), opened };
    for await (const { type } of source?.watch(CONFIG_MAPS, watch) ?? []) types.push(type);
  })();
  const ended = expect(reading).rejects.toMatchObject({ kind: 'retry', facts: { type: 'ClusterUnreachable' } });
  await vi.waitFor(() => expect(isOpen && types.length > 0).toBe(true), WAIT);
  setEndpoints();
  await ended;
  expect(opened.sources()).toEqual([]);
  expect(types).not.toContain('DELETED');
});

it('changed URLs move the sources; one that stays is kept as it is', async () => {
  setEndpoints('a/tmc.kcp.io', 'b/tmc.kcp.io');
  const opened = await openHub();
  const [, kept] = opened.sources();
  setEndpoints('b/tmc.kcp.io', 'c/tmc.kcp.io');
  const moved = ['/services/apiexport/b/tmc.kcp.io', '/services/apiexport/c/tmc.kcp.io'];
  await vi.waitFor(() => expect(paths(opened)).toEqual(moved), WAIT);
  expect(opened.sources()[0]).toBe(kept);
});

it.each([
  ['410', () => server.expire(), undefined],
  ['403', () => server.faults.add({ path: 'apiexportendpointslices', fault: { kind: 'status', code: 403 } }), /403/],
  ['404 as text', () => refuse404(), /404/],
])('the slice is followed on after a %s, and until then its last endpoints stay', async (_name, trouble, said) => {
  const opened = await openHub();
  const before = paths(opened);
  trouble();
  await server.restart();
  if (said) await vi.waitFor(() => expect(opened.endpointsError()).toMatch(said), WAIT);
  expect(paths(opened)).toEqual(before);
  setEndpoints('z/tmc.kcp.io');
  await vi.waitFor(() => expect(paths(opened)).toEqual(['/services/apiexport/z/tmc.kcp.io']), WAIT);
  await vi.waitFor(() => expect(opened.endpointsError()).toBeUndefined(), WAIT);
});

function refuse404(): void {
  const fault = { kind: 'text', code: 404, text: '404 page not found\n' } as const;
  server.faults.add({ path: 'apiexportendpointslices', fault });
}

it('the kinds to read follow what the export offers and claims', async () => {
  const opened = await openHub();
  const names = () => opened.resources().map(formatGroupResource);
  const all = names();
  expect(all).toEqual(expect.arrayContaining(['configmaps', 'deployments.apps', 'apibindings.apis.kcp.io']));
  expect(opened.resourcesError()).toBeUndefined();
  const changes: string[][] = [];
  const stop = opened.onResources((resources) => changes.push(resources.map(formatGroupResource)));
  const without = apiExport(apiResourceSchemas());
  const spec = without['spec'] as { resources: { name: string }[]; permissionClaims: { resource: string }[] };
  const patch = {
    spec: {
      resources: spec.resources.filter(({ name }) => name !== 'services'),
      permissionClaims: spec.permissionClaims.filter(({ resource }) => resource !== 'secrets'),
    },
  };
  const contentType = 'application/merge-patch+json';
  const path = `${KCP}v1alpha2/apiexports/tmc.kcp.io`;
  await ok(admin.request({ method: 'PATCH', path, contentType, body: JSON.stringify(patch) }));
  await vi.waitFor(() => expect(changes).toHaveLength(1), WAIT);
  expect(changes[0]).toEqual(all.filter((name) => name !== 'services' && name !== 'secrets'));
  stop();
});

it('an identity that may not read the export reads everything this version handles, and says why', async () => {
  const refusal = { path: 'apiexports/', times: 1_000, fault: { kind: 'status', code: 403 } } as const;
  const disarm = server.faults.add(refusal);
  const opened = await openHub({ connection: atUrl(connection, `${server.url}/clusters/root`) });
  expect(opened.resources().map(formatGroupResource)).toContain('deployments.apps');
  expect(opened.resourcesError()).toMatch(/apiexports.*403/);
  disarm();
  await vi.waitFor(() => expect(opened.resourcesError()).toBeUndefined(), WAIT);
});
