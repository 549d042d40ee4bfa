import { fieldSchema, isRecord, type StructuralSchema } from './types.ts';
import { keepsUnknown } from './unknown-fields.ts';

/** The value without fields its schema does not know; `x-kubernetes-preserve-unknown-fields` keeps them. */
export function pruneUnknown(value: unknown, schema: StructuralSchema): unknown {
  if (Array.isArray(value)) {
    const { items } = schema;
    return items ? value.map((item) => pruneUnknown(item, items)) : value;
  }
  if (!isRecord(value)) return value;
  const entries = Object.entries(value).flatMap(([name, content]) => {
    const child = fieldSchema(schema, name);
    if (child) return [[name, pruneUnknown(content, child)] as const];
    return keepsUnknown(schema) ? [[name, content] as const] : [];
  });
  return Object.fromEntries(entries);
}
