import type { KubeObject } from '@tmc/kernel/object.ts';

/** Namespace and name of the ServiceAccount that relay and functions work as. */
export const KCP_SERVICE_ACCOUNT = { namespace: 'tmc-system', name: 'tmc-relay' } as const;

export type NamedResource = { readonly resource: string; readonly object: KubeObject };

const RBAC = 'rbac.authorization.k8s.io';

/**
 * The rights in the export's workspace, in the order they are to be written: everybody may bind the export; the ServiceAccount
 * reads the endpoint slice and works on the export's content with exactly the verbs used.
 */
export function kcpRights(exportName: string): NamedResource[] {
  const { namespace, name } = KCP_SERVICE_ACCOUNT;
  const verbs = ['get', 'list', 'watch', 'create', 'update', 'patch', 'delete'];
  return [
    role('tmc-bind', [
      { apiGroups: ['apis.kcp.io'], resources: ['apiexports'], resourceNames: [exportName], verbs: ['bind'] },
    ]),
    binding('tmc-bind', { kind: 'Group', apiGroup: RBAC, name: 'system:authenticated' }),
    binding('tmc-maximal', { kind: 'Group', apiGroup: RBAC, name: 'apis.kcp.io:binding:system:authenticated' }),
    { resource: 'namespaces', object: { apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } } },
    {
      resource: 'serviceaccounts',
      object: { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name, namespace } },
    },
    role(name, [
      { apiGroups: ['apis.kcp.io'], resources: ['apiexports/content'], resourceNames: [exportName], verbs },
      { apiGroups: ['apis.kcp.io'], resources: ['apiexportendpointslices'], verbs: ['get', 'list', 'watch'] },
    ]),
    binding(name, { kind: 'ServiceAccount', namespace, name }),
  ];
}

/**
 * What tenants may do at most with the exported resources: everything, but their status is ours and they only read it.
 * Without a maximal policy in the export the role has no effect.
 */
export function maximalPolicyRole(apiExport: KubeObject): NamedResource {
  const { resources = [] } = apiExport['spec'] as { resources?: { group?: string; name: string }[] };
  return role(
    'tmc-maximal',
    resources.flatMap(({ group = '', name }) => [
      { apiGroups: [group], resources: [name, `${name}/scale`], verbs: ['*'] },
      { apiGroups: [group], resources: [`${name}/status`], verbs: ['get', 'list', 'watch'] },
    ]),
  );
}

function role(name: string, rules: readonly object[]): NamedResource {
  return {
    resource: 'clusterroles',
    object: { apiVersion: `${RBAC}/v1`, kind: 'ClusterRole', metadata: { name }, rules },
  };
}

function binding(name: string, subject: object): NamedResource {
  const object: KubeObject = {
    apiVersion: `${RBAC}/v1`,
    kind: 'ClusterRoleBinding',
    metadata: { name },
    roleRef: { apiGroup: RBAC, kind: 'ClusterRole', name },
    subjects: [subject],
  };
  return { resource: 'clusterrolebindings', object };
}
