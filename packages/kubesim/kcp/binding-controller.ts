import { isDeepStrictEqual } from 'node:util';
import { dropOrMark } from '../controllers/namespace.ts';
import { type ApiObject, isRecord, recordAt, withMeta, without } from '../object.ts';
import type { ResourceDef } from '../resources/definition.ts';
import type { Sim } from '../server/context.ts';
import { trueCondition } from './conditions.ts';
import { type ExportRef, identityHashOf } from './exports.ts';
import type { KcpLayer } from './layer.ts';
import { BINDING_FINALIZER, BINDINGS, EXPORTS } from './names.ts';

/** Binds APIBindings: serves the exported resources in the tenant, reports claims, and cleans up when a binding goes. */
export function runBindingController(sim: Sim, layer: KcpLayer): () => void {
  const stops = [
    sim.store.subscribe(BINDINGS, ({ type, cluster, name }) => {
      if (type === 'DELETED') sim.registry.define(cluster, `binding:${name}`, []);
      else setImmediate(() => reconcile(sim, layer, { cluster, name }));
    }),
    sim.store.subscribe(EXPORTS, ({ cluster, name }) => rebind(sim, layer, { cluster, name })),
    sim.store.subscribe(undefined, ({ type, cluster, storage }) => {
      if (type === 'DELETED' && storage.includes(':')) retryDeletions(sim, layer, cluster);
    }),
  ];
  return () => {
    for (const stop of stops) stop();
  };
}

/** After an export changed, all bindings of it (bound or waiting for it) are looked at again. */
function rebind(sim: Sim, layer: KcpLayer, ref: ExportRef): void {
  for (const binding of sim.store.list(BINDINGS)) {
    const cluster = binding.metadata.annotations?.['kcp.io/cluster'] ?? '';
    const found = layer.exports.refOf(cluster, binding);
    const name = binding.metadata.name ?? '';
    if (found?.cluster === ref.cluster && found.name === ref.name)
      setImmediate(() => reconcile(sim, layer, { cluster, name }));
  }
}

function retryDeletions(sim: Sim, layer: KcpLayer, cluster: string): void {
  for (const binding of sim.store.list(BINDINGS, { cluster }))
    if (binding.metadata.deletionTimestamp)
      setImmediate(() => reconcile(sim, layer, { cluster, name: binding.metadata.name ?? '' }));
}

function reconcile(sim: Sim, layer: KcpLayer, { cluster, name }: { cluster: string; name: string }): void {
  const place = { storage: BINDINGS, cluster, namespace: '', name };
  const binding = sim.store.get(place);
  if (!binding) return;
  const ref = layer.exports.refOf(cluster, binding);
  const exported = ref && layer.exports.find(ref);
  if (binding.metadata.deletionTimestamp) {
    unbind(sim, place, { binding, defs: ref ? layer.exports.resourcesOf(ref) : [] });
    return;
  }
  if (!ref || !exported) return;
  const defs = layer.exports.resourcesOf(ref);
  const next = bound(sim, { binding, exported, ref, defs, conflict: conflictOf(sim, { cluster, name, defs }) });
  if (recordAt(next, 'status')['phase'] === 'Bound') sim.registry.define(cluster, `binding:${name}`, defs);
  if (!isDeepStrictEqual(next, binding)) sim.store.put(place, next);
}

/** A resource of the same name the tenant already has from elsewhere. */
function conflictOf(
  sim: Sim,
  { cluster, name, defs }: { cluster: string; name: string; defs: ResourceDef[] },
): string | undefined {
  const mine = sim.registry.definedBy(cluster, `binding:${name}`);
  const clash = defs.find((def) => {
    const known = sim.registry.find(cluster, def);
    return known && known.storage !== def.storage && !mine.includes(known);
  });
  return clash && `${clash.plural}.${clash.group || 'core'}`;
}

interface Bound {
  binding: ApiObject;
  exported: ApiObject;
  ref: ExportRef;
  defs: ResourceDef[];
  conflict: string | undefined;
}

