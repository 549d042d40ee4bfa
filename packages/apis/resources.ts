import { formatGroupResource, type GroupResource } from '@tmc/kernel/key.ts';

/** A resource as it is addressed and named. */
export type ResourceType = GroupResource & {
  readonly version: string;
  readonly kind: string;
  readonly namespaced: boolean;
};

/** What is carried from the hub to members in this version. Deployments' replicas are divided, their status is aggregated. */
export const SYNCED_RESOURCES: readonly ResourceType[] = [
  { group: '', version: 'v1', resource: 'configmaps', kind: 'ConfigMap', namespaced: true },
  { group: '', version: 'v1', resource: 'secrets', kind: 'Secret', namespaced: true },
  { group: '', version: 'v1', resource: 'services', kind: 'Service', namespaced: true },
  { group: 'apps', version: 'v1', resource: 'deployments', kind: 'Deployment', namespaced: true },
];

export const NAMESPACES: ResourceType = {
  group: '',
  version: 'v1',
  resource: 'namespaces',
  kind: 'Namespace',
  namespaced: false,
};

/** Our own kinds; all are cluster-scoped, so that policies and targets are the workspace owner's. */
export const CONTROL_RESOURCES: readonly ResourceType[] = [
  { group: 'workload.kcp.io', version: 'v1alpha1', resource: 'synctargets', kind: 'SyncTarget', namespaced: false },
  {
    group: 'workload.kcp.io',
    version: 'v1alpha1',
    resource: 'clusterworkloadplacements',
    kind: 'ClusterWorkloadPlacement',
    namespaced: false,
  },
  { group: 'scheduling.kcp.io', version: 'v1alpha1', resource: 'locations', kind: 'Location', namespaced: false },
  { group: 'scheduling.kcp.io', version: 'v1alpha1', resource: 'placements', kind: 'Placement', namespaced: false },
  {
    group: 'tmc.kcp.io',
    version: 'v1alpha1',
    resource: 'clusterregistrations',
    kind: 'ClusterRegistration',
    namespaced: false,
  },
  {
    group: 'tmc.kcp.io',
    version: 'v1alpha1',
    resource: 'workloadplacements',
    kind: 'WorkloadPlacement',
    namespaced: false,
  },
];

/** Everything this version reads in a hub. */
export const HUB_RESOURCES: readonly ResourceType[] = [...CONTROL_RESOURCES, NAMESPACES, ...SYNCED_RESOURCES];

const KNOWN = new Map(HUB_RESOURCES.map((r) => [formatGroupResource(r), r] as const));

/** The type of a resource this project handles; @throws RangeError for any other. */
export function resourceType(resource: GroupResource): ResourceType {
  const known = KNOWN.get(formatGroupResource(resource));
  if (!known) throw new RangeError(`resource ${formatGroupResource(resource)} is not one this version handles`);
  return known;
}

/** True when objects of this resource are carried to members. */
export function isSynced(resource: GroupResource): boolean {
  return SYNCED_RESOURCES.some((r) => r.group === resource.group && r.resource === resource.resource);
}

/** The apiVersion of a resource type: `v1`, `apps/v1`. */
export function apiVersionOf({ group, version }: ResourceType): string {
  return group ? `${group}/${version}` : version;
}
