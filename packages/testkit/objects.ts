import type { JsonObject, KubeObject, ObjectMeta } from '@tmc/kernel/object.ts';

/** Builders of the objects tests speak about: small, valid, and without server-owned fields, so that a server sets them. */

export type Meta = Partial<ObjectMeta> & { readonly name: string };

const inNamespace = (meta: Meta): ObjectMeta => ({ namespace: 'default', ...meta });

/** A Deployment of one nginx container, labelled and selected by `app: <name>`. */
export function deployment(meta: Meta, { replicas = 1, image = 'nginx:1.27' } = {}): KubeObject {
  const labels = { app: meta.name };
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: inNamespace({ labels, ...meta }),
    spec: {
      replicas,
      selector: { matchLabels: labels },
      template: {
        metadata: { labels },
        spec: { containers: [{ name: 'web', image, ports: [{ containerPort: 80 }] }] },
      },
    },
  };
}

/** A ClusterIP Service on port 80 that selects `app: <name>`. */
export function service(meta: Meta, spec: JsonObject = {}): KubeObject {
  const ports = [{ name: 'http', port: 80, targetPort: 80, protocol: 'TCP' }];
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: inNamespace(meta),
    spec: { selector: { app: meta.name }, ports, ...spec },
  };
}

export function configMap(meta: Meta, data: Readonly<Record<string, string>> = { key: 'value' }): KubeObject {
  return { apiVersion: 'v1', kind: 'ConfigMap', metadata: inNamespace(meta), data: { ...data } };
}

/** An Opaque Secret; values are given in clear and stored as base64. */
export function secret(
  meta: Meta,
  values: Readonly<Record<string, string>> = { password: 'not-a-secret' },
): KubeObject {
  const encoded = Object.entries(values).map(([name, text]) => [name, Buffer.from(text).toString('base64')]);
  const data: Record<string, string> = Object.fromEntries(encoded);
  return { apiVersion: 'v1', kind: 'Secret', metadata: inNamespace(meta), type: 'Opaque', data };
}

export function namespace(meta: Meta): KubeObject {
  return { apiVersion: 'v1', kind: 'Namespace', metadata: { ...meta } };
}

/** A SyncTarget; its workload cluster is called like the target unless `spec` says otherwise. */
export function syncTarget(meta: Meta, { location = '', spec = {} as JsonObject } = {}): KubeObject {
  return {
    apiVersion: 'workload.kcp.io/v1alpha1',
    kind: 'SyncTarget',
    metadata: { ...meta },
    spec: {
      workloadCluster: { name: meta.name },
      ...(location && { location }),
      ...spec,
    },
  };
}

/** A ClusterWorkloadPlacement of the namespaces labelled as given, everywhere by default. */
export function clusterWorkloadPlacement(meta: Meta, spec: JsonObject = {}): KubeObject {
  return {
    apiVersion: 'workload.kcp.io/v1alpha1',
    kind: 'ClusterWorkloadPlacement',
    metadata: { ...meta },
    spec: { namespaceSelector: {}, ...spec },
  };
}