function bound(sim: Sim, { binding, exported, ref, defs, conflict }: Bound): ApiObject {
  const identityHash = identityHashOf(ref);
  const status = recordAt(binding, 'status');
  const claims = (of: ApiObject) => {
    const found = recordAt(of, 'spec')['permissionClaims'];
    return Array.isArray(found) ? found.filter(isRecord) : [];
  };
  const wasBound = status['phase'] === 'Bound' && !conflict;
  const schemas = recordAt(exported, 'spec')['resources'];
  const boundResources = (Array.isArray(schemas) ? schemas.filter(isRecord) : [])
    .filter((entry) => defs.some((def) => def.group === entry['group'] && def.plural === entry['name']))
    .map((entry) => ({
      group: entry['group'],
      resource: entry['name'],
      schema: { name: entry['schema'], UID: '', identityHash },
      storageVersions: [
        ...new Set(defs.filter((def) => def.plural === entry['name']).map((def) => def.storageVersion)),
      ],
    }));
  const finalizers = binding.metadata.finalizers ?? [];
  const next = {
    ...status,
    apiExportClusterName: ref.cluster,
    phase: conflict ? 'Binding' : 'Bound',
    conditions: conditionsOf(sim, { wasBound, conflict, known: status['conditions'] }),
    ...(conflict ? {} : { boundResources }),
    exportPermissionClaims: claims(exported),
    appliedPermissionClaims: claims(binding)
      .filter((claim) => claim['state'] === 'Accepted')
      .map((claim) => without(claim, 'state')),
  };
  return withMeta(
    { ...binding, status: next },
    { finalizers: finalizers.includes(BINDING_FINALIZER) ? finalizers : [...finalizers, BINDING_FINALIZER] },
  );
}

const CONDITIONS = [
  'Ready',
  'APIExportValid',
  'BindingUpToDate',
  'InitialBindingCompleted',
  'PermissionClaimsApplied',
  'PermissionClaimsValid',
];

function conditionsOf(
  sim: Sim,
  { wasBound, conflict, known }: { wasBound: boolean; conflict: string | undefined; known: unknown },
): unknown {
  if (wasBound && known) return known;
  const all = CONDITIONS.map((type) => trueCondition(sim, type));
  if (!conflict) return all;
  const failing = ['Ready', 'BindingUpToDate', 'InitialBindingCompleted'];
  const message = `naming conflict with a bound or local resource: ${conflict}`;
  return all.map((condition) =>
    failing.includes(condition.type)
      ? { ...condition, status: 'False', severity: 'Error', reason: 'NamingConflicts', message }
      : condition,
  );
}

/** Deletes the tenant's objects of the bound resources; finalizers on them hold the binding. */
function unbind(
  sim: Sim,
  place: { storage: string; cluster: string; namespace: string; name: string },
  { binding, defs }: { binding: ApiObject; defs: ResourceDef[] },
): void {
  const { cluster } = place;
  let left = 0;
  for (const storage of new Set(defs.map((def) => def.storage)))
    for (const obj of sim.store.list(storage, { cluster }))
      left += dropOrMark(sim, {
        storage,
        cluster,
        namespace: obj.metadata.namespace ?? '',
        name: obj.metadata.name ?? '',
      });
  const others = (binding.metadata.finalizers ?? []).filter((name) => name !== BINDING_FINALIZER);
  if (left > 0) {
    waiting(sim, place, binding);
    return;
  }
  if (!sim.store.get(place)) return;
  if (others.length === 0) sim.store.remove(place);
  else if (binding.metadata.finalizers?.includes(BINDING_FINALIZER))
    sim.store.put(place, withMeta(binding, { finalizers: others }));
}

function waiting(
  sim: Sim,
  place: { storage: string; cluster: string; namespace: string; name: string },
  binding: ApiObject,
): void {
  const type = 'BindingResourceDeleteSuccess';
  const known = recordAt(binding, 'status')['conditions'];
  const conditions = Array.isArray(known) ? known.filter(isRecord) : [];
  if (conditions.some((condition) => condition['type'] === type)) return;
  const condition = {
    ...trueCondition(sim, type),
    status: 'False',
    reason: 'SomeFinalizersRemain',
    message: 'finalizers remaining',
  };
  sim.store.put(place, {
    ...binding,
    status: { ...recordAt(binding, 'status'), conditions: [...conditions, condition] },
  });
}
