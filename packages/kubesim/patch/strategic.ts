import { isDeepStrictEqual } from 'node:util';
import { fieldSchema, isRecord, type JsonObject, type StructuralSchema } from '../schema/types.ts';

/** `malformed`: a directive or a list element cannot be understood (400; servers name it in the message). */
export type StrategicResult = { value: unknown } | { malformed: string };

const DIRECTIVE = '$patch';
const MERGE_KEY = 'x-kubernetes-patch-merge-key';
const RETAIN_KEYS = '$retainKeys';
const DELETE_FROM = '$deleteFromPrimitiveList/';
const ELEMENT_ORDER = '$setElementOrder/';

class Malformed extends Error {}

/**
 * Strategic merge patch: lists with a merge key (`x-kubernetes-patch-strategy: merge`) merge by it;
 * `$patch: delete|replace|merge`, `$retainKeys`, `$deleteFromPrimitiveList` and `$setElementOrder` are followed.
 */
export function strategicMergePatch(target: unknown, patch: unknown, schema: StructuralSchema): StrategicResult {
  if (!isRecord(patch)) return { malformed: 'the patch is not an object' };
  try {
    return { value: mergeObjects(isRecord(target) ? target : {}, patch, schema) };
  } catch (error) {
    if (error instanceof Malformed) return { malformed: error.message };
    throw error;
  }
}

function mergeObjects(target: JsonObject, patch: JsonObject, schema: StructuralSchema | undefined): JsonObject {
  const directive = directiveOf(patch);
  if (directive === 'delete') return {};
  if (directive === 'replace') return withoutDirectives(patch);
  const out = retained(target, patch);
  for (const [name, value] of Object.entries(patch)) {
    if (name.startsWith('$')) continue;
    if (value === null) delete out[name];
    else out[name] = mergeField(out[name], value, schema && fieldSchema(schema, name), orderOf(patch, name));
  }
  return followDirectives(out, patch, schema);
}

const orderOf = (patch: JsonObject, name: string): unknown => patch[`${ELEMENT_ORDER}${name}`];

function mergeField(target: unknown, value: unknown, schema: StructuralSchema | undefined, order: unknown): unknown {
  if (isRecord(value)) return mergeObjects(isRecord(target) ? target : {}, value, schema);
  if (!Array.isArray(value) || !schema?.['x-kubernetes-patch-strategy']?.split(',').includes('merge')) return value;
  const live = Array.isArray(target) ? target : [];
  const key = schema[MERGE_KEY];
  if (key === undefined) {
    const added = value.filter((item) => !live.some((old) => isDeepStrictEqual(old, item)));
    return ordered([...live, ...added], { order: order ?? value, live, key });
  }
  const elements = value.map(recordElement);
  if (elements.some((item) => directiveOf(item) === 'replace'))
    return elements.filter((item) => directiveOf(item) === undefined).map(withoutDirectives);
  const merged = elements.reduce((list, item) => mergeElement(list, item, { key, schema: schema.items }), live);
  return ordered(merged, { order: order ?? value, live, key });
}

function recordElement(item: unknown): JsonObject {
  if (!isRecord(item)) throw new Malformed('an element of a list that merges by key is not an object');
  return item;
}

function mergeElement(
  list: unknown[],
  item: JsonObject,
  by: { key: string; schema: StructuralSchema | undefined },
): unknown[] {
  const wanted = item[by.key];
  if (wanted === undefined) throw new Malformed(`an element does not contain the declared merge key: ${by.key}`);
  const matches = (old: unknown): boolean => isRecord(old) && isDeepStrictEqual(old[by.key], wanted);
  if (directiveOf(item) === 'delete') return list.filter((old) => !matches(old));
  if (!list.some(matches)) return [...list, mergeObjects({}, item, by.schema)];
  return list.map((old) => (matches(old) ? mergeObjects(old as JsonObject, item, by.schema) : old));
}

/**
 * Elements named in `order` (the patch itself unless `$setElementOrder` says otherwise) in its order, the others in the order
 * they had; where both could come next, one that stood before the other in the live list goes first, else the named one.
 */
function ordered(list: unknown[], by: { order: unknown; live: unknown[]; key: string | undefined }): unknown[] {
  const { order, live, key } = by;
  if (!Array.isArray(order)) return list;
  const identity = (item: unknown): unknown => (key !== undefined && isRecord(item) ? item[key] : item);
  const placeIn = (items: unknown[], item: unknown): number =>
    items.findIndex((other) => isDeepStrictEqual(identity(other), identity(item)));
  const named = list.filter((item) => placeIn(order, item) >= 0).sort((a, b) => placeIn(order, a) - placeIn(order, b));
  const others = list.filter((item) => placeIn(order, item) < 0);
  const out: unknown[] = [];
  for (const item of named) {
    const place = placeIn(live, item);
    while (others.length && place >= 0 && placeIn(live, others[0]) < place) out.push(others.shift());
    out.push(item);
  }
  return [...out, ...others];
}

function directiveOf(patch: JsonObject): 'delete' | 'replace' | undefined {
  const directive = patch[DIRECTIVE];
  if (directive === undefined || directive === 'merge') return undefined;
  if (directive === 'delete' || directive === 'replace') return directive;
  throw new Malformed(`unknown patch type ${JSON.stringify(directive)} found in: ${DIRECTIVE}`);
}

const withoutDirectives = (value: JsonObject): JsonObject =>
  Object.fromEntries(Object.entries(value).filter(([name]) => !name.startsWith('$')));

function retained(target: JsonObject, patch: JsonObject): JsonObject {
  const keep = patch[RETAIN_KEYS];
  if (!Array.isArray(keep)) return { ...target };
  return Object.fromEntries(Object.entries(target).filter(([name]) => keep.includes(name)));
}

/** Directives beside a field: removing scalars from a list, and order without other changes. */
function followDirectives(value: JsonObject, patch: JsonObject, schema: StructuralSchema | undefined): JsonObject {
  const out = { ...value };
  for (const [directive, content] of Object.entries(patch)) {
    const name = directive.slice(directive.indexOf('/') + 1);
    const list = out[name];
    if (!Array.isArray(list) || !Array.isArray(content)) continue;
    if (directive.startsWith(DELETE_FROM)) out[name] = list.filter((item) => !content.includes(item));
    else if (directive.startsWith(ELEMENT_ORDER) && patch[name] === undefined)
      out[name] = ordered(list, { order: content, live: list, key: schema && fieldSchema(schema, name)?.[MERGE_KEY] });
  }
  return out;
}
