import type { OpenApiSchema, ResourceDef } from '../resources/definition.ts';

const ANYTHING: OpenApiSchema = { type: 'object', 'x-kubernetes-preserve-unknown-fields': true };
const META_REF = { $ref: '#/components/schemas/io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta' };

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
    'x-kubernetes-group-version-kind': [{ group: def.group, version: def.version, kind: def.kind }],
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

/** The OpenAPI v3 document of one group version. Built-in types are described as open objects. */
export function openApiDocument(defs: ResourceDef[]): OpenApiSchema {
  const schemas = Object.fromEntries(defs.map((def) => [nameOf(def), schemaOf(def, META_REF)]));
  return {
    openapi: '3.0.0',
    info: { title: 'Kubernetes', version: 'v1.36.3' },
    paths: Object.fromEntries(defs.flatMap(pathsOf)),
    components: { schemas: { ...schemas, 'io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta': ANYTHING } },
  };
}

/** The OpenAPI v2 document of everything, for clients that only know that one. */
export function openApiV2(defs: ResourceDef[]): OpenApiSchema {
  const open = { type: 'object' };
  const definitions = defs.map((def) => [
    nameOf(def),
    { ...open, 'x-kubernetes-group-version-kind': [{ group: def.group, version: def.version, kind: def.kind }] },
  ]);
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
    definitions: Object.fromEntries(definitions),
  };
}
