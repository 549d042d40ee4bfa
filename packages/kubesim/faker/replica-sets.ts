import { createHash } from 'node:crypto';
import { type ApiObject, isRecord, recordAt } from '../object.ts';
import type { FakeWriter } from './writer.ts';

const HASH_LABEL = 'pod-template-hash';
/** Counts the pod templates a Deployment has had; on the Deployment and on each of its ReplicaSets. */
export const REVISION = 'deployment.kubernetes.io/revision';

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
  const hash = letters(JSON.stringify(sorted(spec['template'])), 10);
  const replicas = Number(spec['replicas'] ?? 1);
  const current = { namespace, name: `${name}-${hash}` };
  const others = writer.sim.store
    .list('replicasets.apps', { cluster: '', namespace })
    .filter((obj) => obj.metadata.ownerReferences?.some((owner) => owner.uid === uid))
    .filter((obj) => obj.metadata.name !== current.name);
  if (!writer.find('replicasets.apps', current))
    writer.create('replicasets.apps', replicaSet(deployment, current.name, hash));
  const revision = Math.max(0, ...others.map(revisionOf)) + 1;
  resize(writer, current, { replicas, annotations: annotationsOf(deployment, revision) });
  for (const other of others) {
    resize(writer, { namespace, name: other.metadata.name ?? '' }, { replicas: 0 });
    clear(writer, other);
  }
  return writer.find('replicasets.apps', current) as ApiObject;
}

export const revisionOf = (obj: ApiObject): number => Number(obj.metadata.annotations?.[REVISION] ?? 0);

/** What the Deployment controller notes on the ReplicaSet in use. */
function annotationsOf(deployment: ApiObject, revision: number): Record<string, string> {
  const spec = recordAt(deployment, 'spec');
  const replicas = Number(spec['replicas'] ?? 1);
  const surge = recordAt(recordAt(spec, 'strategy'), 'rollingUpdate')['maxSurge'] ?? 0;
  const extra = String(surge).endsWith('%') ? Math.ceil((replicas * Number.parseInt(String(surge), 10)) / 100) : surge;
  return {
    'deployment.kubernetes.io/desired-replicas': String(replicas),
    'deployment.kubernetes.io/max-replicas': String(replicas + Number(extra)),
    [REVISION]: String(revision),
  };
}

function resize(
  writer: FakeWriter,
  place: { namespace: string; name: string },
  { replicas, annotations = {} }: { replicas: number; annotations?: Record<string, string> },
): void {
  writer.update('replicasets.apps', place, (old) => ({
    ...old,
    metadata: { ...old.metadata, annotations: { ...old.metadata.annotations, ...annotations } },
    spec: { ...recordAt(old, 'spec'), replicas },
  }));
}

/** The same template written in another order is the same template. */
function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (!isRecord(value)) return value;
  const keys = Object.keys(value).sort();
  return Object.fromEntries(keys.map((key) => [key, sorted(value[key])]));
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
