import { isDeepStrictEqual } from 'node:util';
import { fieldSchema, isRecord, type JsonObject, type StructuralSchema } from '../schema/types.ts';

/** `malformed`: a directive or a list element cannot be understood (400; servers name it in the message). */
export type StrategicResult = { value: unknown } | { malformed: string };

const DIRECTIVE = '$patch';
const RETAIN_KEYS = '$retainKeys';
const DELETE_FROM = '$deleteFromPrimitiveList/';
const ELEMENT_ORDER = '$setElementOrder/';

class Malformed extends Error {}

/**
 * Strategic merge patch: lists with a merge key (`x-kubernetes-patch-strategy: merge`) merge by it, new elements in front;
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
  const merged = mergeLists(Array.isArray(target) ? target : [], value, schema);
  return ordered(merged, order, schema['x-kubernetes-patch-merge-key']);
}

function mergeLists(target: unknown[], patch: unknown[], schema: StructuralSchema): unknown[] {
  const key = schema['x-kubernetes-patch-merge-key'];
  if (key === undefined)
    return [...target, ...patch.filter((item) => !target.some((old) => isDeepStrictEqual(old, item)))];
  const elements = patch.map((item) => {
    if (!isRecord(item)) throw new Malformed('an element of a list that merges by key is not an object');
    return item;
  });
  if (elements.some((item) => directiveOf(item) === 'replace'))
    return elements.filter((item) => directiveOf(item) === undefined).map(withoutDirectives);
  let out = [...target];
  const added: unknown[] = [];
  for (const item of elements) {
    if (item[key] === undefined)
      throw new Malformed(`map: ${JSON.stringify(item)} does not contain declared merge key: ${key}`);
    const matches = (old: unknown): boolean => isRecord(old) && isDeepStrictEqual(old[key], item[key]);
    if (directiveOf(item) === 'delete') out = out.filter((old) => !matches(old));
    else if (out.some(matches))
      out = out.map((old) => (matches(old) ? mergeObjects(old as JsonObject, item, schema.items) : old));
    else added.push(mergeObjects({}, item, schema.items));
  }
  return [...added, ...out];
}

/** Elements named in `$setElementOrder` in its order, the others behind those they followed. */
function ordered(list: unknown[], order: unknown, key: string | undefined): unknown[] {
  if (!Array.isArray(order)) return list;
  const identity = (item: unknown): unknown => (key !== undefined && isRecord(item) ? item[key] : item);
  const place = (item: unknown): number =>
    order.findIndex((wanted) => isDeepStrictEqual(identity(wanted), identity(item)));
  const named = list.filter((item) => place(item) >= 0).sort((a, b) => place(a) - place(b));
  const out: unknown[] = [...named];
  for (const [at, item] of list.entries()) {
    if (place(item) >= 0) continue;
    const before = at === 0 ? -1 : out.indexOf(list[at - 1]);
    out.splice(before + 1, 0, item);
  }
  return out;
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
      out[name] = ordered(list, content, schema && fieldSchema(schema, name)?.['x-kubernetes-patch-merge-key']);
  }
  return out;
}
