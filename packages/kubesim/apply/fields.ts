import { isRecord, type JsonObject } from '../schema/types.ts';

/**
 * A set of field paths as a tree. Path elements are written as in `fieldsV1`: `f:name`, `k:{"name":"c"}`, `v:"x"`, `i:0`.
 * `members` are the elements that are themselves in the set, `children` what lies below an element. Never changed in place.
 */
export interface FieldSet {
  readonly members: ReadonlySet<string>;
  readonly children: ReadonlyMap<string, FieldSet>;
}

export type FieldPath = readonly string[];

export const NO_FIELDS: FieldSet = { members: new Set(), children: new Map() };

export const isEmptySet = (set: FieldSet): boolean => set.members.size === 0 && set.children.size === 0;

/** The set below one element. */
export const below = (set: FieldSet, element: string): FieldSet => set.children.get(element) ?? NO_FIELDS;

/** Collects paths into a set. */
export class FieldSetBuilder {
  readonly members = new Set<string>();
  readonly children = new Map<string, FieldSetBuilder>();

  child(element: string): FieldSetBuilder {
    let found = this.children.get(element);
    if (!found) {
      found = new FieldSetBuilder();
      this.children.set(element, found);
    }
    return found;
  }

  add(path: FieldPath): void {
    const last = path.at(-1);
    if (last === undefined) return;
    let node: FieldSetBuilder = this;
    for (let at = 0; at < path.length - 1; at++) node = node.child(path[at] as string);
    node.members.add(last);
  }

  build(): FieldSet {
    return trimmed(
      this.members,
      [...this.children].map(([element, child]) => [element, child.build()]),
    );
  }
}

/** A set from members and children, empty children left out. */
export function trimmed(members: Iterable<string>, children: Iterable<readonly [string, FieldSet]>): FieldSet {
  const kept = new Map<string, FieldSet>();
  for (const [element, child] of children) if (!isEmptySet(child)) kept.set(element, child);
  return { members: members instanceof Set ? members : new Set(members), children: kept };
}

export function fieldSetOf(paths: Iterable<FieldPath>): FieldSet {
  const builder = new FieldSetBuilder();
  for (const path of paths) builder.add(path);
  return builder.build();
}

export function union(a: FieldSet, b: FieldSet): FieldSet {
  if (isEmptySet(a)) return b;
  if (isEmptySet(b)) return a;
  const elements = new Set([...a.children.keys(), ...b.children.keys()]);
  const children = [...elements].map((element) => [element, union(below(a, element), below(b, element))] as const);
  return trimmed([...a.members, ...b.members], children);
}

/** The paths of `a` that are not in `b`; what lies below a path of `b` stays. `a` itself when nothing goes. */
export function difference(a: FieldSet, b: FieldSet): FieldSet {
  if (isEmptySet(a) || isEmptySet(b)) return a;
  const children = [...a.children].map(([element, child]) => [element, difference(child, below(b, element))] as const);
  const members = [...a.members].filter((element) => !b.members.has(element));
  const isSame = members.length === a.members.size && children.every(([at, child]) => child === a.children.get(at));
  return isSame ? a : trimmed(members, children);
}

/** The paths of `a` that are neither in `b` nor below a path of `b`. */
export function differenceBelow(a: FieldSet, b: FieldSet): FieldSet {
  if (isEmptySet(a) || isEmptySet(b)) return a;
  const children = [...a.children]
    .filter(([element]) => !b.members.has(element))
    .map(([element, child]) => [element, differenceBelow(child, below(b, element))] as const);
  return trimmed(
    [...a.members].filter((element) => !b.members.has(element)),
    children,
  );
}

export function intersection(a: FieldSet, b: FieldSet): FieldSet {
  const children = [...a.children].map(
    ([element, child]) => [element, intersection(child, below(b, element))] as const,
  );
  return trimmed(
    [...a.members].filter((element) => b.members.has(element)),
    children,
  );
}

export function hasPath(set: FieldSet, path: FieldPath): boolean {
  const [first, ...rest] = path;
  if (first === undefined) return false;
  return rest.length === 0 ? set.members.has(first) : hasPath(below(set, first), rest);
}

/** All paths, sorted by their elements. */
export function pathsOf(set: FieldSet, prefix: FieldPath = []): FieldPath[] {
  const elements = [...new Set([...set.members, ...set.children.keys()])].sort();
  return elements.flatMap((element) => {
    const path = [...prefix, element];
    return [...(set.members.has(element) ? [path] : []), ...pathsOf(below(set, element), path)];
  });
}

/** The set as `fieldsV1` of a managedFields entry. */
export function formatFields(set: FieldSet): JsonObject {
  const fresh = formatBelow(set, {});
  const text = JSON.stringify(fresh);
  const known = shared.get(text);
  if (known) return known;
  if (shared.size >= MOST_SHARED) shared.clear();
  shared.set(text, fresh);
  read.set(fresh, set);
  return fresh;
}

/** Objects made alike own the same fields: they share one document, which is read once. */
const MOST_SHARED = 500;
const shared = new Map<string, JsonObject>();
const read = new WeakMap<JsonObject, FieldSet>();

function formatBelow(set: FieldSet, out: JsonObject): JsonObject {
  for (const element of [...new Set([...set.members, ...set.children.keys()])].sort()) {
    const child = set.children.get(element);
    out[element] = child ? formatBelow(child, set.members.has(element) ? { '.': {} } : {}) : {};
  }
  return out;
}

/** The set in `fieldsV1`; key elements are brought to one spelling. @throws Error when it is none */
export function parseFields(fieldsV1: unknown): FieldSet {
  if (!isRecord(fieldsV1)) throw new Error('fieldsV1 is not an object');
  const known = read.get(fieldsV1);
  if (known) return known;
  const members: string[] = [];
  const children: [string, FieldSet][] = [];
  for (const [written, value] of Object.entries(fieldsV1)) {
    if (written === '.') continue;
    const element = normalElement(written);
    const content = isRecord(value) ? value : {};
    const names = Object.keys(content);
    if (names.length === 0 || names.includes('.')) members.push(element);
    children.push([element, parseFields(content)]);
  }
  return trimmed(members, children);
}

function normalElement(written: string): string {
  const content = written.slice(2);
  if (written.startsWith('f:') || written.startsWith('i:')) return written;
  if (written.startsWith('v:')) return valueElement(JSON.parse(content));
  if (written.startsWith('k:')) return keyElement(JSON.parse(content));
  throw new Error(`path element ${written} is of no known type`);
}

export const fieldElement = (name: string): string => `f:${name}`;
export const valueElement = (value: unknown): string => `v:${JSON.stringify(value)}`;
/** An element of a list map by its keys. */
export const keyElement = (keys: JsonObject): string => {
  const sorted = Object.entries(keys).sort(([a], [b]) => (a < b ? -1 : 1));
  return `k:${JSON.stringify(Object.fromEntries(sorted))}`;
};

/** A path as conflict causes write it: `.spec.containers[name="c"].image`. */
export const fieldPathText = (path: FieldPath): string => path.map(elementText).join('');

function elementText(element: string): string {
  const content = element.slice(2);
  if (element.startsWith('f:')) return `.${content}`;
  if (element.startsWith('v:')) return `[=${content}]`;
  if (element.startsWith('i:')) return `[${content}]`;
  const keys = Object.entries(JSON.parse(content) as JsonObject);
  return `[${keys.map(([name, value]) => `${name}=${JSON.stringify(value)}`).join(',')}]`;
}
