import { fieldSchema, type JsonObject, type StructuralSchema } from './types.ts';

/** The JSON type of a value as schemas name it. */
export function jsonType(value: unknown): string {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'array';
  if (typeof value === 'number') return Number.isInteger(value) ? 'integer' : 'number';
  return typeof value;
}

/** Whether a value is of a schema's type, leaving aside what is below it. Null is another question. */
export function hasType(value: unknown, schema: StructuralSchema): boolean {
  const found = jsonType(value);
  if (schema['x-kubernetes-int-or-string']) return found === 'integer' || found === 'string';
  return schema.type === undefined || schema.type === found || (schema.type === 'number' && found === 'integer');
}

interface Mismatch {
  value: unknown;
  schema: StructuralSchema;
  /** Where it is; `field` is false for keys of maps and indexes of lists. */
  steps: { text: string; field: boolean }[];
}

/** The first value that is not of its schema's type; null fits everywhere. */
function firstMismatch(value: unknown, schema: StructuralSchema): Mismatch | undefined {
  if (value === null) return undefined;
  if (!hasType(value, schema)) return { value, schema, steps: [] };
  if (typeof value !== 'object') return undefined;
  const isList = Array.isArray(value);
  for (const name of Object.keys(value as object)) {
    const child = isList ? schema.items : fieldSchema(schema, name);
    const found = child && firstMismatch((value as JsonObject)[name], child);
    if (!found) continue;
    // The way to it is spelt out on the way back: nearly always there is nothing to find.
    found.steps.unshift({ text: isList ? `[${name}]` : `.${name}`, field: !isList && !schema.additionalProperties });
    return found;
  }
  return undefined;
}

/** What does not fit its schema, as `.data.k: expected string, got integer`, the way an apply tells it (500). */
export function typeMismatch(value: unknown, schema: StructuralSchema): string | undefined {
  const found = firstMismatch(value, schema);
  if (!found) return undefined;
  const path = found.steps.map(({ text }) => text).join('');
  return `${path}: expected ${found.schema.type ?? 'integer or string'}, got ${jsonType(found.value)}`;
}

const GO_VALUE: Record<string, string> = { integer: 'number', boolean: 'bool' };
const GO_TYPE: Record<string, string> = { integer: 'int32', boolean: 'bool' };

/** Roughly the type Go's decoder names: what a schema does not tell stays the schema's own word. */
function goType({ type = 'IntOrString', additionalProperties }: StructuralSchema): string {
  return additionalProperties ? 'map[string]string' : (GO_TYPE[type] ?? type);
}

/** What a built-in type cannot be decoded from, in the words of Go's decoder (400; 422 in a patch). */
export function decodeFailure(value: unknown, schema: StructuralSchema, kind: string): string | undefined {
  const found = firstMismatch(value, schema);
  if (!found) return undefined;
  const path = found.steps.filter(({ field }) => field).map(({ text }) => text);
  const type = jsonType(found.value);
  return `json: cannot unmarshal ${GO_VALUE[type] ?? type} into Go struct field ${kind}${path.join('')} of type ${goType(found.schema)}`;
}
