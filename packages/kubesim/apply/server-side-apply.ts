import { typeMismatch } from '../schema/type-mismatch.ts';
import type { JsonObject, StructuralSchema } from '../schema/types.ts';
import { findUndeclared } from '../schema/unknown-fields.ts';
import { type Comparison, compare, ignoring, isSame } from './compare.ts';
import { fieldsOf, withNamedFields } from './field-walk.ts';
import {
  difference,
  differenceBelow,
  type FieldSet,
  fieldPathText,
  intersection,
  isEmptySet,
  pathsOf,
  union,
} from './fields.ts';
import { ignoredFields, type WriteScope } from './ignored-fields.ts';
import { checkUniqueElements, TypedValueError } from './list-elements.ts';
import {
  decodeManagers,
  type Manager,
  type Managers,
  managedFieldsOf,
  managerId,
  withManagers,
  withoutManagers,
} from './managers.ts';
import { mergeTyped } from './merge-typed.ts';
import { dropNullFields, removeFields } from './remove-fields.ts';
import { trackUpdate } from './update-ownership.ts';

export interface ApplyRequest extends WriteScope {
  /** The stored object; undefined when there is none. */
  live: JsonObject | undefined;
  /** The body of the apply. */
  applied: JsonObject;
  manager: string;
  force?: boolean | undefined;
  /** With apiVersion, kind and metadata: of `builtinSchema` or `resourceSchema`. */
  schema: StructuralSchema;
  apiVersion: string;
  /** RFC 3339 in whole seconds. */
  nowIso: string;
}

/** A field another manager owns with another value. `field` is written as causes write it. */
export interface ApplyConflict {
  field: string;
  manager: string;
  operation: string;
  apiVersion: string;
  subresource: string;
  time: string | undefined;
  /** The message of a FieldManagerConflict cause. */
  message: string;
}

export type ApplyResult =
  | { object: JsonObject; changed: boolean }
  | { conflicts: ApplyConflict[] }
  /** The body does not fit the schema; real servers answer 500 without a reason. */
  | { failure: string };

const BEFORE_FIRST_APPLY = 'before-first-apply';

/**
 * Server-side apply: merges `applied` into `live`, removes what this manager applied before and now leaves out and nobody else
 * owns, and updates `metadata.managedFields`. An apply that changes nothing keeps the object, times included; if it only adds
 * an owner, that entry has no time.
 */
export function applyPatch(request: ApplyRequest): ApplyResult {
  const { applied, schema } = request;
  const problem = findUndeclared(applied, schema) ?? typeMismatch(applied, schema);
  if (problem) return { failure: `failed to create typed patch object: ${problem}` };
  try {
    return applyChecked({ ...request, applied: withoutManagers(applied) });
  } catch (error) {
    if (error instanceof TypedValueError) return { failure: `failed to create typed patch object: ${error.message}` };
    throw error;
  }
}

function applyChecked(request: ApplyRequest): ApplyResult {
  const { schema, manager, apiVersion, nowIso } = request;
  checkUniqueElements(request.applied, schema);
  const ignored = ignoredFields(request);
  const applied = (removeFields(request.applied, ignored, schema) ?? {}) as JsonObject;
  const stored = managedBefore(request);
  const live = stored ? withoutManagers(stored) : {};
  const managers = decodeManagers(managedFieldsOf(stored));
  const identity = { manager, operation: 'Apply' as const, apiVersion, subresource: request.subresource ?? '' };
  const id = managerId(identity);
  const last = managers.get(id);
  const own: Manager = { ...identity, time: last?.time, fields: ownFields(applied, ignored, schema) };
  const next = new Map(managers).set(id, own);
  const target = (mergeTyped(live, applied, schema) ?? {}) as JsonObject;
  const merged = last ? prune({ merged: target, last: last.fields, managers: next, schema }) : target;
  const difference = ignoring(compare(live, merged, schema), ignored);
  const conflicts = conflictsOf(next, id, difference);
  if (conflicts.length && !request.force) return { conflicts };
  const settled = withoutLost(next, id, difference);
  const changed = !isSame(difference);
  if (changed) settled.set(id, { ...own, time: nowIso });
  return { object: withManagers(changed ? (dropNullFields(merged, schema) as JsonObject) : live, settled), changed };
}

function ownFields(applied: JsonObject, ignored: FieldSet, schema: StructuralSchema): FieldSet {
  return differenceBelow(fieldsOf(applied, schema), ignored);
}

/** An object that nobody tracked so far: what it holds belongs to a manager of that name. */
function managedBefore({ live, schema, apiVersion, nowIso }: ApplyRequest): JsonObject | undefined {
  const tracked = managedFieldsOf(live);
  if (!live || (Array.isArray(tracked) && tracked.length)) return live;
  const manager = BEFORE_FIRST_APPLY;
  return trackUpdate({ before: undefined, after: live, manager, schema, apiVersion, nowIso });
}

interface Pruning {
  merged: JsonObject;
  last: FieldSet;
  managers: Managers;
  schema: StructuralSchema;
}

/** Removes what the last apply owned and no manager owns now, and puts back what others own inside it. */
function prune({ merged, last, managers, schema }: Pruning): JsonObject {
  if (isEmptySet(last)) return merged;
  const named = (set: FieldSet): FieldSet => withNamedFields(set, schema);
  const fieldsNow = named(fieldsOf(merged, schema));
  const fieldsLeft = (value: unknown): FieldSet => named(fieldsOf(value ?? {}, schema));
  const pruned = removeFields(merged, named(last), schema);
  const owned = [...managers.values()].map((entry) => entry.fields).reduce(union);
  const kept = union(fieldsLeft(pruned), named(owned));
  const withOwned = removeFields(merged, difference(fieldsNow, kept), schema);
  const dangling = intersection(difference(fieldsNow, fieldsLeft(withOwned)), named(last));
  return (removeFields(merged, dangling, schema) ?? {}) as JsonObject;
}

function conflictsOf(managers: Managers, self: string, { added, modified }: Comparison): ApplyConflict[] {
  const changed = union(added, modified);
  const found: ApplyConflict[] = [];
  for (const [id, { fields, ...entry }] of managers) {
    if (id === self) continue;
    for (const path of pathsOf(intersection(fields, changed))) found.push(conflictOn(path, entry));
  }
  return found.sort((a, b) => (a.field < b.field ? -1 : Number(a.field > b.field)));
}

function conflictOn(path: readonly string[], entry: Omit<Manager, 'fields'>): ApplyConflict {
  const { manager, operation, apiVersion, subresource, time } = entry;
  const where = subresource ? ` with subresource "${subresource}"` : '';
  const how = operation === 'Update' ? `${where} using ${apiVersion}${time ? ` at ${time}` : ''}` : where;
  return {
    field: fieldPathText(path),
    manager,
    operation,
    apiVersion,
    subresource,
    time,
    message: `conflict with "${manager}"${how}`,
  };
}

/** The managers after the write: others lose what it changed, all but its own entry what it removed. */
function withoutLost(managers: Managers, self: string, comparison: Comparison): Map<string, Manager> {
  const changed = union(comparison.added, comparison.modified);
  const settled = new Map<string, Manager>();
  for (const [id, entry] of managers) {
    const lost = id === self ? comparison.removed : union(changed, comparison.removed);
    const fields = difference(entry.fields, lost);
    if (!isEmptySet(fields)) settled.set(id, { ...entry, fields });
  }
  return settled;
}
