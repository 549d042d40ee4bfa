import { hasType } from './type-mismatch.ts';
import { fieldSchema, isRecord, type StructuralSchema } from './types.ts';

/**
 * The value with the schema's defaults filled in where a field is absent, or null without being nullable. Defaults are filled
 * inside defaults too.
 */
export function applyDefaults(value: unknown, schema: StructuralSchema): unknown {
  if (Array.isArray(value)) {
    const { items } = schema;
    return items ? value.map((item) => applyDefaults(item, items)) : value;
  }
  if (!isRecord(value)) return value;
  const out = { ...value };
  for (const [name, property] of Object.entries(schema.properties ?? {})) {
    const missing = out[name] === undefined || (out[name] === null && !property.nullable);
    if (missing && property.default !== undefined && hasType(property.default, property))
      out[name] = structuredClone(property.default);
  }
  for (const [name, content] of Object.entries(out)) {
    const child = fieldSchema(schema, name);
    if (child) out[name] = applyDefaults(content, child);
  }
  return out;
}
