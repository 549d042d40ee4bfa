import { randomUUID } from 'node:crypto';
import { dropOrMark } from '../controllers/namespace.ts';
import { timestampOf } from '../controllers/time.ts';
import { type ApiObject, isRecord, recordAt, withMeta } from '../object.ts';
import type { Sim } from '../server/context.ts';
import { findType } from './admission.ts';
import { trueCondition } from './conditions.ts';
import { claimsOf } from './exports.ts';
import type { KcpLayer } from './layer.ts';
import {
  BINDINGS,
  CLUSTER_ANNOTATION,
  EXPORTS,
  LOGICAL_CLUSTERS,
  PATH_ANNOTATION,
  ROOT,
  WORKSPACE_FINALIZER,
  WORKSPACES,
} from './names.ts';

interface WorkspaceRef {
  storage: typeof WORKSPACES;
  /** The parent's logical cluster. */
  cluster: string;
  namespace: '';
  name: string;
}

const refOf = (cluster: string, name: string): WorkspaceRef => ({ storage: WORKSPACES, cluster, namespace: '', name });

/** Turns Workspaces into logical clusters, binds what their type says, and takes everything down again. */
export function runWorkspaceController(sim: Sim, layer: KcpLayer): () => void {
  createLogicalCluster(sim, layer, ROOT);
  const stops = [
    sim.store.subscribe(WORKSPACES, ({ type, cluster, name }) => {
      if (type !== 'DELETED') setImmediate(() => reconcile(sim, layer, refOf(cluster, name)));
    }),
    sim.store.subscribe(undefined, (event) => {
      if (event.type === 'DELETED' && event.storage !== WORKSPACES) retryDeletion(sim, layer, event.cluster);
      if (event.storage === BINDINGS) wakeWaiting(sim, layer, event.cluster);
    }),
    sim.store.subscribe(EXPORTS, ({ cluster, name, obj }) => maintain(sim, layer, { cluster, name, obj })),
  ];
  return () => {
    for (const stop of stops) stop();
  };
}

function workspaceOf(sim: Sim, layer: KcpLayer, cluster: string): WorkspaceRef | undefined {
  const path = layer.tree.pathOf(cluster);
  const at = path?.lastIndexOf(':') ?? -1;
  if (!path || at < 0) return undefined;
  const parent = layer.tree.find(path.slice(0, at));
  const ref = parent === undefined ? undefined : refOf(parent, path.slice(at + 1));
  return ref && sim.store.get(ref) ? ref : undefined;
}

function retryDeletion(sim: Sim, layer: KcpLayer, cluster: string): void {
  const ref = workspaceOf(sim, layer, cluster);
  if (ref && sim.store.get(ref)?.metadata.deletionTimestamp) setImmediate(() => reconcile(sim, layer, ref));
}

function wakeWaiting(sim: Sim, layer: KcpLayer, cluster: string): void {
  const ref = workspaceOf(sim, layer, cluster);
  const workspace = ref && sim.store.get(ref);
  if (ref && workspace && recordAt(workspace, 'status')['phase'] === 'Initializing')
    setImmediate(() => reconcile(sim, layer, ref));
}

function reconcile(sim: Sim, layer: KcpLayer, ref: WorkspaceRef): void {
  const workspace = sim.store.get(ref);
  if (!workspace) return;
  const cluster = recordAt(workspace, 'spec')['cluster'];
  if (workspace.metadata.deletionTimestamp) {
    takeDown(sim, layer, { ref, workspace, cluster: typeof cluster === 'string' ? cluster : undefined });
    return;
  }
  const phase = recordAt(workspace, 'status')['phase'];
  if (phase === 'Ready') return;
  if (typeof cluster !== 'string') {
    schedule(sim, layer, { ref, workspace });
    return;
  }
  if (waitsForBindings(sim, cluster)) return;
  sim.store.put(ref, { ...workspace, status: { ...recordAt(workspace, 'status'), phase: 'Ready' } });
}

const waitsForBindings = (sim: Sim, cluster: string): boolean =>
  sim.store.list(BINDINGS, { cluster }).some((binding) => recordAt(binding, 'status')['phase'] !== 'Bound');

function schedule(sim: Sim, layer: KcpLayer, { ref, workspace }: { ref: WorkspaceRef; workspace: ApiObject }): void {
  const { id, path } = layer.tree.add(ref.cluster, ref.name);
  createLogicalCluster(sim, layer, id);
  const spec = recordAt(workspace, 'spec');
  const type = recordAt(spec, 'type');
  bindDefaults(sim, layer, { cluster: id, path: String(type['path'] ?? ROOT), name: String(type['name']) });
  const finalizers = [...(workspace.metadata.finalizers ?? []), WORKSPACE_FINALIZER];
  const conditions = [trueCondition(sim, 'WorkspaceScheduled')];
  sim.store.put(
    ref,
    withMeta(
      {
        ...workspace,
        spec: { ...spec, cluster: id, URL: `${sim.url}/clusters/${path}` },
        status: { phase: 'Initializing', conditions },
      },
      { finalizers },
    ),
  );
}

function newMeta(sim: Sim, cluster: string, name: string, annotations: Record<string, string> = {}) {
  return {
    name,
    uid: randomUUID(),
    creationTimestamp: timestampOf(sim),
    annotations: { [CLUSTER_ANNOTATION]: cluster, ...annotations },
  };
}

