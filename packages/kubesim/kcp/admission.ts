import { forbidden, invalid } from '../api-error.ts';
import { type ApiObject, isRecord, recordAt } from '../object.ts';
import type { Place, Sim } from '../server/context.ts';
import type { User } from '../server/identity.ts';
import type { Exports } from './exports.ts';
import { BINDINGS, EXPORTS, ROOT, WORKSPACE_TYPES, WORKSPACES } from './names.ts';
import type { WorkspaceTree } from './tree.ts';

interface Parts {
  sim: Sim;
  exports: Exports;
  tree: WorkspaceTree;
}

type AdmittedPlace = Place & { old: ApiObject | undefined; user: User };

/** What kcp's admission refuses and fills in for its own kinds. @throws ApiError 403 or 422 */
export function admitKcp(parts: Parts, obj: ApiObject, place: AdmittedPlace): ApiObject {
  switch (place.def.storage) {
    case WORKSPACES:
      return place.old ? obj : newWorkspace(parts, obj, place);
    case EXPORTS:
      return withClaimDefaults(obj);
    case BINDINGS:
      return place.old ? withClaimDefaults(obj) : newBinding(parts, obj, place);
    default:
      return obj;
  }
}

function newWorkspace(parts: Parts, obj: ApiObject, place: AdmittedPlace): ApiObject {
  const spec = recordAt(obj, 'spec');
  const type = isRecord(spec['type']) ? spec['type'] : { name: 'universal', path: ROOT };
  if (!findType(parts, String(type['path'] ?? ROOT), String(type['name'])))
    throw forbidden(
      { group: 'tenancy.kcp.io', kind: 'workspaces', name: place.name },
      `workspace type "${type['path']}:${type['name']}" does not exist`,
    );
  return { ...obj, spec: { ...spec, type }, status: { phase: 'Scheduling' } };
}

/** Types every kcp brings. */
const BUILTIN_TYPES = ['universal', 'organization', 'team', 'home', 'root'];

export function findType(
  { sim, tree }: Pick<Parts, 'sim' | 'tree'>,
  path: string,
  name: string,
): ApiObject | true | undefined {
  const cluster = tree.find(path);
  if (cluster === undefined) return undefined;
  const stored = sim.store.get({ storage: WORKSPACE_TYPES, cluster, namespace: '', name });
  return stored ?? (cluster === ROOT && BUILTIN_TYPES.includes(name) ? true : undefined);
}

/** Claims come back with sorted verbs and an explicit identityHash. */
function withClaimDefaults(obj: ApiObject): ApiObject {
  const spec = recordAt(obj, 'spec');
  if (!Array.isArray(spec['permissionClaims'])) return obj;
  const permissionClaims = spec['permissionClaims'].filter(isRecord).map((claim) => ({
    ...claim,
    group: claim['group'] ?? '',
    identityHash: claim['identityHash'] ?? '',
    verbs: Array.isArray(claim['verbs']) ? [...claim['verbs']].sort() : [],
  }));
  return { ...obj, spec: { ...spec, permissionClaims } };
}

function newBinding(parts: Parts, obj: ApiObject, place: AdmittedPlace): ApiObject {
  const binding = withClaimDefaults(obj);
  checkSelectors(binding, place);
  const ref = parts.exports.refOf(place.cluster, binding);
  const access = {
    cluster: ref?.cluster ?? '',
    verb: 'bind',
    group: 'apis.kcp.io',
    resource: 'apiexports',
    name: ref?.name ?? '',
  };
  const allowed =
    ref &&
    parts.exports.find(ref) &&
    (parts.sim.authorizer.allows(place.user, access) || ref.cluster === place.cluster);
  if (!allowed)
    throw forbidden(
      { group: 'apis.kcp.io', kind: 'apibindings', name: place.name },
      `unable to create APIBinding: no permission to bind to export ${access.name}`,
    );
  return { ...binding, status: { phase: 'Binding' } };
}

function checkSelectors(binding: ApiObject, place: AdmittedPlace): void {
  const claims = recordAt(binding, 'spec')['permissionClaims'];
  const causes = (Array.isArray(claims) ? claims : []).flatMap((claim: unknown, at: number) => {
    const selector = recordAt(claim, 'selector');
    if (['matchAll', 'matchLabels', 'matchExpressions'].some((field) => selector[field] !== undefined)) return [];
    const message = 'Required value: either one of matchAll, matchLabels, or matchExpressions must be set';
    return [{ reason: 'FieldValueRequired', field: `spec.permissionClaims[${at}].selector`, message }];
  });
  if (causes.length) throw invalid({ group: 'apis.kcp.io', kind: 'APIBinding', name: place.name }, causes);
}
