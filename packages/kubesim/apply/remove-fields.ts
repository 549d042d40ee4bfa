import { isRecord, type JsonObject, type StructuralSchema } from '../schema/types.ts';
import { atomOf, childSchema, isNamedField } from './atom.ts';
import { below, type FieldSet, fieldElement, isEmptySet } from './fields.ts';
import { listElements } from './list-elements.ts';

/**
 * The value without the fields of a set. What this empties becomes null instead of going, because someone may own the empty
 * map itself; `dropNullFields` ends that.
 */
export function removeFields(value: unknown, fields: FieldSet, schema: StructuralSchema | undefined): unknown {
  if (isEmptySet(fields)) return value;
  const atom = atomOf(schema, value);
  if (atom.kind === 'map' && isRecord(value)) return removeFromMap(value, fields, atom.schema);
  if ((atom.kind === 'set' || atom.kind === 'list-map') && Array.isArray(value)) {
    const kept = listElements(atom, value)
      .filter(({ element }) => !fields.members.has(element))
      .map((item) => removeFields(item.value, below(fields, item.element), atom.element));
    return kept.length ? kept : null;
  }
  return value;
}

function removeFromMap(value: JsonObject, fields: FieldSet, schema: StructuralSchema): JsonObject | null {
  const out: JsonObject = {};
  for (const [name, content] of Object.entries(value)) {
    const element = fieldElement(name);
    if (fields.members.has(element)) continue;
    out[name] = removeFields(content, below(fields, element), childSchema(schema, name));
  }
  return Object.keys(out).length ? out : null;
}

/** The value without named fields that are null where their schema does not allow it. */
export function dropNullFields(value: unknown, schema: StructuralSchema | undefined): unknown {
  if (Array.isArray(value)) return schema?.items ? value.map((item) => dropNullFields(item, schema.items)) : value;
  if (!isRecord(value) || !schema) return value;
  const entries = Object.entries(value).flatMap(([name, content]) => {
    const child = childSchema(schema, name);
    const gone = content === null && isNamedField(schema, name) && !child?.nullable;
    return gone ? [] : [[name, dropNullFields(content, child)] as const];
  });
  return Object.fromEntries(entries);
}
