import type { JsonObject } from '@tmc/kernel/object.ts';

/** A document of `/openapi/v3/…`, as far as it is read here. */
export type OpenApiDocument = { readonly components: { readonly schemas: Readonly<Record<string, JsonObject>> } };
export type GroupVersionKind = { readonly group: string; readonly version: string; readonly kind: string };

/** Words of OpenAPI that structural schemas know and that carry over as they stand. */
const KEPT = [
  'type',
  'format',
  'required',
  'enum',
  'pattern',
  'nullable',
  'minimum',
  'maximum',
  'minLength',
  'maxLength',
  'minItems',
  'maxItems',
  'x-kubernetes-list-type',
  'x-kubernetes-list-map-keys',
  'x-kubernetes-map-type',
  'x-kubernetes-preserve-unknown-fields',
] as const;

const OBJECT_META = 'io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta';
/** Times that clients send as null in the metadata of a pod template. */
const NULLABLE_TIMES = ['creationTimestamp', 'deletionTimestamp'];

/**
 * The structural schema of a built-in kind from the OpenAPI document of a real API server: references resolved, descriptions and
 * empty defaults dropped. The server itself checks an object's own metadata; that of a pod template is spelled out, else its
 * labels would be pruned.
 * @throws RangeError when the document does not describe the kind.
 */
export function reduceOpenApi(document: OpenApiDocument, wanted: GroupVersionKind): JsonObject {
  const { schemas } = document.components;
  const root = Object.values(schemas).find((schema) => describesKind(schema, wanted));
  if (!root) throw new RangeError(`the document has no schema of ${wanted.group}/${wanted.version} ${wanted.kind}`);
  const properties = root['properties'] as Record<string, JsonObject>;
  const { spec, status } = properties;
  return {
    type: 'object',
    properties: {
      apiVersion: { type: 'string' },
      kind: { type: 'string' },
      metadata: { type: 'object' },
      ...(spec ? { spec: reduce(spec, schemas) } : {}),
      ...(status ? { status: reduce(status, schemas) } : {}),
    },
  };
}

function describesKind(schema: JsonObject, wanted: GroupVersionKind): boolean {
  const kinds = (schema['x-kubernetes-group-version-kind'] ?? []) as GroupVersionKind[];
  return kinds.some((k) => k.kind === wanted.kind && k.group === wanted.group && k.version === wanted.version);
}

function reduce(node: JsonObject, schemas: OpenApiDocument['components']['schemas']): JsonObject {
  const { merged, refs } = resolve(node, schemas);
  if (merged['format'] === 'int-or-string' || merged['oneOf']) return { 'x-kubernetes-int-or-string': true };
  const result: JsonObject = {};
  for (const word of KEPT) if (merged[word] !== undefined) result[word] = merged[word];
  if (isMeaningful(merged['default'])) result['default'] = merged['default'];
  if (merged['items']) result['items'] = reduce(merged['items'] as JsonObject, schemas);
  if (typeof merged['additionalProperties'] === 'object') {
    result['additionalProperties'] = reduce(merged['additionalProperties'] as JsonObject, schemas);
  }
  const properties = reduceProperties(merged['properties'] as Record<string, JsonObject> | undefined, schemas);
  if (properties) result['properties'] = refs.includes(OBJECT_META) ? templateMetadata(properties) : properties;
  return withMapKeyDefaults(result);
}

function reduceProperties(
  properties: Record<string, JsonObject> | undefined,
  schemas: OpenApiDocument['components']['schemas'],
): Record<string, JsonObject> | undefined {
  if (!properties) return undefined;
  return Object.fromEntries(Object.entries(properties).map(([name, child]) => [name, reduce(child, schemas)]));
}

/** The node with its reference and the entries of `allOf` folded in; `refs` names what was followed. */
function resolve(
  node: JsonObject,
  schemas: OpenApiDocument['components']['schemas'],
): { merged: JsonObject; refs: string[] } {
  const { $ref, allOf, ...own } = node;
  const name = typeof $ref === 'string' ? $ref.slice($ref.lastIndexOf('/') + 1) : undefined;
  const parts = [...((allOf as JsonObject[] | undefined) ?? []), ...(name ? [schemas[name] ?? {}] : [])];
  const resolved = parts.map((part) => resolve(part, schemas));
  return {
    merged: Object.assign({}, ...resolved.map((part) => part.merged), own) as JsonObject,
    refs: [...(name ? [name] : []), ...resolved.flatMap((part) => part.refs)],
  };
}

/** Servers publish the zero value of everything as its default; admission refuses or ignores those. */
function isMeaningful(value: unknown): boolean {
  return value !== null && typeof value !== 'object' && Boolean(value);
}

function templateMetadata(properties: Record<string, JsonObject>): Record<string, JsonObject> {
  const { managedFields: _dropped, ...rest } = properties;
  for (const name of NULLABLE_TIMES) rest[name] = { ...rest[name], nullable: true };
  return rest;
}

/** A list-map key that an element may leave out needs a default, so that the element has an identity. */
function withMapKeyDefaults(list: JsonObject): JsonObject {
  const keys = (list['x-kubernetes-list-map-keys'] ?? []) as string[];
  const items = list['items'] as JsonObject | undefined;
  if (keys.length === 0 || !items) return list;
  const properties = { ...(items['properties'] as Record<string, JsonObject>) };
  const required = (items['required'] ?? []) as string[];
  for (const key of keys) {
    const property = properties[key];
    if (property && !required.includes(key) && property['default'] === undefined) {
      properties[key] = { ...property, default: property['type'] === 'integer' ? 0 : '' };
    }
  }
  return { ...list, items: { ...items, properties } };
}
