import type { OpenApiSchema, ResourceDef } from '../resources/definition.ts';
import { definitionsOf } from '../schema/builtin.ts';

const ANYTHING: OpenApiSchema = { type: 'object', 'x-kubernetes-preserve-unknown-fields': true };
const PREFIX = '#/components/schemas/';
const V2_PREFIX = '#/definitions/';
const OBJECT_META = 'io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta';

/** `io.k8s.api.apps.v1.Deployment`, or the reversed group for resources defined at run time. */
function nameOf(def: ResourceDef): string {
  if (def.custom) return `${def.group.split('.').reverse().join('.')}.${def.version}.${def.kind}`;
  return `io.k8s.api.${def.group.split('.')[0] || 'core'}.${def.version}.${def.kind}`;
}

function schemaOf(def: ResourceDef, metaRef: OpenApiSchema): OpenApiSchema {
  const own = (def.schema ?? ANYTHING) as { properties?: Record<string, unknown> };
  return {
    ...own,
    type: 'object',
    properties: {
      apiVersion: { type: 'string' },
      kind: { type: 'string' },
      ...own.properties,
      metadata: metaRef,
    },
    ...kindMark(def),
  };
}

const collectionPath = (def: ResourceDef): string =>
  `/${def.group ? `apis/${def.group}` : 'api'}/${def.version}/${def.namespaced ? 'namespaces/{namespace}/' : ''}${def.plural}`;

/** The parameters kubectl looks for to know what the server supports. */
const parameters = ['dryRun', 'fieldManager', 'fieldValidation'].map((name) => ({
  name,
  in: 'query',
  schema: { type: 'string', uniqueItems: true },
}));

function pathsOf(def: ResourceDef): [string, unknown][] {
  const kind = { group: def.group, version: def.version, kind: def.kind };
  const operation = (action: string) => ({
    'x-kubernetes-action': action,
    'x-kubernetes-group-version-kind': kind,
    parameters,
    responses: { 200: { description: 'OK' } },
  });
  const path = collectionPath(def);
  return [
    [path, { get: operation('list'), post: operation('post') }],
    [
      `${path}/{name}`,
      { get: operation('get'), put: operation('put'), patch: operation('patch'), delete: operation('delete') },
    ],
  ];
}

const kindMark = (def: ResourceDef) => ({
  'x-kubernetes-group-version-kind': [{ group: def.group, version: def.version, kind: def.kind }],
});

/** References as OpenAPI writes them. */
function withPrefix(value: unknown, prefix: string): unknown {
  if (Array.isArray(value)) return value.map((item) => withPrefix(item, prefix));
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).map(([key, content]) =>
    // A property may be called `$ref` too; it is then a schema.
    key === '$ref' && typeof content === 'string' ? [key, `${prefix}${content}`] : [key, withPrefix(content, prefix)],
  );
  return Object.fromEntries(entries);
}

/** What the kinds of a group version look like: built-in ones as real servers describe them, without their prose. */
function schemasOf(defs: ResourceDef[], prefix = PREFIX): Record<string, OpenApiSchema> {
  const keyOf = (def: ResourceDef) => `${def.group}/${def.version}/${def.kind}`;
  const { names, definitions } = definitionsOf(defs.filter((def) => !def.custom && !def.schema).map(keyOf));
  const schemas = withPrefix(definitions, prefix) as Record<string, OpenApiSchema>;
  for (const def of defs) {
    const known = names[keyOf(def)];
    if (known) schemas[known] = { ...schemas[known], ...kindMark(def) };
    else schemas[nameOf(def)] = schemaOf(def, { $ref: `${prefix}${OBJECT_META}` });
  }
  return schemas;
}

/** The OpenAPI v3 document of one group version. */
export function openApiDocument(defs: ResourceDef[]): OpenApiSchema {
  return {
    openapi: '3.0.0',
    info: { title: 'Kubernetes', version: 'v1.36.3' },
    paths: Object.fromEntries(defs.flatMap(pathsOf)),
    components: { schemas: schemasOf(defs) },
  };
}

/** The OpenAPI v2 document of everything, for clients that only know that one. */
export function openApiV2(defs: ResourceDef[]): OpenApiSchema {
  const paths = defs.flatMap(pathsOf).map(([path, operations]) => [
    path,
    Object.fromEntries(
      Object.entries(operations as Record<string, object>).map(([method, operation]) => [
        method,
        {
          ...operation,
          parameters: ['dryRun', 'fieldManager', 'fieldValidation'].map((name) => ({
            name,
            in: 'query',
            type: 'string',
            uniqueItems: true,
          })),
        },
      ]),
    ),
  ]);
  return {
    swagger: '2.0',
    info: { title: 'Kubernetes', version: 'v1.36.3' },
    paths: Object.fromEntries(paths),
    definitions: schemasOf(defs, V2_PREFIX),
  };
}
