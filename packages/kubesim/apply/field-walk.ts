import { isRecord, type StructuralSchema } from '../schema/types.ts';
import { atomOf, childSchema, isNamedField } from './atom.ts';
import { type FieldSet, FieldSetBuilder, fieldElement, trimmed } from './fields.ts';
import { listElements } from './list-elements.ts';

/**
 * The fields an object sets under a schema: what an apply of it owns.
 * @throws TypedValueError for a list element without identity
 */
export function fieldsOf(value: unknown, schema: StructuralSchema): FieldSet {
  const builder = new FieldSetBuilder();
  collect(value, schema, builder);
  return builder.build();
}

/** @returns whether the value is a leaf that its parent records */
function collect(value: unknown, schema: StructuralSchema | undefined, into: FieldSetBuilder): boolean {
  const atom = atomOf(schema, value);
  if (atom.kind === 'leaf') return true;
  if (atom.kind === 'map') {
    if (isRecord(value)) collectMap(value, atom.schema, into);
    else return value !== undefined && value !== null;
    return false;
  }
  if (!Array.isArray(value)) return value !== undefined && value !== null;
  for (const { element, value: item } of listElements(atom, value)) {
    collect(item, atom.element, into.child(element));
    into.members.add(element);
  }
  return false;
}

function collectMap(value: Record<string, unknown>, schema: StructuralSchema, into: FieldSetBuilder): void {
  for (const [name, content] of Object.entries(value)) {
    const element = fieldElement(name);
    const leaf = collect(content, childSchema(schema, name), into.child(element));
    if (leaf || isHollow(content) || !isNamedField(schema, name)) into.members.add(element);
  }
}

/** Null and `{}` have nothing below to own, so they are owned themselves. */
const isHollow = (value: unknown): boolean => value === null || (isRecord(value) && Object.keys(value).length === 0);

/**
 * The set with the named fields on the way to its members added: removing `f:x` of a struct removes the struct, unless others
 * hold on to it. Keys of maps and list elements are not added.
 */
export function withNamedFields(set: FieldSet, schema: StructuralSchema | undefined): FieldSet {
  const atom = atomOf(schema, {});
  const map = atom.kind === 'map' ? atom.schema : undefined;
  const named = [...set.children.keys()].filter(
    (element) => map && element.startsWith('f:') && isNamedField(map, element.slice(2)),
  );
  const children = [...set.children].map(
    ([element, child]) => [element, withNamedFields(child, schemaBelow(schema, element))] as const,
  );
  return trimmed([...set.members, ...named], children);
}

/** The schema an element of a path leads to. */
function schemaBelow(schema: StructuralSchema | undefined, element: string): StructuralSchema | undefined {
  if (!schema) return undefined;
  if (!element.startsWith('f:')) return schema.items ?? {};
  const atom = atomOf(schema, {});
  return atom.kind === 'map' ? childSchema(atom.schema, element.slice(2)) : undefined;
}
