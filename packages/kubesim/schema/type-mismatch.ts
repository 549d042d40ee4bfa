import { fieldSchema, isRecord, type StructuralSchema } from './types.ts';

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

/**
 * The first value that is not of its schema's type, as `.data.k: expected string, got integer`; undefined when all fit. This is
 * what decoding into a built-in type refuses (400; 422 in a patch; 500 in an apply). Null fits everywhere.
 */
export function typeMismatch(value: unknown, schema: StructuralSchema, path = ''): string | undefined {
  if (value === null) return undefined;
  if (!hasType(value, schema)) return `${path}: expected ${schema.type ?? 'integer or string'}, got ${jsonType(value)}`;
  const below: [unknown, StructuralSchema | undefined, string][] = Array.isArray(value)
    ? value.map((item, at) => [item, schema.items, `${path}[${at}]`])
    : Object.entries(isRecord(value) ? value : {}).map(([name, item]) => [
        item,
        fieldSchema(schema, name),
        `${path}.${name}`,
      ]);
  for (const [item, child, at] of below) {
    const problem = child && typeMismatch(item, child, at);
    if (problem) return problem;
  }
  return undefined;
}
