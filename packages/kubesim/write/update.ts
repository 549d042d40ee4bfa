import { badRequest, conflict, failure, invalid, notFound, staleObject } from '../api-error.ts';
import { type ApiObject, withMeta, without } from '../object.ts';
import type { Sim } from '../server/context.ts';
import { checkBody } from './body.ts';
import { refOf } from './create.ts';
import { finishObject, isNoOp } from './finish.ts';
import { checkMetadata } from './metadata.ts';
import { kindSubject, resourceSubject, type WriteRequest } from './request.ts';

/**
 * PUT: replaces an object.
 * @throws ApiError 400, 404, 409 (stale resourceVersion, other uid) or 422
 */
export function replaceObject(sim: Sim, request: WriteRequest, body: unknown): ApiObject {
  const { def, name } = request.target;
  const next = checkBody(request, body);
  if (!next.metadata.name) throw badRequest('name must be provided');
  if (next.metadata.name !== name)
    throw badRequest(`the name of the object (${next.metadata.name}) does not match the name on the URL (${name})`);
  const sent = next.metadata.resourceVersion;
  if (sent && !/^\d+$/.test(sent)) throw failure(500, `strconv.ParseUint: parsing "${sent}": invalid syntax`);
  const old = currentObject(sim, request);
  const { uid } = next.metadata;
  if (uid && uid !== old.metadata.uid)
    throw conflict(
      resourceSubject(def, name),
      `Precondition failed: UID in precondition: ${uid}, UID in object meta: ${old.metadata.uid}`,
    );
  const guarded = def.custom || def.storage === 'leases.coordination.k8s.io';
  const unconditional = !guarded || request.target.subresource !== '';
  if (!sent && !unconditional)
    throw invalid(resourceSubject(def, name), [
      {
        reason: 'FieldValueInvalid',
        field: 'metadata.resourceVersion',
        message: 'Invalid value: 0: must be specified for an update',
      },
    ]);
  if (sent && sent !== old.metadata.resourceVersion) throw staleObject(resourceSubject(def, name));
  return commitUpdate(sim, request, { old, next });
}

/** The stored object a write is about. @throws ApiError 404 */
export function currentObject(sim: Sim, request: WriteRequest): ApiObject {
  const { def, name, view } = request.target;
  const found = sim.store.get(refOf(request, name));
  if (!found || (view?.visible && !view.visible(found))) throw notFound(resourceSubject(def, name));
  return found;
}

/** Stores a changed object: what the subresource may change, then the steps all writes share; the last finalizer going deletes it. */
export function commitUpdate(
  sim: Sim,
  request: WriteRequest,
  change: { old: ApiObject; next: ApiObject; owned?: boolean },
): ApiObject {
  const { def, name, cluster, namespace } = request.target;
  const { old } = change;
  const next = allowedChange(request, old, change.next);
  checkFinalizers(request, old, next);
  checkMetadata(next, kindSubject(def, name), def);
  const place = { def, cluster, namespace, name };
  const admitted = sim.layer?.admit(next, { ...place, old, user: request.user }) ?? next;
  const finished = finishObject(sim, request, { old, next: admitted, ...(change.owned ? { owned: true } : {}) });
  if (isNoOp(old, finished)) return old;
  if (request.dryRun) return withMeta(finished, { resourceVersion: old.metadata.resourceVersion });
  sim.countWrite(request.target);
  const ref = refOf(request, name);
  if (finished.metadata.deletionTimestamp && !finished.metadata.finalizers?.length && !holdsNamespace(finished)) {
    sim.store.remove(ref, old);
    return withMeta(finished, { resourceVersion: old.metadata.resourceVersion });
  }
  return sim.store.put(ref, finished);
}

/** A namespace also waits for the entries in `spec.finalizers`. */
export const holdsNamespace = (obj: ApiObject): boolean => {
  if (obj.kind !== 'Namespace' || obj.apiVersion !== 'v1') return false;
  const spec = obj['spec'] as { finalizers?: string[] } | undefined;
  return Boolean(spec?.finalizers?.length);
};

const FIXED = [
  'uid',
  'creationTimestamp',
  'deletionTimestamp',
  'deletionGracePeriodSeconds',
  'generation',
  'resourceVersion',
  'name',
  'namespace',
] as const;

/** What of `next` the addressed (sub)resource may change; the rest comes from `old`. */
function allowedChange(request: WriteRequest, old: ApiObject, next: ApiObject): ApiObject {
  const { def, subresource } = request.target;
  const fixed = Object.fromEntries(FIXED.map((field) => [field, old.metadata[field]]));
  const metadata = { ...next.metadata, ...fixed };
  if (subresource === 'status') {
    const kept = without(old, 'status');
    const annotations = def.storage === 'deployments.apps' ? { annotations: next.metadata.annotations } : {};
    const meta = { ...annotations, managedFields: next.metadata.managedFields };
    const status = next['status'] === undefined ? {} : { status: next['status'] };
    return withMeta({ ...kept, ...status } as ApiObject, meta);
  }
  const body = def.status ? without(next, 'status') : next;
  const status = def.status && old['status'] !== undefined ? { status: old['status'] } : {};
  return withMeta({ ...body, ...status, apiVersion: next.apiVersion ?? '' } as ApiObject, metadata);
}

function checkFinalizers(request: WriteRequest, old: ApiObject, next: ApiObject): void {
  if (!old.metadata.deletionTimestamp) return;
  const before = old.metadata.finalizers ?? [];
  const added = (next.metadata.finalizers ?? []).filter((finalizer) => !before.includes(finalizer));
  if (!added.length) return;
  const message = `Forbidden: no new finalizers can be added if the object is being deleted, found new finalizers ${JSON.stringify(added)}`;
  throw invalid(kindSubject(request.target.def, request.target.name), [
    { reason: 'FieldValueForbidden', field: 'metadata.finalizers', message },
  ]);
}
