import { createHash } from 'node:crypto';
import { type ApiObject, recordAt } from '../object.ts';
import type { FakeWriter } from './writer.ts';

const HASH_LABEL = 'pod-template-hash';

/** Names of ReplicaSets and pods end in letters that spell nothing. */
export function letters(text: string, length: number): string {
  const alphabet = 'bcdfghjklmnpqrstvwxz2456789';
  const digest = createHash('sha256').update(text).digest();
  return Array.from({ length }, (_, at) => alphabet[(digest[at] ?? 0) % alphabet.length]).join('');
}

export const controllerOf = (owner: ApiObject) => ({
  apiVersion: owner.apiVersion ?? '',
  kind: owner.kind ?? '',
  name: owner.metadata.name ?? '',
  uid: owner.metadata.uid ?? '',
  controller: true,
  blockOwnerDeletion: true,
});

/** Makes the ReplicaSet of the present pod template, of the wanted size, and scales older ones away. */
export function reconcileReplicaSet(writer: FakeWriter, deployment: ApiObject): ApiObject {
  const { namespace = '', name = '', uid } = deployment.metadata;
  const spec = recordAt(deployment, 'spec');
  const hash = letters(JSON.stringify(spec['template']), 10);
  const replicas = Number(spec['replicas'] ?? 1);
  const current = { namespace, name: `${name}-${hash}` };
  if (!writer.find('replicasets.apps', current))
    writer.create('replicasets.apps', replicaSet(deployment, current.name, hash));
  for (const other of writer.sim.store.list('replicasets.apps', { cluster: '', namespace })) {
    if (!other.metadata.ownerReferences?.some((owner) => owner.uid === uid)) continue;
    const size = other.metadata.name === current.name ? replicas : 0;
    const place = { namespace, name: other.metadata.name ?? '' };
    if (recordAt(other, 'spec')['replicas'] !== size)
      writer.update('replicasets.apps', place, (old) => ({
        ...old,
        spec: { ...recordAt(old, 'spec'), replicas: size },
      }));
    if (size === 0) clear(writer, other);
  }
  return writer.find('replicasets.apps', current) as ApiObject;
}

function clear(writer: FakeWriter, replicaSetObj: ApiObject): void {
  const { namespace = '', uid } = replicaSetObj.metadata;
  for (const pod of writer.sim.store.list('pods.core', { cluster: '', namespace }))
    if (pod.metadata.ownerReferences?.some((owner) => owner.uid === uid))
      writer.delete('pods.core', { namespace, name: pod.metadata.name ?? '' });
}

function replicaSet(deployment: ApiObject, name: string, hash: string): ApiObject {
  const spec = recordAt(deployment, 'spec');
  const template = recordAt(spec, 'template');
  const metadata = recordAt(template, 'metadata');
  const labels = { ...(metadata['labels'] as Record<string, string> | undefined), [HASH_LABEL]: hash };
  const selector = recordAt(spec, 'selector');
  return {
    apiVersion: 'apps/v1',
    kind: 'ReplicaSet',
    metadata: {
      name,
      namespace: deployment.metadata.namespace ?? '',
      labels,
      ownerReferences: [controllerOf(deployment)],
    },
    spec: {
      replicas: spec['replicas'] ?? 1,
      selector: { ...selector, matchLabels: { ...recordAt(selector, 'matchLabels'), [HASH_LABEL]: hash } },
      template: { ...template, metadata: { ...metadata, labels } },
    },
  };
}
