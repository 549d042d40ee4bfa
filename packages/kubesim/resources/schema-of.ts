import { builtinSchema, resourceSchema } from '../schema/builtin.ts';
import type { StructuralSchema } from '../schema/types.ts';
import type { ResourceDef } from './definition.ts';

/** Kinds without a schema of their own hold anything. */
const OPEN: StructuralSchema = { type: 'object', 'x-kubernetes-preserve-unknown-fields': true };

const builtins = new Map<string, StructuralSchema>();

/** The whole schema of a resource, apiVersion, kind and metadata included. */
export function schemaOf(def: ResourceDef): StructuralSchema {
  if (def.schema) return resourceSchema(def.schema as StructuralSchema);
  if (def.custom) return resourceSchema(OPEN);
  const key = `${def.group}/${def.version}/${def.kind}`;
  let schema = builtins.get(key);
  if (!schema) {
    schema = builtinSchema(def.group, def.version, def.kind) ?? resourceSchema(OPEN);
    builtins.set(key, schema);
  }
  return schema;
}