function createLogicalCluster(sim: Sim, layer: KcpLayer, cluster: string): void {
  const path = layer.tree.pathOf(cluster) ?? cluster;
  sim.store.put(
    { storage: LOGICAL_CLUSTERS, cluster, namespace: '', name: 'cluster' },
    {
      apiVersion: 'core.kcp.io/v1alpha1',
      kind: 'LogicalCluster',
      metadata: newMeta(sim, cluster, 'cluster', { [PATH_ANNOTATION]: path }),
      spec: {},
      status: { phase: 'Ready', URL: `${sim.url}/clusters/${cluster}` },
    },
  );
  const labels = { 'kubernetes.io/metadata.name': 'default' };
  sim.store.put(
    { storage: 'namespaces.core', cluster, namespace: '', name: 'default' },
    {
      apiVersion: 'v1',
      kind: 'Namespace',
      metadata: { ...newMeta(sim, cluster, 'default', { 'bootstrap.kcp.io/create-only': 'true' }), labels },
      spec: { finalizers: ['kubernetes'] },
      status: { phase: 'Active' },
    },
  );
}

interface TypeRef {
  cluster: string;
  path: string;
  name: string;
}

/** Binds the default exports of a type and of the types it extends, accepting all their claims. */
function bindDefaults(sim: Sim, layer: KcpLayer, { cluster, path, name }: TypeRef): void {
  const type = findType({ sim, tree: layer.tree }, path, name);
  if (!type || type === true) return;
  const spec = recordAt(type, 'spec');
  const extended = recordAt(spec, 'extend')['with'];
  for (const base of Array.isArray(extended) ? extended.filter(isRecord) : [])
    bindDefaults(sim, layer, { cluster, path: String(base['path'] ?? ROOT), name: String(base['name']) });
  const defaults = spec['defaultAPIBindings'];
  for (const entry of Array.isArray(defaults) ? defaults.filter(isRecord) : []) {
    const exportPath = String(entry['path'] ?? path);
    const exportName = String(entry['export']);
    const exportCluster = layer.tree.find(exportPath);
    const exported =
      exportCluster === undefined ? undefined : layer.exports.find({ cluster: exportCluster, name: exportName });
    if (exported) createBinding(sim, { cluster, exportPath, exportName, permissionClaims: acceptAll(exported) });
  }
}

const MAINTAINED = 'internal.kubesim.dev/default-binding';

const acceptAll = (exported: ApiObject) =>
  claimsOf(exported).map((claim) => ({ ...claim, selector: { matchAll: true }, state: 'Accepted' }));

function createBinding(
  sim: Sim,
  parts: { cluster: string; exportPath: string; exportName: string; permissionClaims: unknown[] },
): void {
  const { cluster, exportPath, exportName, permissionClaims } = parts;
  const ref = { storage: BINDINGS, cluster, namespace: '', name: exportName };
  if (sim.store.get(ref)) return;
  sim.store.put(ref, {
    apiVersion: 'apis.kcp.io/v1alpha2',
    kind: 'APIBinding',
    metadata: { ...newMeta(sim, cluster, exportName, { [MAINTAINED]: 'true' }), generation: 1 },
    spec: { reference: { export: { path: exportPath, name: exportName } }, permissionClaims },
    status: { phase: 'Binding' },
  });
}

/** Bindings made by default follow the claims of their export. */
function maintain(
  sim: Sim,
  layer: KcpLayer,
  { cluster, name, obj }: { cluster: string; name: string; obj: ApiObject },
): void {
  for (const tenant of layer.exports.tenantsOf({ cluster, name })) {
    const { binding } = tenant;
    if (!binding.metadata.annotations?.[MAINTAINED]) continue;
    const permissionClaims = acceptAll(obj);
    const spec = recordAt(binding, 'spec');
    if (JSON.stringify(spec['permissionClaims']) === JSON.stringify(permissionClaims)) continue;
    const place = { storage: BINDINGS, cluster: tenant.cluster, namespace: '', name: binding.metadata.name ?? '' };
    sim.store.put(place, { ...binding, spec: { ...spec, permissionClaims } });
  }
}

/** Deletes everything in a workspace and then the workspace; finalizers in it hold it. */
function takeDown(
  sim: Sim,
  layer: KcpLayer,
  { ref, workspace, cluster }: { ref: WorkspaceRef; workspace: ApiObject; cluster: string | undefined },
): void {
  if (cluster !== undefined) {
    if (!emptyWorkspace(sim, cluster)) return;
    layer.tree.remove(cluster);
    sim.registry.forget(cluster);
  }
  if (!sim.store.get(ref)) return;
  const finalizers = (workspace.metadata.finalizers ?? []).filter((name) => name !== WORKSPACE_FINALIZER);
  if (finalizers.length) sim.store.put(ref, withMeta(workspace, { finalizers }));
  else sim.store.remove(ref);
}

const LAST = ['namespaces.core', LOGICAL_CLUSTERS];

/** Deletes what is in a workspace. @returns whether nothing is left */
function emptyWorkspace(sim: Sim, cluster: string): boolean {
  let left = 0;
  for (const storage of sim.store.storages().filter((name) => !LAST.includes(name)))
    for (const { metadata } of sim.store.list(storage, { cluster }))
      left += dropOrMark(sim, { storage, cluster, namespace: metadata.namespace ?? '', name: metadata.name ?? '' });
  if (left > 0) return false;
  for (const storage of LAST)
    for (const { metadata } of sim.store.list(storage, { cluster }))
      sim.store.remove({ storage, cluster, namespace: '', name: metadata.name ?? '' });
  return true;
}
