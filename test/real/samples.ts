import type { KubeObject } from '@tmc/kernel/object.ts';

/** Objects as the guides show them; every one has to be accepted as it stands. */
export const SAMPLES: readonly KubeObject[] = [
  {
    apiVersion: 'workload.kcp.io/v1alpha1',
    kind: 'SyncTarget',
    metadata: { name: 'my-cluster' },
    spec: { workloadCluster: { name: 'my-physical-cluster', endpoint: 'https://cluster.example.com' } },
  },
  ...[
    { name: 'west-target', location: 'us-west-2' },
    { name: 'east-target', location: 'us-east-1' },
  ].map(({ name, location }) => ({
    apiVersion: 'workload.kcp.io/v1alpha1',
    kind: 'SyncTarget',
    metadata: { name },
    spec: {
      location,
      syncerConfig: { syncMode: 'push', syncInterval: '30s' },
      namespaceMapping: 'Preserve',
      resourceQuotas: { cpu: 4, memory: '8Gi' },
      selector: { matchLabels: { 'workload.kcp.io/managed': 'true' } },
    },
  })),
  {
    apiVersion: 'workload.kcp.io/v1alpha1',
    kind: 'ClusterWorkloadPlacement',
    metadata: { name: 'multi-region-placement' },
    spec: {
      namespaceSelector: { matchLabels: { managed: 'true' } },
      locationSelector: { requiredLocations: ['us-west-2', 'us-east-1'], preferredLocations: ['us-west-2'] },
      minReplicas: 1,
      maxReplicas: 2,
    },
  },
  {
    apiVersion: 'tmc.kcp.io/v1alpha1',
    kind: 'ClusterRegistration',
    metadata: { name: 'cluster-us-west' },
    spec: {
      location: 'us-west-2',
      capabilities: [
        { type: 'compute', available: true },
        { type: 'storage', available: true },
      ],
    },
  },
  {
    apiVersion: 'tmc.kcp.io/v1alpha1',
    kind: 'WorkloadPlacement',
    metadata: { name: 'web-app-placement' },
    spec: {
      strategy: 'Spread',
      locationSelector: { matchLabels: { region: 'us-west' } },
      capabilityRequirements: [{ type: 'compute', required: true }],
    },
  },
  {
    apiVersion: 'scheduling.kcp.io/v1alpha1',
    kind: 'Location',
    metadata: { name: 'default' },
    spec: {
      resource: { group: 'workload.kcp.io', version: 'v1alpha1', resource: 'synctargets' },
      instanceSelector: {},
    },
  },
  {
    apiVersion: 'scheduling.kcp.io/v1alpha1',
    kind: 'Placement',
    metadata: { name: 'default' },
    spec: {
      locationSelectors: [{}],
      locationResource: { group: 'workload.kcp.io', version: 'v1alpha1', resource: 'synctargets' },
      namespaceSelector: {},
    },
  },
];
