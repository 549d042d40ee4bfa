import { badRequest, invalid, type StatusCause } from '../api-error.ts';
import { type ApiObject, withMeta } from '../object.ts';
import { schemaOf } from '../resources/schema-of.ts';
import { applyDefaults } from '../schema/default.ts';
import { pruneUnknown } from '../schema/prune.ts';
import { decodeFailure } from '../schema/type-mismatch.ts';
import { findUnknownFields } from '../schema/unknown-fields.ts';
import { validateResource } from '../schema/validate.ts';
import { definitionCauses } from './definition-validation.ts';
import { kindSubject, type WriteRequest } from './request.ts';
import { builtinCauses } from './workload-validation.ts';

/** Applies the schema of a resource: unknown fields, pruning, defaults, validation. @throws ApiError 400 or 422 */
export function checkSchema(request: WriteRequest, next: ApiObject, old: ApiObject | undefined): ApiObject {
  const { def } = request.target;
  const schema = schemaOf(def);
  const { managedFields } = next.metadata;
  const bare = withMeta(next, { managedFields: undefined });
  const unknown = findUnknownFields(bare, schema);
  reportUnknown(request, unknown);
  const pruned = unknown.length ? (pruneUnknown(bare, schema) as ApiObject) : bare;
  if (!def.custom) {
    const wrong = decodeFailure(pruned, schema, def.kind);
    if (wrong) throw decodeError(request, wrong);
  }
  const filled = applyDefaults(def.custom ? pruned : withoutNulls(pruned), schema) as ApiObject;
  const causes = def.custom ? customCauses(request, filled, old) : builtinRules(def.storage, filled, old);
  if (causes.length) throw invalid(kindSubject(def, next.metadata.name), causes);
  return withMeta(filled, { managedFields });
}

const CRDS = 'customresourcedefinitions.apiextensions.k8s.io';

const builtinRules = (storage: string, next: ApiObject, old: ApiObject | undefined): StatusCause[] =>
  storage === CRDS ? definitionCauses(next) : builtinCauses(storage, next, old);

/** A status write is only held against the schema of status, as the rest cannot have changed. */
function customCauses(request: WriteRequest, next: ApiObject, old: ApiObject | undefined): StatusCause[] {
  const { def } = request.target;
  return def.schema ? validateResource(next, schemaOf(def), old) : [];
}

function reportUnknown(request: WriteRequest, unknown: string[]): void {
  if (!unknown.length || request.fieldValidation === 'Ignore') return;
  const problems = unknown.map((path) => `unknown field "${path}"`);
  if (request.fieldValidation === 'Strict') throw decodeError(request, `strict decoding error: ${problems.join(', ')}`);
  request.warnings.push(...problems);
}

/** What does not decode is a bad request, or an invalid patch. */
function decodeError(request: WriteRequest, why: string) {
  if (request.target.verb !== 'patch') {
    const { kind, version } = request.target.def;
    return badRequest(`${kind} in version "${version}" cannot be handled as a ${kind}: ${why}`);
  }
  return invalid({}, [{ reason: 'FieldValueInvalid', field: 'patch', message: `Invalid value: ${why}` }]);
}

/** Built-in types know no null: a null field is an absent one. */
function withoutNulls<T>(value: T): T {
  return holdsNull(value) ? cleared(value) : value;
}

/** Nearly always there is none, and then nothing is copied. */
function holdsNull(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false;
  if (Array.isArray(value)) return value.some(holdsNull);
  for (const content of Object.values(value)) {
    if (content === null || content === undefined || holdsNull(content)) return true;
  }
  return false;
}

function cleared<T>(value: T): T {
  if (Array.isArray(value)) return value.map(cleared) as T;
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).filter(([, content]) => content !== null && content !== undefined);
  return Object.fromEntries(entries.map(([key, content]) => [key, cleared(content)])) as T;
}
