import { type ApiObject, isRecord, recordAt } from '../object.ts';
import type { Sim } from '../server/context.ts';
import { controllerOf, letters } from './replica-sets.ts';
import type { FakeWriter } from './writer.ts';

export const podsOf = (sim: Sim, replicaSet: ApiObject): ApiObject[] =>
  sim.store
    .list('pods.core', { cluster: '', namespace: replicaSet.metadata.namespace })
    .filter((pod) => pod.metadata.ownerReferences?.some((owner) => owner.uid === replicaSet.metadata.uid));

const isReady = (pod: ApiObject): boolean => recordAt(pod, 'status')['phase'] === 'Running';
export const readyPods = (pods: ApiObject[]): number => pods.filter(isReady).length;

interface PodParts {
  deployment: ApiObject;
  replicaSet: ApiObject;
  wanted: number;
  failure: string | undefined;
}

/** Creates missing pods, deletes surplus ones, and makes those of the last round run. @returns whether anything moved */
export function reconcilePods(writer: FakeWriter, { deployment, replicaSet, wanted, failure }: PodParts): boolean {
  const { namespace = '' } = deployment.metadata;
  const pods = podsOf(writer.sim, replicaSet);
  let moved = false;
  for (const pod of pods.slice(wanted)) {
    writer.delete('pods.core', { namespace, name: pod.metadata.name ?? '' });
    moved = true;
  }
  for (const pod of pods.slice(0, wanted)) {
    if (isReady(pod) && failure === undefined) continue;
    const status = failure === undefined ? running(writer.sim, pod) : waiting(pod, failure);
    const before = pod.metadata.resourceVersion;
    writer.status('pods.core', { namespace, name: pod.metadata.name ?? '' }, status);
    const after = writer.find('pods.core', { namespace, name: pod.metadata.name ?? '' });
    moved ||= after?.metadata.resourceVersion !== before;
  }
  for (let at = pods.length; at < wanted; at++) {
    writer.create('pods.core', podFor(deployment, replicaSet));
    moved = true;
  }
  return moved;
}

function podFor(deployment: ApiObject, replicaSet: ApiObject): ApiObject {
  const template = recordAt(recordAt(replicaSet, 'spec'), 'template');
  const metadata = recordAt(template, 'metadata');
  const labels = metadata['labels'] as Record<string, string> | undefined;
  const annotations = metadata['annotations'] as Record<string, string> | undefined;
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      generateName: `${replicaSet.metadata.name}-`,
      namespace: deployment.metadata.namespace ?? '',
      ...(labels ? { labels } : {}),
      ...(annotations ? { annotations } : {}),
      ownerReferences: [controllerOf(replicaSet)],
    },
    spec: { ...recordAt(template, 'spec'), nodeName: 'fake' },
  };
}

const containersOf = (pod: ApiObject): Record<string, unknown>[] => {
  const containers = recordAt(pod, 'spec')['containers'];
  return Array.isArray(containers) ? containers.filter(isRecord) : [];
};

function running(sim: Sim, pod: ApiObject): unknown {
  const now = `${sim.clock.now().toISOString().slice(0, 19)}Z`;
  const condition = (type: string) => ({ type, status: 'True', lastProbeTime: null, lastTransitionTime: now });
  const octet = (salt: string) => 1 + (letters(`${pod.metadata.uid}${salt}`, 1).charCodeAt(0) % 250);
  const ip = `10.244.${octet('a')}.${octet('b')}`;
  return {
    phase: 'Running',
    qosClass: 'BestEffort',
    conditions: ['PodScheduled', 'Initialized', 'ContainersReady', 'Ready'].map(condition),
    hostIP: '127.0.0.1',
    podIP: ip,
    podIPs: [{ ip }],
    startTime: now,
    containerStatuses: containersOf(pod).map(({ name, image }) => ({
      name,
      image,
      imageID: `fake://${image}`,
      ready: true,
      restartCount: 0,
      started: true,
      lastState: {},
      state: { running: { startedAt: now } },
    })),
  };
}

function waiting(pod: ApiObject, reason: string): unknown {
  return {
    phase: 'Pending',
    qosClass: 'BestEffort',
    containerStatuses: containersOf(pod).map(({ name, image }) => ({
      name,
      image,
      imageID: '',
      ready: false,
      restartCount: 0,
      started: false,
      state: { waiting: { reason } },
    })),
  };
}
