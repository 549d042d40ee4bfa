import { randomUUID } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import { timestampOf } from '../controllers/time.ts';
import { type ApiObject, recordAt } from '../object.ts';
import type { Sim } from '../server/context.ts';
import { trueCondition } from './conditions.ts';
import { type ExportRef, identityHashOf } from './exports.ts';
import type { KcpLayer } from './layer.ts';
import { BINDINGS, CLUSTER_ANNOTATION, EXPORTS, SLICES } from './names.ts';

/** Gives exports their identity and keeps one endpoint slice per export, with a URL while anyone is bound. */
export function runExportController(sim: Sim, layer: KcpLayer): () => void {
  const stops = [
    sim.store.subscribe(EXPORTS, ({ type, cluster, name, obj }) => {
      if (type === 'DELETED') sim.store.remove({ storage: SLICES, cluster, namespace: '', name });
      else prepare(sim, layer, { cluster, name, obj });
    }),
    sim.store.subscribe(BINDINGS, ({ cluster, obj }) => {
      const ref = layer.exports.refOf(cluster, obj);
      if (ref) updateSlice(sim, layer, ref);
    }),
  ];
  return () => {
    for (const stop of stops) stop();
  };
}

function prepare(sim: Sim, layer: KcpLayer, { cluster, name, obj }: ExportRef & { obj: ApiObject }): void {
  const identityHash = identityHashOf({ cluster, name });
  if (recordAt(obj, 'status')['identityHash'] !== identityHash) {
    const conditions = [trueCondition(sim, 'IdentityValid'), trueCondition(sim, 'VirtualWorkspaceURLsReady')];
    sim.store.put(
      { storage: EXPORTS, cluster, namespace: '', name },
      { ...obj, status: { ...recordAt(obj, 'status'), identityHash, conditions } },
    );
  }
  const place = { storage: SLICES, cluster, namespace: '', name };
  if (sim.store.get(place)) return;
  const metadata = {
    name,
    uid: randomUUID(),
    creationTimestamp: timestampOf(sim),
    generation: 1,
    annotations: { [CLUSTER_ANNOTATION]: cluster },
  };
  const spec = { export: { path: layer.tree.pathOf(cluster), name } };
  sim.store.put(place, {
    apiVersion: 'apis.kcp.io/v1alpha1',
    kind: 'APIExportEndpointSlice',
    metadata,
    spec,
    status: {},
  });
}

function updateSlice(sim: Sim, layer: KcpLayer, ref: ExportRef): void {
  const place = { storage: SLICES, cluster: ref.cluster, namespace: '', name: ref.name };
  const slice = sim.store.get(place);
  if (!slice) return;
  const endpoints = [{ url: `${sim.url}/services/apiexport/${ref.cluster}/${ref.name}` }];
  const status = layer.exports.tenantsOf(ref).length ? { endpoints } : {};
  if (!isDeepStrictEqual(slice['status'], status)) sim.store.put(place, { ...slice, status });
}
