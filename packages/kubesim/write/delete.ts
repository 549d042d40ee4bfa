import { badRequest, conflict, invalid, success } from '../api-error.ts';
import { type ApiObject, isRecord, recordAt, withMeta } from '../object.ts';
import type { ListMeta } from '../read/encode.ts';
import { selectionOf } from '../read/selection.ts';
import type { Sim } from '../server/context.ts';
import { refOf, timestamp } from './create.ts';
import { kindSubject, type WriteRequest } from './request.ts';
import { currentObject, holdsNamespace } from './update.ts';

export interface DeleteOptions {
  uid: string | undefined;
  resourceVersion: string | undefined;
  propagation: string | undefined;
}

/** Options from the body, with propagationPolicy also taken from the query. */
export function deleteOptions(body: unknown, query: URLSearchParams): DeleteOptions {
  if (body !== undefined && !isRecord(body)) throw badRequest('the delete options are not an object');
  const policy = (isRecord(body) ? body['propagationPolicy'] : undefined) ?? query.get('propagationPolicy');
  if (policy && !POLICIES.includes(String(policy))) throw unknownPolicy(String(policy));
  const preconditions = recordAt(body, 'preconditions');
  const text = (value: unknown) => (typeof value === 'string' && value ? value : undefined);
  const orphan = recordAtBoolean(body, 'orphanDependents') ? 'Orphan' : undefined;
  return {
    uid: text(preconditions['uid']),
    resourceVersion: text(preconditions['resourceVersion']),
    propagation: text(policy) ?? orphan,
  };
}

const POLICIES = ['Background', 'Foreground', 'Orphan'];

const unknownPolicy = (policy: string) =>
  invalid({ group: 'meta.k8s.io', kind: 'DeleteOptions' }, [
    {
      reason: 'FieldValueNotSupported',
      field: 'propagationPolicy',
      message: `Unsupported value: "${policy}": supported values: ${POLICIES.join(', ')}`,
    },
  ]);

const recordAtBoolean = (body: unknown, field: string): boolean => isRecord(body) && body[field] === true;

/**
 * Deletes an object: at once, or, while finalizers hold it, by marking it.
 * @returns a Status of success or the marked object
 * @throws ApiError 404 or 409 (preconditions)
 */
export function deleteObject(sim: Sim, request: WriteRequest, options: DeleteOptions): unknown {
  const { def, name } = request.target;
  const old = currentObject(sim, request);
  checkPreconditions(request, old, options);
  sim.layer?.admit(old, {
    def,
    cluster: request.target.cluster,
    namespace: request.target.namespace,
    name,
    old,
    user: request.user,
  });
  const marked = removeOrMark(sim, request, { old, propagation: options.propagation });
  return marked ?? success({ ...detailsOf(request, name), uid: old.metadata.uid ?? '' });
}

const detailsOf = (request: WriteRequest, name: string) => {
  const { def } = request.target;
  return { name, ...(def.group ? { group: def.group } : {}), kind: def.plural };
};

function checkPreconditions(request: WriteRequest, old: ApiObject, options: DeleteOptions): void {
  const subject = kindSubject(request.target.def, request.target.name);
  const wrong = (what: string, sent: string, has: string | undefined) =>
    conflict(subject, `Precondition failed: ${what} in precondition: ${sent}, ${what} in object meta: ${has}`);
  if (options.uid && options.uid !== old.metadata.uid) throw wrong('UID', options.uid, old.metadata.uid);
  if (options.resourceVersion && options.resourceVersion !== old.metadata.resourceVersion)
    throw wrong('ResourceVersion', options.resourceVersion, old.metadata.resourceVersion);
}

/** @returns the object as it stays, marked for deletion; undefined when it is gone */
function removeOrMark(
  sim: Sim,
  request: WriteRequest,
  { old, propagation }: { old: ApiObject; propagation: string | undefined },
): ApiObject | undefined {
  const ref = refOf(request, old.metadata.name ?? '');
  const finalizers = withPropagation(old.metadata.finalizers ?? [], propagation);
  if (finalizers.length === 0 && !holdsNamespace(old)) {
    if (request.dryRun) return undefined;
    sim.countWrite(request.target);
    sim.store.remove(ref);
    return undefined;
  }
  if (old.metadata.deletionTimestamp) return old;
  const now = timestamp(sim.clock.now());
  const isNamespace = holdsNamespace(old);
  const marked = withMeta(
    isNamespace ? { ...old, status: { ...recordAt(old, 'status'), phase: 'Terminating' } } : old,
    {
      deletionTimestamp: now,
      ...(isNamespace ? {} : { deletionGracePeriodSeconds: 0 }),
      ...(finalizers.length ? { finalizers } : {}),
      ...(request.target.def.custom && old.metadata.generation ? { generation: old.metadata.generation + 1 } : {}),
    },
  );
  if (request.dryRun) return marked;
  sim.countWrite(request.target);
  return sim.store.put(ref, marked);
}

function withPropagation(finalizers: string[], propagation: string | undefined): string[] {
  const own = finalizers.filter((name) => name !== 'orphan' && name !== 'foregroundDeletion');
  if (propagation === 'Orphan') return [...own, 'orphan'];
  if (propagation === 'Foreground') return [...own, 'foregroundDeletion'];
  return finalizers;
}

/** Deletes all selected objects of a collection; answers with the list of them. */
export function deleteCollection(
  sim: Sim,
  request: WriteRequest,
  options: DeleteOptions,
): { items: ApiObject[]; meta: ListMeta } {
  const { target } = request;
  const selection = selectionOf(target, request.query);
  const scope = { cluster: target.cluster, namespace: target.namespace || undefined };
  const items: ApiObject[] = [];
  for (const old of sim.store.list(target.def.storage, scope).filter(selection.matches)) {
    const { name = '', namespace = '' } = old.metadata;
    const one = { ...request, target: { ...target, name, namespace } };
    items.push(removeOrMark(sim, one, { old, propagation: options.propagation }) ?? old);
  }
  return { items, meta: { resourceVersion: String(sim.store.revision) } };
}
