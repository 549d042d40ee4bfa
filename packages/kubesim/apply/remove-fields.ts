import { isRecord, type JsonObject, type StructuralSchema } from '../schema/types.ts';
import { atomOf, childSchema } from './atom.ts';
import { below, type FieldSet, fieldElement, isEmptySet } from './fields.ts';
import { listElements } from './list-elements.ts';

/** The value without the fields of a set; what this empties goes as well. */
export function removeFields(value: unknown, fields: FieldSet, schema: StructuralSchema | undefined): unknown {
  if (isEmptySet(fields)) return value;
  const atom = atomOf(schema, value);
  if (atom.kind === 'map' && isRecord(value)) return removeFromMap(value, fields, atom.schema);
  if ((atom.kind === 'set' || atom.kind === 'list-map') && Array.isArray(value)) {
    const kept = listElements(atom, value)
      .filter(({ element }) => !fields.members.has(element))
      .map((item) => removeFields(item.value, below(fields, item.element), atom.element));
    return kept.length ? kept : undefined;
  }
  return value;
}

function removeFromMap(value: JsonObject, fields: FieldSet, schema: StructuralSchema): JsonObject | undefined {
  const out: JsonObject = {};
  for (const [name, content] of Object.entries(value)) {
    const element = fieldElement(name);
    if (fields.members.has(element)) continue;
    const rest = removeFields(content, below(fields, element), childSchema(schema, name));
    if (rest !== undefined) out[name] = rest;
  }
  return Object.keys(out).length ? out : undefined;
}
