import { fieldSchema, isRecord, type JsonObject, type StructuralSchema } from './types.ts';

/** Whether an object may hold fields its schema does not name. */
export const keepsUnknown = (schema: StructuralSchema): boolean =>
  schema['x-kubernetes-preserve-unknown-fields'] === true ||
  (schema.properties === undefined && schema.additionalProperties === undefined && schema.type === undefined);

/** Paths of fields the schema does not know, such as `spec.containers[0].imag`, in document order. */
export function findUnknownFields(value: unknown, schema: StructuralSchema, path = ''): string[] {
  if (Array.isArray(value)) {
    const { items } = schema;
    return items ? value.flatMap((item, at) => findUnknownFields(item, items, `${path}[${at}]`)) : [];
  }
  return isRecord(value) && (path !== '' || hasUnknown(value, schema)) ? unknownInObject(value, schema, path) : [];
}

/** Asked first, because nearly always there is none: paths are spelt out only when there is one. */
function hasUnknown(value: unknown, schema: StructuralSchema): boolean {
  if (typeof value !== 'object' || value === null) return false;
  if (Array.isArray(value)) {
    const { items } = schema;
    return items !== undefined && value.some((item) => hasUnknown(item, items));
  }
  for (const name of Object.keys(value)) {
    const child = fieldSchema(schema, name);
    if (child ? hasUnknown((value as JsonObject)[name], child) : !keepsUnknown(schema)) return true;
  }
  return false;
}

function unknownInObject(value: JsonObject, schema: StructuralSchema, path: string): string[] {
  return Object.entries(value).flatMap(([name, content]) => {
    const child = fieldSchema(schema, name);
    const at = path ? `${path}.${name}` : name;
    if (child) return findUnknownFields(content, child, at);
    return keepsUnknown(schema) ? [] : [at];
  });
}

/** The first field the schema does not declare, told as an apply tells it; undefined when all are known. */
export function findUndeclared(value: unknown, schema: StructuralSchema): string | undefined {
  const [first] = findUnknownFields(value, schema);
  return first === undefined ? undefined : `.${first}: field not declared in schema`;
}
