import {
  badRequest,
  conflict,
  failure,
  internalError,
  invalid,
  methodNotAllowed,
  notFound,
  staleObject,
} from '../api-error.ts';
import { type ApplyConflict, applyPatch } from '../apply/server-side-apply.ts';
import { type ApiObject, isRecord, withMeta } from '../object.ts';
import { groupVersionOf } from '../resources/definition.ts';
import { schemaOf } from '../resources/schema-of.ts';
import type { Sim } from '../server/context.ts';
import { parseYamlText } from '../server/media.ts';
import { checkBody } from './body.ts';
import { insert, refOf, timestamp } from './create.ts';
import { scopeOf } from './ownership.ts';
import { kindSubject, resourceSubject, type WriteRequest } from './request.ts';
import { commitUpdate } from './update.ts';

const LONGEST_MANAGER = 128;

/** Server-side apply. Creates what is absent (201). @throws ApiError 400, 404, 409, 422 or 500 */
export function applyObject(sim: Sim, request: WriteRequest, text: string): { obj: ApiObject; created: boolean } {
  checkManager(request);
  const applied = applyBody(request, text);
  const { def, name, subresource, view } = request.target;
  const live = sim.store.get(refOf(request, name));
  checkPreconditions(request, live, applied);
  if (!live && subresource) throw view ? methodNotAllowed(resourceSubject(def)) : notFound(resourceSubject(def, name));
  const result = applyPatch({
    ...scopeOf(def, subresource),
    live,
    applied,
    manager: request.manager,
    force: ['true', '1'].includes(request.query.get('force') ?? ''),
    schema: schemaOf(def),
    apiVersion: groupVersionOf(def),
    nowIso: timestamp(sim.clock.now()),
  });
  if ('failure' in result) throw internalError(result.failure);
  if ('conflicts' in result) throw conflictError(result.conflicts);
  const next = withMeta(result.object as ApiObject, { resourceVersion: undefined });
  if (view) return forwardAsUpdate(sim, request, { live, next });
  if (live) return { obj: commitUpdate(sim, request, { old: live, next, owned: true }), created: false };
  return { obj: insert(sim, request, next, { owned: true }), created: true };
}

/**
 * kcp's endpoints compute an apply themselves and forward the result as an ordinary create or PUT of the same manager: what
 * changed is then owned as Update too, which is why a manager meets itself in the next conflict and drops nothing.
 */
function forwardAsUpdate(
  sim: Sim,
  request: WriteRequest,
  { live, next }: { live: ApiObject | undefined; next: ApiObject },
): { obj: ApiObject; created: boolean } {
  if (live) return { obj: commitUpdate(sim, request, { old: live, next }), created: false };
  return { obj: insert(sim, request, withMeta(next, { managedFields: undefined })), created: false };
}

function checkManager({ query, manager }: WriteRequest): void {
  const options = { group: 'meta.k8s.io', kind: 'PatchOptions' };
  const field = 'fieldManager';
  if (!query.get('fieldManager'))
    throw invalid(options, [
      { reason: 'FieldValueRequired', field, message: 'Required value: is required for apply patch' },
    ]);
  if (manager.length > LONGEST_MANAGER)
    throw invalid(options, [
      { reason: 'FieldValueTooLong', field, message: `Too long: may not be more than ${LONGEST_MANAGER} bytes` },
    ]);
}

function applyBody(request: WriteRequest, text: string): ApiObject {
  const { def, name } = request.target;
  let body: unknown;
  try {
    body = parseYamlText(text, request.fieldValidation === 'Strict');
  } catch (error) {
    throw badRequest(`error decoding YAML: ${error instanceof Error ? error.message : String(error)}`);
  }
  if (!isRecord(body)) throw badRequest('the apply is not an object');
  if (typeof body['apiVersion'] !== 'string' || typeof body['kind'] !== 'string')
    throw badRequest('invalid object type: apiVersion and kind must be set in an apply');
  const applied = checkBody(request, body);
  if (applied.metadata.managedFields !== undefined) throw badRequest('metadata.managedFields must be nil');
  if (applied.metadata.name !== name)
    throw badRequest(
      `the name of the object (${applied.metadata.name ?? ''}) does not match the name on the URL (${name})`,
    );
  return def.namespaced ? withMeta(applied, { namespace: request.target.namespace }) : applied;
}

/** An uid or resourceVersion in the body says which object is meant. */
function checkPreconditions(request: WriteRequest, live: ApiObject | undefined, applied: ApiObject): void {
  const { def, name } = request.target;
  const { uid, resourceVersion } = applied.metadata;
  if (!live) {
    if (request.target.view && resourceVersion)
      throw internalError('resourceVersion should not be set on objects to be created');
    if (!uid) return;
    throw conflict(
      resourceSubject(def, name),
      `Precondition failed: UID in precondition: ${uid}, UID in object meta: `,
    );
  }
  if (uid && uid !== live.metadata.uid && request.target.view)
    throw conflict(
      resourceSubject(def, name),
      `Precondition failed: UID in precondition: ${uid}, UID in object meta: ${live.metadata.uid}`,
    );
  if (uid && uid !== live.metadata.uid)
    throw invalid(kindSubject(def, name), [
      { reason: 'FieldValueInvalid', field: 'metadata.uid', message: `Invalid value: "${uid}": field is immutable` },
    ]);
  if (resourceVersion && resourceVersion !== '0' && resourceVersion !== live.metadata.resourceVersion)
    throw staleObject(resourceSubject(def, name));
}

function conflictError(conflicts: ApplyConflict[]) {
  const causes = conflicts.map(({ field, message }) => ({ reason: 'FieldManagerConflict', message, field }));
  const plural = conflicts.length === 1 ? 'conflict' : 'conflicts';
  const all = conflicts.map(({ message, field }) => `${message}: ${field}`).join(', ');
  return failure(409, `Apply failed with ${conflicts.length} ${plural}: ${all}`, {
    reason: 'Conflict',
    details: { causes },
  });
}
