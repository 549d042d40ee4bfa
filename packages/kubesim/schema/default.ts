import { hasType } from './type-mismatch.ts';
import { fieldSchema, isRecord, type JsonObject, type StructuralSchema } from './types.ts';

/**
 * The value of a custom resource with the schema's defaults filled in where a field is absent, or null without being nullable;
 * such a null without a default goes. Defaults are filled inside defaults too. On built-in kinds this fills the structs and
 * values their schema tells, not what a server computes.
 */
export function applyDefaults(value: unknown, schema: StructuralSchema): unknown {
  if (Array.isArray(value)) {
    const { items } = schema;
    return items ? value.map((item) => applyDefaults(item, items)) : value;
  }
  if (!isRecord(value)) return value;
  const out = withoutNulls(value, schema);
  for (const [name, property] of Object.entries(schema.properties ?? {})) {
    const { default: content } = property;
    if (out[name] === undefined && content !== undefined && hasType(content, property))
      out[name] = structuredClone(content);
  }
  for (const [name, content] of Object.entries(out)) {
    const child = fieldSchema(schema, name);
    if (child) out[name] = applyDefaults(content, child);
  }
  return out;
}

function withoutNulls(value: JsonObject, schema: StructuralSchema): JsonObject {
  const kept = Object.entries(value).filter(([name, content]) => {
    const child = content === null ? fieldSchema(schema, name) : undefined;
    return child === undefined || child.nullable === true || isOpen(child);
  });
  return Object.fromEntries(kept);
}

/** A schema that says nothing about the type holds null too. */
const isOpen = (schema: StructuralSchema): boolean =>
  schema.type === undefined && schema['x-kubernetes-preserve-unknown-fields'] === true;

const ZERO: Record<string, unknown> = { string: '', integer: 0, number: 0, boolean: false };

/**
 * What null becomes when a built-in type (or metadata) is read: a field that is null is absent, a map entry or list element
 * that is null has the zero value of its type.
 */
export function decodeNulls(value: unknown, schema: StructuralSchema): unknown {
  if (Array.isArray(value)) {
    const { items } = schema;
    return items ? value.map((item) => (item === null ? zeroOf(items) : decodeNulls(item, items))) : value;
  }
  if (!isRecord(value)) return value;
  const entries = Object.entries(value).flatMap(([name, content]) => {
    const child = fieldSchema(schema, name);
    if (content !== null) return [[name, child ? decodeNulls(content, child) : content] as const];
    if (schema.properties) return child ? [] : [[name, content] as const];
    return [[name, child ? zeroOf(child) : content] as const];
  });
  return Object.fromEntries(entries);
}

const zeroOf = (schema: StructuralSchema): unknown => ZERO[schema.type ?? ''] ?? null;
