/**
 * What makes our API visible in kcp: schemas, the APIExport over them, the workspace type that binds it, and who may use it.
 * Apply them in the order schemas, export, rbac, workspace type, in the workspace of the export.
 */
import { contentHash } from '@tmc/kernel/canonical.ts';
import type { JsonObject, KubeObject } from '@tmc/kernel/object.ts';
import { EXPORTED_BUILTINS, type ExportedBuiltin } from './builtins.ts';
import { kindSchema, names, servedVersion } from './crd.ts';
import deployments from './generated/deployments.json' with { type: 'json' };
import services from './generated/services.json' with { type: 'json' };
import { KINDS } from './kinds/all.ts';

/** Where the APIExport is: the workspace that holds it and its name, which is also that of the slice kcp makes for it. */
export type ExportReference = { readonly workspace: string; readonly name: string };

const DEFAULT_EXPORT: ExportReference = { workspace: 'root:tmc', name: 'tmc.kcp.io' };

/** Written by `generate/workload-schemas.ts`. */
const BUILTIN_SCHEMAS: Readonly<Record<string, JsonObject>> = { deployments, services };

const WRITE_VERBS = ['get', 'list', 'watch', 'create', 'update', 'patch', 'delete'];
const READ_VERBS = ['get', 'list', 'watch'];

/** Resources of kcp's own that relay and functions reach in tenants' workspaces. Never RBAC: claiming that is tenant root. */
const CLAIMS: readonly { readonly resource: string; readonly verbs: readonly string[] }[] = [
  { resource: 'configmaps', verbs: WRITE_VERBS },
  { resource: 'secrets', verbs: WRITE_VERBS },
  { resource: 'namespaces', verbs: WRITE_VERBS },
  { resource: 'serviceaccounts', verbs: WRITE_VERBS },
  { resource: 'events', verbs: WRITE_VERBS },
];

/**
 * Schemas of our kinds and of the built-in ones we export. They are immutable, so the name carries a hash of the content:
 * create what is absent, leave what is there.
 */
export function apiResourceSchemas(): KubeObject[] {
  const own = KINDS.map((kind) =>
    schemaObject({
      group: kind.resource.group,
      scope: kind.resource.namespaced ? 'Namespaced' : 'Cluster',
      names: names(kind),
      versions: [{ ...servedVersion(kind), name: kind.resource.version, schema: kindSchema(kind) }],
    }),
  );
  return [...own, ...EXPORTED_BUILTINS.map(builtinSchema)];
}

/** The APIExport (v1alpha2) that offers the given schemas and claims what the functions touch besides. */
export function apiExport(schemas: readonly KubeObject[], { name }: ExportReference = DEFAULT_EXPORT): KubeObject {
  return {
    apiVersion: 'apis.kcp.io/v1alpha2',
    kind: 'APIExport',
    metadata: { name },
    spec: {
      resources: schemas.map(({ metadata, spec }) => {
        const { group, names: schemaNames } = spec as { group: string; names: { plural: string } };
        return { group, name: schemaNames.plural, schema: metadata.name, storage: { crd: {} } };
      }),
      permissionClaims: CLAIMS.map(({ resource, verbs }) => ({ group: '', resource, verbs: [...verbs] })),
      maximalPermissionPolicy: { local: {} },
    },
  };
}

/** The claims of {@link apiExport} as a binding accepts them: all objects. */
export function acceptedClaims(): JsonObject[] {
  return CLAIMS.map(({ resource, verbs }) => ({
    group: '',
    resource,
    verbs: [...verbs],
    selector: { matchAll: true },
    state: 'Accepted',
  }));
}

/** The workspace type of tenants: the export is bound and its claims are accepted before a workspace is ready. */
export function workspaceType({ workspace, name }: ExportReference = DEFAULT_EXPORT): KubeObject {
  return {
    apiVersion: 'tenancy.kcp.io/v1alpha1',
    kind: 'WorkspaceType',
    metadata: { name: 'tmc-tenant' },
    spec: {
      extend: { with: [{ path: 'root', name: 'universal' }] },
      defaultAPIBindings: [{ path: workspace, export: name }],
      defaultAPIBindingLifecycle: 'Maintain',
    },
  };
}

