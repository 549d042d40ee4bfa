import { type ApiObject, recordAt } from '../object.ts';
import type { Sim } from '../server/context.ts';
import type { StoreEvent } from '../store/store.ts';
import type { FakerOptions } from './options.ts';
import { podsOf, readyPods, reconcilePods } from './pods.ts';
import { REVISION, reconcileReplicaSet, revisionOf } from './replica-sets.ts';
import { deploymentStatus } from './status.ts';
import { FakeWriter } from './writer.ts';

const DELAY_MS = 20;

/** Plays the workload controllers and the kubelet: Deployments get ReplicaSets, those get pods, pods get ready, status follows. */
export function runFaker(sim: Sim, options: FakerOptions): () => void {
  const faker = new Faker(sim, options);
  const stops = [
    sim.store.subscribe('deployments.apps', (event) => faker.seeDeployment(event)),
    sim.store.subscribe('pods.core', (event) => faker.seePod(event)),
    sim.store.subscribe('services.core', (event) => faker.seeService(event)),
  ];
  return () => {
    for (const stop of stops) stop();
    faker.stop();
  };
}

class Faker {
  private readonly writer: FakeWriter;
  private readonly options: FakerOptions;
  private readonly sim: Sim;
  private readonly timers = new Map<string, NodeJS.Timeout>();

  constructor(sim: Sim, options: FakerOptions) {
    this.sim = sim;
    this.options = options;
    this.writer = new FakeWriter(sim);
  }

  stop(): void {
    for (const timer of this.timers.values()) clearTimeout(timer);
  }

  seeDeployment({ type, obj }: StoreEvent): void {
    if (type !== 'DELETED' && !obj.metadata.deletionTimestamp)
      this.schedule(obj.metadata.namespace ?? '', obj.metadata.name ?? '');
  }

  /** A pod that went away is missed by its Deployment. */
  seePod({ type, obj }: StoreEvent): void {
    if (type !== 'DELETED') return;
    const { namespace = '', ownerReferences } = obj.metadata;
    const name = ownerReferences?.find((owner) => owner.kind === 'ReplicaSet')?.name;
    const replicaSet = name === undefined ? undefined : this.writer.find('replicasets.apps', { namespace, name });
    const deployment = replicaSet?.metadata.ownerReferences?.find((owner) => owner.kind === 'Deployment');
    if (deployment) this.schedule(namespace, deployment.name);
  }

  seeService({ type, obj }: StoreEvent): void {
    const isBalanced = recordAt(obj, 'spec')['type'] === 'LoadBalancer';
    const has = recordAt(recordAt(obj, 'status'), 'loadBalancer')['ingress'];
    if (type === 'DELETED' || !isBalanced || has) return;
    const name = obj.metadata.name ?? '';
    this.later(`service/${obj.metadata.namespace}/${name}`, () => {
      const ip = String(recordAt(obj, 'spec')['clusterIP']).replace(/^10\.96\./, '198.18.');
      const status = { loadBalancer: { ingress: [{ ip, ipMode: 'VIP' }] } };
      this.writer.status('services.core', { namespace: obj.metadata.namespace ?? '', name }, status);
    });
  }

  private schedule(namespace: string, name: string): void {
    this.later(`${namespace}/${name}`, () => this.step(namespace, name));
  }

  /** Changes within the delay are seen together, as a controller's queue does. */
  private later(key: string, work: () => void): void {
    if (this.timers.has(key)) return;
    const timer = setTimeout(() => {
      this.timers.delete(key);
      work();
    }, this.options.delayMs ?? DELAY_MS);
    this.timers.set(key, timer);
  }

  /** One round of all controllers for one Deployment; another follows while something still moves. */
  private step(namespace: string, name: string): void {
    const deployment = this.sim.store.get({ storage: 'deployments.apps', cluster: '', namespace, name });
    if (!deployment || deployment.metadata.deletionTimestamp) return;
    const failure = this.options.failure?.(deployment);
    const replicaSet = reconcileReplicaSet(this.writer, deployment);
    const wanted = Number(recordAt(deployment, 'spec')['replicas'] ?? 1);
    const { ready, moving } = this.workloadState({ deployment, replicaSet, wanted, failure });
    const replicaSetName = replicaSet.metadata.name ?? '';
    const now = this.sim.clock.now();
    const annotations = { [REVISION]: String(revisionOf(replicaSet)) };
    this.writer.update(
      'deployments.apps',
      { namespace, name },
      (old) => ({
        ...old,
        metadata: { ...old.metadata, annotations: { ...old.metadata.annotations, ...annotations } },
        status: deploymentStatus({ deployment: old, replicaSetName, ready, wanted, now }),
      }),
      'status',
    );
    const counts = { replicas: wanted, fullyLabeledReplicas: wanted, readyReplicas: ready, availableReplicas: ready };
    this.writer.status(
      'replicasets.apps',
      { namespace, name: replicaSetName },
      {
        ...withoutZero(counts),
        replicas: wanted,
        terminatingReplicas: 0,
        observedGeneration: replicaSet.metadata.generation,
      },
    );
    if (moving) this.schedule(namespace, name);
  }

  private workloadState(parts: {
    deployment: ApiObject;
    replicaSet: ApiObject;
    wanted: number;
    failure: string | undefined;
  }) {
    const { deployment, replicaSet, wanted, failure } = parts;
    if (this.options.pods === false) {
      const seen = recordAt(deployment, 'status')['observedGeneration'] === deployment.metadata.generation;
      return { ready: failure !== undefined || !seen ? 0 : wanted, moving: !seen };
    }
    const before = readyPods(podsOf(this.sim, replicaSet));
    const moving = reconcilePods(this.writer, { deployment, replicaSet, wanted, failure });
    const ready = Math.min(before, wanted);
    return { ready, moving: moving || ready !== readyPods(podsOf(this.sim, replicaSet)) };
  }
}

const withoutZero = (counts: Record<string, number>): Record<string, number> =>
  Object.fromEntries(Object.entries(counts).filter(([, count]) => count > 0));
