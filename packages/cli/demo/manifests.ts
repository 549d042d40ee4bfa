import type { JsonObject, KubeObject } from '@tmc/kernel/object.ts';

/** What a user applies in the demo: the objects of the virtual-cluster walkthrough. */

export const WORKSPACE = 'tmc-workloads';
export const NAMESPACE = 'demo-app';
export const POLICY = 'multi-region-placement';

export type DemoTarget = { readonly target: string; readonly member: string; readonly region: string };
export const WEST: DemoTarget = { target: 'west-target', member: 'kcp-west', region: 'us-west-2' };
export const EAST: DemoTarget = { target: 'east-target', member: 'kcp-east', region: 'us-east-1' };

/** Registration of one member cluster. */
export const syncTarget = ({ target, member, region }: DemoTarget): KubeObject => ({
  apiVersion: 'workload.kcp.io/v1alpha1',
  kind: 'SyncTarget',
  metadata: { name: target, labels: { region } },
  spec: {
    workloadCluster: { name: member },
    location: region,
    namespaceMapping: 'Preserve',
    syncerConfig: { syncMode: 'push', syncInterval: '30s' },
  },
});

/** The policy: both regions, one preferred, on one or two clusters. */
export const placement = (preferred: DemoTarget): KubeObject => ({
  apiVersion: 'workload.kcp.io/v1alpha1',
  kind: 'ClusterWorkloadPlacement',
  metadata: { name: POLICY },
  spec: placementSpec(preferred),
});

/** The spec alone, for changing the preference of a policy that exists. */
export const placementSpec = (preferred: DemoTarget): JsonObject => ({
  namespaceSelector: { matchLabels: { 'workload.kcp.io/managed': 'true' } },
  locationSelector: {
    requiredLocations: [WEST.region, EAST.region],
    preferredLocations: [preferred.region],
  },
  minReplicas: 1,
  maxReplicas: 2,
});

export const namespace: KubeObject = {
  apiVersion: 'v1',
  kind: 'Namespace',
  metadata: { name: NAMESPACE, labels: { 'workload.kcp.io/managed': 'true' } },
};

const labels = { app: 'nginx-web' };

export const deployment: KubeObject = {
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name: 'nginx-web', namespace: NAMESPACE, labels },
  spec: {
    replicas: 3,
    selector: { matchLabels: labels },
    template: {
      metadata: { labels },
      spec: {
        containers: [
          {
            name: 'nginx',
            image: 'nginx:1.27',
            ports: [{ containerPort: 80 }],
            envFrom: [{ configMapRef: { name: 'nginx-web' } }, { secretRef: { name: 'nginx-web' } }],
          },
        ],
      },
    },
  },
};

export const service: KubeObject = {
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name: 'nginx-web', namespace: NAMESPACE, labels },
  spec: { selector: labels, ports: [{ name: 'http', port: 80, targetPort: 80 }] },
};

export const configMap: KubeObject = {
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name: 'nginx-web', namespace: NAMESPACE, labels },
  data: { GREETING: 'hello from every region' },
};

export const secret: KubeObject = {
  apiVersion: 'v1',
  kind: 'Secret',
  metadata: { name: 'nginx-web', namespace: NAMESPACE, labels },
  type: 'Opaque',
  stringData: { SESSION_KEY: 'not-a-real-secret' },
};
