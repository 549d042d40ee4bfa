import { isDeepStrictEqual } from 'node:util';
import { forbidden } from '../api-error.ts';
import { type ApiObject, isRecord, recordAt } from '../object.ts';
import type { Place, Sim } from '../server/context.ts';
import type { User } from '../server/identity.ts';
import { trueCondition } from './conditions.ts';
import { checkExport, checkSchemaObject, withClaimDefaults } from './export-admission.ts';
import type { Exports } from './exports.ts';
import { BINDINGS, EXPORTS, ROOT, SCHEMAS, WORKSPACE_TYPES, WORKSPACES } from './names.ts';
import type { WorkspaceTree } from './tree.ts';

export interface AdmissionParts {
  sim: Sim;
  exports: Exports;
  tree: WorkspaceTree;
}

export type AdmittedPlace = Place & { old: ApiObject | undefined; user: User };

/** What kcp's admission refuses and fills in for its own kinds. @throws ApiError 403 or 422 */
export function admitKcp(parts: AdmissionParts, obj: ApiObject, place: AdmittedPlace): ApiObject {
  switch (place.def.storage) {
    case WORKSPACES:
      return place.old ? obj : newWorkspace(parts, obj, place);
    case WORKSPACE_TYPES:
      return place.old ? obj : newType(parts.sim, obj);
    case SCHEMAS:
      checkSchemaObject(obj, place);
      return obj;
    case EXPORTS:
      checkExport(parts, obj, place);
      return withClaimDefaults(obj);
    case BINDINGS:
      return place.old ? changedBinding(obj, place) : newBinding(parts, obj, place);
    default:
      return obj;
  }
}

function newWorkspace(parts: AdmissionParts, obj: ApiObject, place: AdmittedPlace): ApiObject {
  const spec = recordAt(obj, 'spec');
  const type = isRecord(spec['type']) ? spec['type'] : { name: 'universal', path: ROOT };
  if (!findType(parts, String(type['path'] ?? ROOT), String(type['name'])))
    throw forbidden(
      { group: 'tenancy.kcp.io', kind: 'workspaces', name: place.name },
      `workspace type "${type['path']}:${type['name']}" does not exist`,
    );
  return { ...obj, spec: { ...spec, type }, status: { phase: 'Scheduling' } };
}

function newType(sim: Sim, obj: ApiObject): ApiObject {
  const spec = { defaultChildWorkspaceType: { name: 'universal', path: ROOT }, ...recordAt(obj, 'spec') };
  return { ...obj, spec, status: { conditions: [trueCondition(sim, 'Ready')] } };
}

/** Types every kcp brings. */
const BUILTIN_TYPES = ['universal', 'organization', 'team', 'home', 'root'];

/** A workspace type by the path of its workspace; `true` for those without an object. */
export function findType(
  { sim, tree }: Pick<AdmissionParts, 'sim' | 'tree'>,
  path: string,
  name: string,
): ApiObject | true | undefined {
  const cluster = tree.find(path);
  if (cluster === undefined) return undefined;
  const stored = sim.store.get({ storage: WORKSPACE_TYPES, cluster, namespace: '', name });
  return stored ?? (cluster === ROOT && BUILTIN_TYPES.includes(name) ? true : undefined);
}

const refused = (place: AdmittedPlace, why: string) =>
  forbidden({ group: 'apis.kcp.io', kind: 'apibindings', name: place.name }, why);

function newBinding(parts: AdmissionParts, obj: ApiObject, place: AdmittedPlace): ApiObject {
  const binding = withClaimDefaults(obj);
  checkSelectors(binding, place);
  const ref = parts.exports.refOf(place.cluster, binding);
  const name = ref?.name ?? '';
  const access = { cluster: ref?.cluster ?? '', verb: 'bind', group: 'apis.kcp.io', resource: 'apiexports', name };
  const mayBind = ref && (parts.sim.authorizer.allows(place.user, access) || ref.cluster === place.cluster);
  if (!ref || !mayBind || !parts.exports.find(ref)) throw refused(place, `no permission to bind to export ${name}`);
  return { ...binding, status: { phase: 'Binding' } };
}

function changedBinding(obj: ApiObject, place: AdmittedPlace): ApiObject {
  const reference = (of: ApiObject | undefined) => recordAt(of, 'spec')['reference'];
  if (!isDeepStrictEqual(reference(obj), reference(place.old))) throw refused(place, 'spec.reference is immutable');
  const statusOf = (of: ApiObject | undefined) => recordAt(of, 'status');
  if (!isDeepStrictEqual(statusOf(obj), statusOf(place.old))) throw refused(place, 'status is written by the system');
  const binding = withClaimDefaults(obj);
  checkSelectors(binding, place);
  return binding;
}

function checkSelectors(binding: ApiObject, place: AdmittedPlace): void {
  const claims = recordAt(binding, 'spec')['permissionClaims'];
  for (const [at, claim] of (Array.isArray(claims) ? claims : []).entries()) {
    const selector = recordAt(claim, 'selector');
    if (['matchAll', 'matchLabels', 'matchExpressions'].some((field) => selector[field] !== undefined)) continue;
    const why = 'Required value: either one of matchAll, matchLabels, or matchExpressions must be set';
    throw refused(place, `spec.permissionClaims[${at}].selector: ${why}`);
  }
}
