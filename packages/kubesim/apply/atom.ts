import { fieldSchema, isRecord, type StructuralSchema } from '../schema/types.ts';

/** How a value takes part in ownership and merging. */
export type Atom =
  | { kind: 'leaf' }
  | { kind: 'set'; element: StructuralSchema }
  | { kind: 'list-map'; keys: string[]; element: StructuralSchema }
  | { kind: 'map'; schema: StructuralSchema };

const LEAF: Atom = { kind: 'leaf' };
const OPEN: StructuralSchema = { 'x-kubernetes-preserve-unknown-fields': true };

/**
 * The atom of a schema, or, where the schema leaves the type open, of the value found: open objects are merged field by field,
 * open lists are one leaf.
 */
export function atomOf(schema: StructuralSchema | undefined, value: unknown): Atom {
  if (schema?.type === 'array') return listAtom(schema);
  if (schema?.type === 'object') return schema['x-kubernetes-map-type'] === 'atomic' ? LEAF : { kind: 'map', schema };
  if (schema?.type !== undefined || schema?.['x-kubernetes-int-or-string']) return LEAF;
  return isRecord(value) ? { kind: 'map', schema: OPEN } : LEAF;
}

function listAtom(schema: StructuralSchema): Atom {
  const element = schema.items ?? {};
  const listType = schema['x-kubernetes-list-type'];
  if (listType === 'set') return { kind: 'set', element };
  if (listType === 'map') return { kind: 'list-map', keys: schema['x-kubernetes-list-map-keys'] ?? [], element };
  return LEAF;
}

/** The schema below a map's field; an open one where unknown fields are kept; undefined where the schema has no such field. */
export const childSchema = (schema: StructuralSchema, name: string): StructuralSchema | undefined =>
  fieldSchema(schema, name) ?? (schema['x-kubernetes-preserve-unknown-fields'] ? {} : undefined);

/** Whether a field is named by the schema, unlike the keys of a map. */
export const isNamedField = (schema: StructuralSchema, name: string): boolean =>
  schema.properties !== undefined && Object.hasOwn(schema.properties, name);
