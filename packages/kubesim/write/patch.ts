import { badRequest, failure, invalid, staleObject, unsupportedMediaType } from '../api-error.ts';
import { type ApiObject, isRecord } from '../object.ts';
import type { Sim } from '../server/context.ts';
import { parseBody } from '../server/media.ts';
import { applyObject } from './apply.ts';
import { checkBody } from './body.ts';
import { mergeInto } from './patch-types.ts';
import { kindSubject, resourceSubject, type WriteRequest } from './request.ts';
import { commitUpdate, currentObject } from './update.ts';

export const APPLY = 'application/apply-patch+yaml';
const PATCH_TYPES = [
  'application/json-patch+json',
  'application/merge-patch+json',
  'application/strategic-merge-patch+json',
  APPLY,
];

/** What is served from a schema has no strategy. */
const CUSTOM_PATCH_TYPES = PATCH_TYPES.filter((type) => type !== 'application/strategic-merge-patch+json');

/** PATCH of any kind. `created` tells an apply that made the object. @throws ApiError */
export function patchObject(
  sim: Sim,
  request: WriteRequest,
  sent: { type: string; text: string },
): { obj: ApiObject; created: boolean } {
  const { def } = request.target;
  if (!PATCH_TYPES.includes(sent.type))
    throw unsupportedMediaType(
      `the body of the request was in an unknown format - accepted media types include: ${PATCH_TYPES.join(', ')}`,
      request.target.view !== undefined,
    );
  if (sent.type === 'application/strategic-merge-patch+json' && def.custom && !acceptsStrategic(sim, def.group))
    throw unsupportedMediaType(
      `the body of the request was in an unknown format - accepted media types include: ${CUSTOM_PATCH_TYPES.join(', ')}`,
      true,
    );
  if (sent.type !== APPLY && request.query.get('force') !== null) throw forceForbidden();
  if (sent.type === APPLY) return applyObject(sim, request, sent.text);
  const patch = parseBody(sent.text, 'application/json');
  const old = currentObject(sim, request);
  const next = mergeInto(old, patch, { type: sent.type, def });
  if (!isRecord(next)) throw badRequest('the patched object is not an object');
  checkPatched(request, old, next as ApiObject);
  return { obj: commitUpdate(sim, request, { old, next: checkBody(request, next) }), created: false };
}

const forceForbidden = () =>
  invalid({ group: 'meta.k8s.io', kind: 'PatchOptions' }, [
    { reason: 'FieldValueForbidden', field: 'force', message: 'Forbidden: may not be specified for non-apply patch' },
  ]);

/** kcp takes strategic patches for groups built into Kubernetes clients though it serves them from schemas. */
const acceptsStrategic = (sim: Sim, group: string): boolean =>
  sim.kind === 'kcp' && ['', 'apps', 'batch', 'autoscaling', 'policy'].includes(group);

/** A resourceVersion in a patch is a precondition, an uid must be right, and nothing can be renamed. */
function checkPatched(request: WriteRequest, old: ApiObject, next: ApiObject): void {
  const { def, name } = request.target;
  const metadata = isRecord(next.metadata) ? next.metadata : {};
  const { resourceVersion: sent, uid } = metadata as ApiObject['metadata'];
  if (sent && !/^\d+$/.test(sent)) throw failure(500, `strconv.ParseUint: parsing "${sent}": invalid syntax`);
  if ((metadata as ApiObject['metadata']).name !== name)
    throw badRequest('the name of the object does not match the name on the URL');
  if (sent && sent !== old.metadata.resourceVersion) throw staleObject(resourceSubject(def, name));
  if (uid && uid !== old.metadata.uid)
    throw invalid(kindSubject(def, name), [
      { reason: 'FieldValueInvalid', field: 'metadata.uid', message: `Invalid value: "${uid}": field is immutable` },
    ]);
}
