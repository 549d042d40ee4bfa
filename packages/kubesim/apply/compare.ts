import { isDeepStrictEqual } from 'node:util';
import { isRecord, type JsonObject, type StructuralSchema } from '../schema/types.ts';
import { type Atom, atomOf, childSchema } from './atom.ts';
import { differenceBelow, type FieldSet, FieldSetBuilder, fieldElement, isEmptySet } from './fields.ts';
import { listElements } from './list-elements.ts';

/** What differs between two objects. */
export interface Comparison {
  added: FieldSet;
  modified: FieldSet;
  removed: FieldSet;
}

interface Builders {
  added: FieldSetBuilder;
  modified: FieldSetBuilder;
  removed: FieldSetBuilder;
}

/** The fields added, modified and removed from `before` to `after` under a schema. */
export function compare(before: unknown, after: unknown, schema: StructuralSchema): Comparison {
  const builders = { added: new FieldSetBuilder(), modified: new FieldSetBuilder(), removed: new FieldSetBuilder() };
  walk({ before, after, schema }, [], builders);
  return { added: builders.added.build(), modified: builders.modified.build(), removed: builders.removed.build() };
}

/** The comparison without some fields and all below them. */
export const ignoring = (comparison: Comparison, fields: FieldSet): Comparison => ({
  added: differenceBelow(comparison.added, fields),
  modified: differenceBelow(comparison.modified, fields),
  removed: differenceBelow(comparison.removed, fields),
});

export const isSame = ({ added, modified, removed }: Comparison): boolean =>
  isEmptySet(added) && isEmptySet(modified) && isEmptySet(removed);

interface Pair {
  before: unknown;
  after: unknown;
  schema: StructuralSchema | undefined;
}

/** `path` is where the pair is; it is lengthened on the way down and as it was afterwards. */
function walk(pair: Pair, path: string[], out: Builders): void {
  const { before, after, schema } = pair;
  // What a write did not touch it shares with the state before.
  if (before === after && before !== undefined) return;
  const atom = atomOf(schema, after ?? before);
  const children = childPairs(atom, before, after);
  for (const [element, child] of children ?? []) {
    path.push(element);
    walk(child, path, out);
    path.pop();
  }
  // Null counts as a value: only a field that was not there at all is added.
  if (before === undefined) out.added.add(path);
  else if (after === undefined) out.removed.add(path);
  else if (!children && !isDeepStrictEqual(before, after)) out.modified.add(path);
}

/** The pairs below a granular value; undefined for leaves and where one side is of another type or both are hollow. */
function childPairs(atom: Atom, before: unknown, after: unknown): Map<string, Pair> | undefined {
  if (atom.kind === 'leaf') return undefined;
  if (atom.kind === 'map') return mapPairs(atom.schema, before, after);
  if (!isListOrNothing(before) || !isListOrNothing(after)) return undefined;
  const [old, next] = [before ?? [], after ?? []];
  if (old.length === 0 && next.length === 0) return undefined;
  const pairs = new Map<string, Pair>();
  for (const { element, value } of listElements(atom, old))
    pairs.set(element, { before: value, after: undefined, schema: atom.element });
  for (const { element, value } of listElements(atom, next))
    pairs.set(element, { before: pairs.get(element)?.before, after: value, schema: atom.element });
  return pairs;
}

const isListOrNothing = (value: unknown): value is unknown[] | null | undefined =>
  value === undefined || value === null || Array.isArray(value);

function mapPairs(schema: StructuralSchema, before: unknown, after: unknown): Map<string, Pair> | undefined {
  const nothing = (value: unknown): boolean => value === undefined || value === null;
  if (!(nothing(before) || isRecord(before)) || !(nothing(after) || isRecord(after))) return undefined;
  const [old, next] = [(before ?? {}) as JsonObject, (after ?? {}) as JsonObject];
  const names = new Set([...Object.keys(old), ...Object.keys(next)]);
  if (names.size === 0) return undefined;
  const pair = (name: string): Pair => ({ before: old[name], after: next[name], schema: childSchema(schema, name) });
  return new Map([...names].map((name) => [fieldElement(name), pair(name)]));
}
