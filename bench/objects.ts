import { apiVersionOf, resourceType } from '@tmc/apis/resources.ts';
import type { ResourceKey } from '@tmc/kernel/key.ts';
import type { KubeObject } from '@tmc/kernel/object.ts';

/** What the benches create: Deployments of one replica. */
export const DEPLOYMENTS = resourceType({ group: 'apps', resource: 'deployments' });

type Place = { readonly workspace: string; readonly namespace: string };

export const keyOf = ({ workspace, namespace }: Place, name: string): ResourceKey => ({
  workspace,
  group: 'apps',
  resource: 'deployments',
  namespace,
  name,
});

export function deployment({ namespace }: Place, name: string, image = 'nginx:1.27'): KubeObject {
  const labels = { app: name };
  return {
    apiVersion: apiVersionOf(DEPLOYMENTS),
    kind: 'Deployment',
    metadata: { name, namespace, labels },
    spec: { replicas: 1, selector: { matchLabels: labels }, template: template(labels, image) },
  };
}

const template = (labels: Record<string, string>, image: string) => ({
  metadata: { labels },
  spec: { containers: [{ name: 'app', image }] },
});

/** A merge patch that gives it another image. */
export const imagePatch = (image: string) => ({
  spec: { template: { spec: { containers: [{ name: 'app', image }] } } },
});

export const imageOf = (object: KubeObject): string | undefined =>
  (object as { spec?: { template?: { spec?: { containers?: { image?: string }[] } } } }).spec?.template?.spec
    ?.containers?.[0]?.image;
