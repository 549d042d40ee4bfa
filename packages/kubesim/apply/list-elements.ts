import { fieldSchema, isRecord, type JsonObject, type StructuralSchema } from '../schema/types.ts';
import { type Atom, atomOf, childSchema } from './atom.ts';
import { keyElement, valueElement } from './fields.ts';

type AssociativeAtom = Extract<Atom, { kind: 'set' | 'list-map' }>;

/** A list element with the path element that identifies it. */
export interface ListElement {
  element: string;
  value: unknown;
}

/** What the engines cannot work with, such as an element without its key. The message says where. */
export class TypedValueError extends Error {
  override readonly name = 'TypedValueError';
}

/**
 * The elements of a set or list map by identity, in order.
 * @throws TypedValueError for an element that has no identity
 */
export function listElements(atom: AssociativeAtom, list: readonly unknown[]): ListElement[] {
  return list.map((value) => ({ element: elementOf(atom, value), value }));
}

/** @throws TypedValueError when two elements of a set or list map are the same, which stored objects may have and bodies not */
export function checkUniqueElements(value: unknown, schema: StructuralSchema | undefined): void {
  const atom = atomOf(schema, value);
  if (atom.kind === 'map' && isRecord(value))
    for (const [name, content] of Object.entries(value)) checkUniqueElements(content, childSchema(atom.schema, name));
  if ((atom.kind !== 'set' && atom.kind !== 'list-map') || !Array.isArray(value)) return;
  const seen = new Set<string>();
  for (const { element, value: item } of listElements(atom, value)) {
    if (seen.has(element)) throw new TypedValueError(`duplicate entries for key ${element}`);
    seen.add(element);
    checkUniqueElements(item, atom.element);
  }
}

function elementOf(atom: AssociativeAtom, value: unknown): string {
  if (atom.kind === 'list-map') return keyElement(keysOf(atom, value));
  if (value === null || typeof value === 'object') throw new TypedValueError('a set may only hold scalars');
  return valueElement(value);
}

/** Keys with the schema's defaults filled in, as the server identifies an element that leaves one out. */
function keysOf(atom: Extract<Atom, { kind: 'list-map' }>, value: unknown): JsonObject {
  if (!isRecord(value)) throw new TypedValueError('an element of a list map must be an object');
  const keys: JsonObject = {};
  for (const key of atom.keys) {
    const content = value[key] ?? fieldSchema(atom.element, key)?.default;
    if (content !== undefined) keys[key] = content;
  }
  if (Object.keys(keys).length === 0)
    throw new TypedValueError(`an element of a list map omits its keys ${atom.keys.join(', ')}`);
  return keys;
}
