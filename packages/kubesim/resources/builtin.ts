import { ALL_VERBS, type ResourceDef, type ScalePaths, storageOf } from './definition.ts';

interface BuiltinOptions {
  clusterScoped?: boolean;
  short?: string[];
  categories?: string[];
  status?: boolean;
  scale?: ScalePaths;
  verbs?: string[];
  singular?: string;
}

function builtin(groupVersion: string, plural: string, kind: string, options: BuiltinOptions = {}): ResourceDef {
  const [group, version] = groupVersion.includes('/') ? groupVersion.split('/') : ['', groupVersion];
  return {
    group: group as string,
    version: version as string,
    plural,
    singular: options.singular ?? kind.toLowerCase(),
    kind,
    listKind: `${kind}List`,
    namespaced: !options.clusterScoped,
    shortNames: options.short ?? [],
    categories: options.categories ?? [],
    verbs: options.verbs ?? ALL_VERBS,
    storage: storageOf(group as string, plural),
    storageVersion: version as string,
    custom: false,
    status: options.status ?? false,
    ...(options.scale ? { scale: options.scale } : {}),
  };
}

const REPLICAS: ScalePaths = {
  specReplicasPath: '.spec.replicas',
  statusReplicasPath: '.status.replicas',
  labelSelectorPath: '.spec.selector',
};
const NO_COLLECTION = ALL_VERBS.filter((verb) => verb !== 'deletecollection');
const RBAC = 'rbac.authorization.k8s.io/v1';
const cluster = true;

/** Built into every server, kcp workspaces included. */
const COMMON: ResourceDef[] = [
  builtin('v1', 'configmaps', 'ConfigMap', { short: ['cm'] }),
  builtin('v1', 'events', 'Event', { short: ['ev'] }),
  builtin('v1', 'limitranges', 'LimitRange', { short: ['limits'] }),
  builtin('v1', 'namespaces', 'Namespace', {
    clusterScoped: cluster,
    short: ['ns'],
    status: true,
    verbs: NO_COLLECTION,
  }),
  builtin('v1', 'resourcequotas', 'ResourceQuota', { short: ['quota'], status: true }),
  builtin('v1', 'secrets', 'Secret'),
  builtin('v1', 'serviceaccounts', 'ServiceAccount', { short: ['sa'] }),
  builtin('apiextensions.k8s.io/v1', 'customresourcedefinitions', 'CustomResourceDefinition', {
    clusterScoped: cluster,
    short: ['crd', 'crds'],
    categories: ['api-extensions'],
    status: true,
  }),
  builtin('coordination.k8s.io/v1', 'leases', 'Lease'),
  { ...builtin('events.k8s.io/v1', 'events', 'Event', { short: ['ev'] }), storage: storageOf('', 'events') },
  builtin(RBAC, 'clusterrolebindings', 'ClusterRoleBinding', { clusterScoped: cluster }),
  builtin(RBAC, 'clusterroles', 'ClusterRole', { clusterScoped: cluster }),
  builtin(RBAC, 'rolebindings', 'RoleBinding'),
  builtin(RBAC, 'roles', 'Role'),
];

const ALL = { categories: ['all'], status: true };

/** What a cluster that runs workloads has besides. */
const WORKLOADS: ResourceDef[] = [
  builtin('v1', 'endpoints', 'Endpoints', { short: ['ep'], singular: 'endpoints' }),
  builtin('v1', 'nodes', 'Node', { clusterScoped: cluster, short: ['no'], status: true }),
  builtin('v1', 'persistentvolumeclaims', 'PersistentVolumeClaim', { short: ['pvc'], status: true }),
  builtin('v1', 'pods', 'Pod', { ...ALL, short: ['po'] }),
  builtin('v1', 'services', 'Service', { ...ALL, short: ['svc'] }),
  builtin('apps/v1', 'daemonsets', 'DaemonSet', { ...ALL, short: ['ds'] }),
  builtin('apps/v1', 'deployments', 'Deployment', { ...ALL, short: ['deploy'], scale: REPLICAS }),
  builtin('apps/v1', 'replicasets', 'ReplicaSet', { ...ALL, short: ['rs'], scale: REPLICAS }),
  builtin('apps/v1', 'statefulsets', 'StatefulSet', { ...ALL, short: ['sts'], scale: REPLICAS }),
  builtin('batch/v1', 'jobs', 'Job', ALL),
  builtin('networking.k8s.io/v1', 'ingresses', 'Ingress', { short: ['ing'], status: true, singular: 'ingress' }),
];

const KCP_CATEGORY = { categories: ['kcp'], clusterScoped: cluster, status: true };

/** What kcp adds to a workspace. */
const KCP: ResourceDef[] = [
  builtin('tenancy.kcp.io/v1alpha1', 'workspaces', 'Workspace', { ...KCP_CATEGORY, short: ['ws'] }),
  builtin('tenancy.kcp.io/v1alpha1', 'workspacetypes', 'WorkspaceType', KCP_CATEGORY),
  builtin('core.kcp.io/v1alpha1', 'logicalclusters', 'LogicalCluster', KCP_CATEGORY),
  builtin('apis.kcp.io/v1alpha1', 'apiresourceschemas', 'APIResourceSchema', { ...KCP_CATEGORY, status: false }),
  builtin('apis.kcp.io/v1alpha1', 'apiexportendpointslices', 'APIExportEndpointSlice', KCP_CATEGORY),
  builtin('apis.kcp.io/v1alpha2', 'apiexports', 'APIExport', KCP_CATEGORY),
  builtin('apis.kcp.io/v1alpha2', 'apibindings', 'APIBinding', KCP_CATEGORY),
].map((def) => ({ ...def, custom: def.group !== '' }));

/** Resources every cluster of a server has from the start. */
export const builtinResources = (kind: 'kube' | 'kcp'): ResourceDef[] =>
  kind === 'kcp' ? [...COMMON, ...KCP] : [...COMMON, ...WORKLOADS];

/** Resources that can only be created: the answer is the whole story and nothing is stored. */
export const REVIEWS: ResourceDef[] = [
  builtin('authentication.k8s.io/v1', 'selfsubjectreviews', 'SelfSubjectReview', {
    clusterScoped: cluster,
    verbs: ['create'],
  }),
  builtin('authentication.k8s.io/v1', 'tokenreviews', 'TokenReview', { clusterScoped: cluster, verbs: ['create'] }),
  builtin('authorization.k8s.io/v1', 'localsubjectaccessreviews', 'LocalSubjectAccessReview', { verbs: ['create'] }),
  builtin('authorization.k8s.io/v1', 'selfsubjectaccessreviews', 'SelfSubjectAccessReview', {
    clusterScoped: cluster,
    verbs: ['create'],
  }),
  builtin('authorization.k8s.io/v1', 'subjectaccessreviews', 'SubjectAccessReview', {
    clusterScoped: cluster,
    verbs: ['create'],
  }),
];