function builtinSchema({ resource, shortNames, subresources, columns }: ExportedBuiltin): KubeObject {
  const { kind, resource: plural } = resource;
  const schemaNames = {
    plural,
    singular: kind.toLowerCase(),
    kind,
    listKind: `${kind}List`,
    shortNames: [...shortNames],
  };
  return schemaObject({
    group: resource.group,
    scope: 'Namespaced',
    names: { ...schemaNames, categories: ['all'] },
    versions: [
      {
        name: resource.version,
        served: true,
        storage: true,
        subresources,
        additionalPrinterColumns: [...columns],
        schema: builtinSchemaBody(plural),
      },
    ],
  });
}

function builtinSchemaBody(plural: string): JsonObject {
  const body = BUILTIN_SCHEMAS[plural];
  if (!body) throw new RangeError(`no generated schema of ${plural}: run generate/workload-schemas.ts`);
  return body;
}

/** `v<hash>.<plural>.<group or core>`; the prefix has to start with a letter. */
function schemaObject(spec: JsonObject & { group: string; names: JsonObject }): KubeObject {
  const name = `v${contentHash(spec).slice(0, 12)}.${String(spec.names['plural'])}.${spec.group || 'core'}`;
  return { apiVersion: 'apis.kcp.io/v1alpha1', kind: 'APIResourceSchema', metadata: { name }, spec };
}

/**
 * Who may do what, for the workspace of the export: everybody may bind it; tenants may do anything with their objects but write
 * a status, which is ours; the given ServiceAccount reads and writes tenants' objects through the export.
 */
export function rbac(
  serviceAccount: { name: string; namespace: string },
  { name }: ExportReference = DEFAULT_EXPORT,
): KubeObject[] {
  const everyone = { kind: 'Group', apiGroup: RBAC, name: 'system:authenticated' };
  const boundTenants = { kind: 'Group', apiGroup: RBAC, name: 'apis.kcp.io:binding:system:authenticated' };
  const account = { kind: 'ServiceAccount', ...serviceAccount };
  return [
    ...roleFor('tmc-bind', [exportRule(name, 'apiexports', ['bind'])], everyone),
    ...roleFor('tmc-maximal', maximalRules(), boundTenants),
    ...roleFor(
      'tmc-controller',
      [
        { apiGroups: ['apis.kcp.io'], resources: ['apiexportendpointslices'], verbs: READ_VERBS },
        exportRule(name, 'apiexports/content', WRITE_VERBS),
        // Which kinds to watch follows from the export itself.
        exportRule(name, 'apiexports', ['get']),
        { apiGroups: ['core.kcp.io'], resources: ['logicalclusters'], verbs: ['get'] },
      ],
      account,
    ),
  ];
}

const RBAC = 'rbac.authorization.k8s.io';

function exportRule(exportName: string, resource: string, verbs: string[]): JsonObject {
  return { apiGroups: ['apis.kcp.io'], resources: [resource], resourceNames: [exportName], verbs };
}

/** The most a tenant can be given: all of the objects and of `scale`, their status to read. */
function maximalRules(): JsonObject[] {
  const types = [...KINDS.map((kind) => kind.resource), ...EXPORTED_BUILTINS.map((builtin) => builtin.resource)];
  const groups = [...new Set(types.map((type) => type.group))];
  return groups.flatMap((group) => {
    const resources = types.filter((type) => type.group === group).map((type) => type.resource);
    const scales = EXPORTED_BUILTINS.filter((b) => b.resource.group === group && 'scale' in b.subresources);
    return [
      {
        apiGroups: [group],
        resources: [...resources, ...scales.map((b) => `${b.resource.resource}/scale`)],
        verbs: ['*'],
      },
      { apiGroups: [group], resources: resources.map((resource) => `${resource}/status`), verbs: READ_VERBS },
    ];
  });
}

function roleFor(name: string, rules: JsonObject[], subject: JsonObject): KubeObject[] {
  return [
    { apiVersion: `${RBAC}/v1`, kind: 'ClusterRole', metadata: { name }, rules },
    {
      apiVersion: `${RBAC}/v1`,
      kind: 'ClusterRoleBinding',
      metadata: { name },
      roleRef: { apiGroup: RBAC, kind: 'ClusterRole', name },
      subjects: [subject],
    },
  ];
}
