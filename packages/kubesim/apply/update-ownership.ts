import { emptyObject } from '../schema/builtin.ts';
import { isRecord, type JsonObject, type StructuralSchema } from '../schema/types.ts';
import { compare, ignoring } from './compare.ts';
import { difference, isEmptySet, union } from './fields.ts';
import { ignoredFields, type WriteScope } from './ignored-fields.ts';
import { decodeManagers, type Manager, managedFieldsOf, managerId, withManagers, withoutManagers } from './managers.ts';

export interface UpdateRequest extends WriteScope {
  /** The object as stored; undefined on create. */
  before: JsonObject | undefined;
  /** The object as it will be stored, its managedFields as the request has them. */
  after: JsonObject;
  manager: string;
  /** With apiVersion, kind and metadata: of `builtinSchema` or `resourceSchema`. */
  schema: StructuralSchema;
  apiVersion: string;
  /** RFC 3339 in whole seconds. */
  nowIso: string;
}

/** Entries of updating managers beyond which the oldest are merged. */
const MOST_UPDATE_ENTRIES = 10;
const ANCIENT = 'ancient-changes';

/**
 * Records a create, PUT or patch in `metadata.managedFields`: changed fields go to the manager's Update entry and leave all
 * others; a write without a change leaves the entries alone. Entries sent by the requester are taken (an empty list resets
 * them), except through a subresource or when they cannot be read; sending none keeps those stored.
 * @returns `after` with managedFields set
 */
export function trackUpdate(request: UpdateRequest): JsonObject {
  const { before, after, manager, schema, apiVersion, nowIso } = request;
  const managers = startingManagers(request);
  const bare = withoutManagers(after);
  // An object without any owner stays so until it is applied: nobody asked for tracking.
  if (before && managers.size === 0) return bare;
  const start = before ? withoutManagers(before) : emptyObject(schema);
  const { added, modified, removed } = ignoring(compare(start, bare, schema), ignoredFields(request));
  const changed = union(added, modified);
  const settled = new Map<string, Manager>();
  for (const [id, entry] of managers) {
    const fields = difference(entry.fields, union(changed, removed));
    if (!isEmptySet(fields)) settled.set(id, { ...entry, fields });
  }
  const identity = { manager, operation: 'Update' as const, apiVersion, subresource: request.subresource ?? '' };
  const id = managerId(identity);
  const previous = settled.get(id);
  const fields = previous ? union(previous.fields, changed) : changed;
  if (!isEmptySet(changed)) settled.set(id, { ...identity, time: nowIso, fields });
  return withManagers(bare, capped(settled));
}

function startingManagers({ before, after, subresource }: UpdateRequest): Map<string, Manager> {
  const stored = (): Map<string, Manager> => readable(managedFieldsOf(before)) ?? new Map();
  if (subresource) return stored();
  const sent = managedFieldsOf(after);
  if (isReset(sent)) return new Map();
  const managers = readable(sent);
  return managers?.size ? managers : stored();
}

/** An empty list, or one empty entry, asks to forget all owners. */
const isReset = (sent: unknown): boolean =>
  Array.isArray(sent) &&
  (sent.length === 0 || (sent.length === 1 && isRecord(sent[0]) && Object.keys(sent[0]).length === 0));

function readable(managedFields: unknown): Map<string, Manager> | undefined {
  try {
    return decodeManagers(managedFields);
  } catch {
    // Malformed entries in a request are ignored, as real servers do.
    return undefined;
  }
}

/** Keeps the list short: the oldest updating managers of a version become one. */
function capped(managers: Map<string, Manager>): Map<string, Manager> {
  const updates = [...managers.entries()].filter(([, entry]) => entry.operation === 'Update');
  const excess = updates.length - MOST_UPDATE_ENTRIES;
  if (excess <= 0) return managers;
  const oldest = updates.sort(([, a], [, b]) => ((a.time ?? '') < (b.time ?? '') ? -1 : 1)).slice(0, excess + 1);
  const rest = new Map(managers);
  for (const [id, entry] of oldest) {
    rest.delete(id);
    const merged = { ...entry, manager: ANCIENT, subresource: '' };
    const known = rest.get(managerId(merged));
    rest.set(managerId(merged), { ...merged, fields: known ? union(known.fields, entry.fields) : entry.fields });
  }
  return rest;
}
