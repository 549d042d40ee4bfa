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
  for (const [name, content] of defaultsOf(schema)) if (out[name] === undefined) out[name] = content;
  for (const name of Object.keys(out)) {
    const content = out[name];
    const child = typeof content === 'object' && content !== null ? fieldSchema(schema, name) : undefined;
    if (child) out[name] = applyDefaults(content, child);
  }
  return out;
}

const known = new WeakMap<StructuralSchema, readonly (readonly [string, unknown])[]>();

/** The fields of a schema with a default of their type. Values are shared by all who get them: objects are never changed in place. */
function defaultsOf(schema: StructuralSchema): readonly (readonly [string, unknown])[] {
  let found = known.get(schema);
  if (!found) {
    found = Object.entries(schema.properties ?? {}).flatMap(([name, property]) => {
      const { default: content } = property;
      return content !== undefined && hasType(content, property) ? [[name, content] as const] : [];
    });
    known.set(schema, found);
  }
  return found;
}

function withoutNulls(value: JsonObject, schema: StructuralSchema): JsonObject {
  if (!Object.values(value).includes(null)) return { ...value };
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
 * A value as it comes out of a built-in type (all built-in kinds, and metadata of every object): null fields are absent, null
 * map entries and list elements have the zero value of their type, optional lists and maps that are empty are absent.
 */
export function decodeTyped(value: unknown, schema: StructuralSchema): unknown {
  if (Array.isArray(value)) {
    const { items } = schema;
    return items ? value.map((item) => decodeElement(item, items)) : value;
  }
  if (!isRecord(value)) return value;
  const { properties, required } = schema;
  const entries = Object.entries(value).flatMap(([name, content]) => {
    const child = fieldSchema(schema, name);
    if (!child) return [[name, content] as const];
    if (!properties) return [[name, decodeElement(content, child)] as const];
    const decoded = decodeTyped(content, child);
    return decoded === null || (isOmitted(decoded, child) && !required?.includes(name))
      ? []
      : [[name, decoded] as const];
  });
  return Object.fromEntries(entries);
}

const decodeElement = (value: unknown, schema: StructuralSchema): unknown =>
  value === null ? (ZERO[schema.type ?? ''] ?? null) : decodeTyped(value, schema);

const isOmitted = (value: unknown, schema: StructuralSchema): boolean =>
  Array.isArray(value)
    ? value.length === 0
    : isRecord(value) && schema.additionalProperties !== undefined && Object.keys(value).length === 0;
