import { isDeepStrictEqual } from 'node:util';
import { forbidden, invalid } from '../api-error.ts';
import { type ApiObject, isRecord, recordAt } from '../object.ts';
import { structuralCauses } from '../schema/structural.ts';
import type { AdmissionParts, AdmittedPlace } from './admission.ts';
import { ROOT, SCHEMAS } from './names.ts';

const GROUP = 'apis.kcp.io';
const PROTECTED = /(^|\.)(k8s|kubernetes)\.io$/;
const PREFIX = /^[a-z]([-a-z0-9]*[a-z0-9])?$/;

const records = (value: unknown): Record<string, unknown>[] => (Array.isArray(value) ? value.filter(isRecord) : []);

/** Claims come back with sorted verbs and an explicit identityHash. */
export function withClaimDefaults(obj: ApiObject): ApiObject {
  const spec = recordAt(obj, 'spec');
  if (!Array.isArray(spec['permissionClaims'])) return obj;
  const permissionClaims = records(spec['permissionClaims']).map((claim) => ({
    ...claim,
    group: claim['group'] ?? '',
    identityHash: claim['identityHash'] ?? '',
    verbs: Array.isArray(claim['verbs']) ? [...claim['verbs']].sort() : [],
  }));
  return { ...obj, spec: { ...spec, permissionClaims } };
}

/** An APIResourceSchema is named `prefix.plural.group` (`core` for the empty group), is structural and never changes. @throws ApiError 403 */
export function checkSchemaObject(obj: ApiObject, { old, name }: AdmittedPlace): void {
  const refuse = (why: string) => forbidden({ group: GROUP, kind: 'apiresourceschemas', name }, why);
  const spec = recordAt(obj, 'spec');
  if (old) {
    if (!isDeepStrictEqual(recordAt(old, 'spec'), spec)) throw refuse('spec: Invalid value: field is immutable');
    return;
  }
  const names = recordAt(spec, 'names');
  const group = String(spec['group'] ?? '');
  const ending = `.${names['plural']}.${group || 'core'}`;
  if (!name.endsWith(ending)) throw refuse(`metadata.name: must end in ${ending}`);
  if (!PREFIX.test(name.slice(0, -ending.length)))
    throw refuse(`metadata.name: must match ${PREFIX.source} in front of ${ending}`);
  if (!names['listKind']) throw refuse('spec.names.listKind: Required value');
  const approval = obj.metadata.annotations?.['api-approved.kubernetes.io'];
  if (PROTECTED.test(group) && !approval)
    throw refuse('protected groups must have approval annotation "api-approved.kubernetes.io"');
  const causes = records(spec['versions']).flatMap((version, at) =>
    structuralCauses(version['schema'], `spec.versions[${at}].schema`),
  );
  if (causes.length) throw refuse(causes.map(({ field, message }) => `${field}: ${message}`).join(', '));
}

/** Claims need verbs, and an identity unless the resource is built in; schemas must fit the resource they are named for. @throws ApiError 403 or 422 */
export function checkExport({ sim }: AdmissionParts, obj: ApiObject, { name, cluster }: AdmittedPlace): void {
  const refuse = (why: string) => forbidden({ group: GROUP, kind: 'apiexports', name }, why);
  const spec = recordAt(obj, 'spec');
  for (const [at, claim] of records(spec['permissionClaims']).entries()) {
    if (!Array.isArray(claim['verbs']) || claim['verbs'].length === 0) throw missingVerbs(name, at);
    const known = sim.registry.findAny(ROOT, String(claim['group'] ?? ''), String(claim['resource']));
    if (!known && !claim['identityHash']) throw refuse(`spec.permissionClaims[${at}].identityHash: Required value`);
  }
  for (const resource of records(spec['resources'])) {
    const schema = sim.store.get({ storage: SCHEMAS, cluster, namespace: '', name: String(resource['schema']) });
    const plural = recordAt(recordAt(schema, 'spec'), 'names')['plural'];
    if (schema && plural !== resource['name'])
      throw refuse(`schema ${resource['schema']} is not one of ${resource['name']}`);
  }
}

const missingVerbs = (name: string, at: number) =>
  invalid({ group: GROUP, kind: 'APIExport', name }, [
    { reason: 'FieldValueRequired', field: `spec.permissionClaims[${at}].verbs`, message: 'Required value' },
    {
      reason: 'FieldValueInvalid',
      field: '<nil>',
      message: 'Invalid value: null: some validation rules were not checked',
    },
  ]);
