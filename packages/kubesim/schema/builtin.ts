import { readFileSync } from 'node:fs';
import { isRecord, type JsonObject, type StructuralSchema } from './types.ts';

interface Generated {
  kinds: Record<string, string>;
  definitions: Record<string, JsonObject>;
}

const OBJECT_META = 'io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta';

let generated: Generated | undefined;
const resolved = new Map<string, StructuralSchema>();

/** The documents of a real server, reduced by `generate.ts`; read on first use. */
const documents = (): Generated => {
  generated ??= JSON.parse(readFileSync(new URL('./generated/builtin.json', import.meta.url), 'utf8')) as Generated;
  return generated;
};

/** The schema of a built-in kind (`group` '' for core), apiVersion, kind and metadata included; undefined for others. */
export function builtinSchema(group: string, version: string, kind: string): StructuralSchema | undefined {
  const name = documents().kinds[`${group}/${version}/${kind}`];
  return name === undefined ? undefined : definition(name);
}

/** Definitions of built-in kinds (`group/version/Kind`) and of all they refer to, by name, with references as `$ref` of that name. */
export function definitionsOf(kinds: string[]): {
  names: Record<string, string>;
  definitions: Record<string, JsonObject>;
} {
  const { kinds: known, definitions } = documents();
  const names = Object.fromEntries(kinds.flatMap((kind) => (known[kind] ? [[kind, known[kind]]] : [])));
  const found: Record<string, JsonObject> = {};
  const queue = [...Object.values(names), OBJECT_META];
  for (let name = queue.pop(); name !== undefined; name = queue.pop()) {
    const source = definitions[name];
    if (!source || found[name]) continue;
    found[name] = source;
    collectReferences(source, queue);
  }
  return { names, definitions: found };
}

function collectReferences(value: unknown, into: string[]): void {
  if (typeof value !== 'object' || value === null) return;
  for (const [key, content] of Object.entries(value)) {
    if (key === '$ref' && typeof content === 'string') into.push(content);
    else collectReferences(content, into);
  }
}

/** The schema of `metadata`. */
export const objectMetaSchema = (): StructuralSchema => definition(OBJECT_META);

const completed = new WeakMap<StructuralSchema, StructuralSchema>();

/**
 * The schema of a custom resource as the server works with it: apiVersion, kind and metadata added, at the root and in embedded
 * resources. The same schema gives the same answer object.
 */
export function resourceSchema(custom: StructuralSchema): StructuralSchema {
  const known = completed.get(custom);
  if (known) return known;
  const full = withTypeMeta(embedded(custom));
  completed.set(custom, full);
  return full;
}

function withTypeMeta(schema: StructuralSchema): StructuralSchema {
  const properties = { ...schema.properties, apiVersion: { type: 'string' }, kind: { type: 'string' } };
  return { ...schema, type: 'object', properties: { ...properties, metadata: objectMetaSchema() } };
}

/** Completes embedded resources below a schema. */
function embedded(schema: StructuralSchema): StructuralSchema {
  const inner = (value: StructuralSchema): StructuralSchema => {
    const below = embedded(value);
    return below['x-kubernetes-embedded-resource'] ? withTypeMeta(below) : below;
  };
  const out: StructuralSchema = { ...schema };
  if (schema.properties)
    out.properties = Object.fromEntries(Object.entries(schema.properties).map(([name, value]) => [name, inner(value)]));
  if (schema.items) out.items = inner(schema.items);
  if (isRecord(schema.additionalProperties)) out.additionalProperties = inner(schema.additionalProperties);
  return out;
}

/** A definition with its references resolved; definitions may refer to themselves, so the answer may be cyclic. */
function definition(name: string): StructuralSchema {
  const known = resolved.get(name);
  if (known) return known;
  const target: StructuralSchema = {};
  resolved.set(name, target);
  const source = documents().definitions[name];
  return Object.assign(target, source ? resolve(source) : {});
}

function resolve(source: JsonObject): StructuralSchema {
  const { $ref, properties, items, additionalProperties, ...rest } = source;
  const out: StructuralSchema = { ...rest };
  if (isRecord(properties))
    out.properties = Object.fromEntries(
      Object.entries(properties).map(([name, value]) => [name, resolve(value as JsonObject)]),
    );
  if (isRecord(items)) out.items = resolve(items);
  if (isRecord(additionalProperties)) out.additionalProperties = resolve(additionalProperties);
  if (typeof $ref !== 'string') return out;
  // A plain reference shares its target, which may still be filling; one with a default is a copy (never part of a cycle).
  const target = definition($ref);
  return Object.keys(rest).length === 0 ? target : { ...target, ...out };
}

/**
 * What a just made object of a kind looks like before anything is set: the structs its type always holds, and null for lists and
 * maps that are required. A built-in Deployment has `spec.strategy`, a custom resource has nothing.
 */
export function emptyObject(schema: StructuralSchema): JsonObject {
  const out: JsonObject = {};
  for (const [name, property] of Object.entries(schema.properties ?? {})) {
    if (isStruct(property)) out[name] = emptyObject(property);
    else if (schema.required?.includes(name) && property.default === undefined) out[name] = null;
  }
  return out;
}

/** Structs held by value are marked with the default `{}`. */
const isStruct = ({ type, default: value }: StructuralSchema): boolean =>
  type === 'object' && isRecord(value) && Object.keys(value).length === 0;
