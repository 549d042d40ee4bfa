import { type ApiObject, recordAt, withMeta } from '../object.ts';
import type { Sim } from '../server/context.ts';
import type { StoreEvent } from '../store/store.ts';
import { timestampOf } from './time.ts';

const NAMESPACES = 'namespaces.core';

/** Empties terminating namespaces and removes them once nothing in them is held by a finalizer. */
export function runNamespaceController(sim: Sim): () => void {
  return sim.store.subscribe(undefined, (event) => {
    if (event.storage === NAMESPACES && event.type !== 'DELETED') later(sim, event.cluster, event.name);
    else if (event.type === 'DELETED' && event.namespace && isTerminating(sim, event))
      later(sim, event.cluster, event.namespace);
  });
}

const namespaceOf = (sim: Sim, cluster: string, name: string): ApiObject | undefined =>
  sim.store.get({ storage: NAMESPACES, cluster, namespace: '', name });

const isTerminating = (sim: Sim, event: StoreEvent): boolean =>
  Boolean(namespaceOf(sim, event.cluster, event.namespace)?.metadata.deletionTimestamp);

/** A controller notices a little later than the writer: never within the request itself. */
function later(sim: Sim, cluster: string, name: string): void {
  if (!namespaceOf(sim, cluster, name)?.metadata.deletionTimestamp) return;
  setImmediate(() => empty(sim, cluster, name));
}

function empty(sim: Sim, cluster: string, name: string): void {
  const namespace = namespaceOf(sim, cluster, name);
  if (!namespace?.metadata.deletionTimestamp) return;
  let left = 0;
  for (const storage of sim.store.storages())
    for (const obj of sim.store.list(storage, { cluster, namespace: name }))
      left += dropOrMark(sim, { storage, cluster, namespace: name, name: obj.metadata.name ?? '' });
  if (left > 0 || namespace.metadata.finalizers?.length) return;
  sim.store.remove(
    { storage: NAMESPACES, cluster, namespace: '', name },
    { ...namespace, spec: { ...recordAt(namespace, 'spec'), finalizers: [] } },
  );
}

/** Deletes an object as a DELETE request would. @returns 1 when a finalizer holds it, 0 when it is gone */
export function dropOrMark(
  sim: Sim,
  ref: { storage: string; cluster: string; namespace: string; name: string },
): number {
  const obj = sim.store.get(ref);
  if (!obj) return 0;
  if (!obj.metadata.finalizers?.length) {
    sim.store.remove(ref);
    return 0;
  }
  const { deletionTimestamp, generation } = obj.metadata;
  if (!deletionTimestamp) {
    const marked = { deletionTimestamp: timestampOf(sim), deletionGracePeriodSeconds: 0 };
    // What counts its generations counts its deletion too.
    sim.store.put(ref, withMeta(obj, generation === undefined ? marked : { ...marked, generation: generation + 1 }));
  }
  return 1;
}
