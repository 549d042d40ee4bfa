import { setTimeout as delay } from 'node:timers/promises';
import type { KubeConnection } from '@tmc/adapters/kube/connection.ts';
import { Transport } from '@tmc/adapters/kube/http.ts';
import { createWatchSource } from '@tmc/adapters/kube/watch.ts';
import { formatTime } from '@tmc/kernel/clock.ts';
import { messageOf } from '@tmc/kernel/errors.ts';
import type { KubeObject } from '@tmc/kernel/object.ts';

const PODS = { group: '', resource: 'pods' } as const;
const NODE = 'fake';

/** Pods to fail: every member that is set must match. */
type PodPattern = { readonly image?: RegExp; readonly name?: RegExp };

/** Plays scheduler and kubelet of a member: binds pods, makes them Ready, ends them when they are deleted. */
export type FakeKubelet = {
  /** From now on pods that match crash instead of running, those that run already too. Returns how to end that. */
  fail(pattern: PodPattern): () => void;
  /** The last error that was not a lost race; undefined when all went well. */
  lastError(): string | undefined;
  stop(): Promise<void>;
};

type Container = { name: string; image: string };
type Pod = KubeObject & { spec: { nodeName?: string; containers: Container[] }; status?: PodStatus };
type PodStatus = { phase?: string; containerStatuses?: { ready: boolean }[] };

export function startFakeKubelet(connection: KubeConnection): FakeKubelet {
  return new Kubelet(connection);
}

class Kubelet implements FakeKubelet {
  readonly #transport: Transport;
  readonly #source: ReturnType<typeof createWatchSource>;
  readonly #ended = new AbortController();
  readonly #patterns = new Set<PodPattern>();
  readonly #pods = new Map<string, Pod>();
  readonly #following: Promise<void>;
  #lastError: string | undefined;

  constructor(connection: KubeConnection) {
    this.#transport = new Transport(connection);
    this.#source = createWatchSource({ connection });
    this.#following = this.#follow();
  }

  fail(pattern: PodPattern): () => void {
    this.#patterns.add(pattern);
    this.#reviewAll();
    return () => {
      this.#patterns.delete(pattern);
      this.#reviewAll();
    };
  }

  lastError(): string | undefined {
    return this.#lastError;
  }

  async stop(): Promise<void> {
    this.#ended.abort();
    await this.#following;
    this.#source.close();
    this.#transport.close();
  }

  async #follow(): Promise<void> {
    const { signal } = this.#ended;
    while (!signal.aborted) {
      try {
        // Without a revision a watch begins with what is there.
        for await (const { type, object } of this.#source.watch(PODS, { timeoutSeconds: 600, signal })) {
          if (type !== 'BOOKMARK') this.#see(type, object as Pod);
        }
      } catch (error) {
        this.#lastError = messageOf(error);
      }
      await delay(200, undefined, { signal }).catch(() => undefined);
    }
  }

  #see(type: string, pod: Pod): void {
    const id = `${pod.metadata.namespace}/${pod.metadata.name}`;
    if (type === 'DELETED') {
      this.#pods.delete(id);
      return;
    }
    this.#pods.set(id, pod);
    this.#review(pod);
  }

  #reviewAll(): void {
    for (const pod of this.#pods.values()) this.#review(pod);
  }

  #review(pod: Pod): void {
    const request = this.#nextRequest(pod);
    if (request) void this.#send(request);
  }

  #nextRequest(pod: Pod) {
    const path = `/api/v1/namespaces/${pod.metadata.namespace}/pods/${pod.metadata.name}`;
    if (pod.metadata.deletionTimestamp) {
      return { method: 'DELETE', path, body: JSON.stringify({ gracePeriodSeconds: 0 }) };
    }
    if (!pod.spec.nodeName) {
      const target = { apiVersion: 'v1', kind: 'Node', name: NODE };
      const binding = { apiVersion: 'v1', kind: 'Binding', metadata: { name: pod.metadata.name }, target };
      return { method: 'POST', path: `${path}/binding`, body: JSON.stringify(binding) };
    }
    const shouldRun = ![...this.#patterns].some((pattern) => matches(pod, pattern));
    const runs = pod.status?.phase === 'Running' && pod.status.containerStatuses?.every(({ ready }) => ready) === true;
    const reported = pod.status?.phase === 'Running';
    if (reported && runs === shouldRun) return undefined;
    return {
      method: 'PATCH',
      path: `${path}/status`,
      contentType: 'application/strategic-merge-patch+json',
      body: JSON.stringify({ status: statusOf(pod, shouldRun) }),
    };
  }

  async #send(request: { method: string; path: string; body: string; contentType?: string }): Promise<void> {
    try {
      const { status, body } = await this.#transport.request(request);
      // Gone or changed meanwhile: the next event tells.
      if (status >= 300 && status !== 404 && status !== 409) this.#lastError = `${request.path}: ${status} ${body}`;
    } catch (error) {
      this.#lastError = messageOf(error);
    }
  }
}

function matches(pod: Pod, { image, name }: PodPattern): boolean {
  const imageMatches = !image || pod.spec.containers.some((container) => image.test(container.image));
  return imageMatches && (!name || name.test(pod.metadata.name));
}

function statusOf(pod: Pod, runs: boolean) {
  const now = formatTime(Date.now());
  const ready = runs ? 'True' : 'False';
  const condition = (type: string, status: string) => ({ type, status, lastTransitionTime: now });
  const state = runs
    ? { running: { startedAt: now } }
    : { waiting: { reason: 'CrashLoopBackOff', message: 'back-off restarting failed container' } };
  return {
    phase: 'Running',
    podIP: '10.0.0.1',
    podIPs: [{ ip: '10.0.0.1' }],
    startTime: now,
    conditions: [
      condition('PodScheduled', 'True'),
      condition('Initialized', 'True'),
      condition('ContainersReady', ready),
      condition('Ready', ready),
    ],
    containerStatuses: pod.spec.containers.map(({ name, image }) => ({
      name,
      image,
      imageID: `fake://${image}`,
      ready: runs,
      started: runs,
      restartCount: runs ? 0 : 3,
      state,
    })),
  };
}
