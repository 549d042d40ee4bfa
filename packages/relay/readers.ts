import type { ResourceType } from '@tmc/apis/resources.ts';
import type { Clock, Sleep } from '@tmc/kernel/clock.ts';
import type { Random } from '@tmc/kernel/ids.ts';
import { formatGroupResource } from '@tmc/kernel/key.ts';
import type { KubeObject } from '@tmc/kernel/object.ts';
import type { WatchSource } from '@tmc/kernel/ports.ts';
import { type CheckpointKey, type Checkpoints, RevisionTracker } from './checkpoint.ts';
import { ListWatch } from './list-watch.ts';
import { type Origin, observationParcel, type Stamp } from './message.ts';
import type { SourceState } from './metrics.ts';
import type { Outbox } from './outbox.ts';

export type ReadersOptions = {
  readonly origin: Origin;
  readonly resources: readonly ResourceType[];
  readonly labelSelector?: string;
  readonly workspaceOf: (object: KubeObject) => string;
  readonly isDrifted: (downstreamObj: KubeObject) => boolean;
  readonly outbox: Outbox;
  readonly checkpoints: Checkpoints;
  readonly stamp: () => Stamp;
  readonly listed: (resource: ResourceType, first: boolean) => void;
  readonly clock: Clock;
  readonly sleep: Sleep;
  readonly random: Random;
};

/** One kind at one endpoint, being read. */
type Reader = {
  readonly resource: ResourceType;
  readonly listWatch: ListWatch;
  readonly tracker: RevisionTracker;
  readonly done: Promise<void>;
};
type Endpoint = { readonly source: WatchSource; readonly ended: AbortController; readonly readers: readonly Reader[] };

/** The list-watches of all endpoints: one for each kind at each. */
export class Readers {
  readonly #options: ReadersOptions;
  readonly #endpoints = new Map<string, Endpoint>();
  /** Endpoints on their way out. */
  readonly #leaving = new Set<Promise<unknown>>();

  constructor(options: ReadersOptions) {
    this.#options = options;
  }

  set(sources: readonly WatchSource[]): void {
    const wanted = new Set(sources.map(({ endpoint }) => endpoint));
    for (const name of this.#endpoints.keys()) if (!wanted.has(name)) this.#leave(name);
    for (const source of sources) if (!this.#endpoints.has(source.endpoint)) this.#join(source);
  }

  /** True when there is something to read and all of it was listed. */
  allListed(): boolean {
    const states = this.state();
    return states.length > 0 && states.every(({ listed }) => listed);
  }

  state(): readonly SourceState[] {
    return [...this.#endpoints].flatMap(([endpoint, { readers }]) =>
      readers.map(({ resource, listWatch }) => ({
        ...listWatch.status(),
        endpoint,
        resource: formatGroupResource(resource),
      })),
    );
  }

  /** True when every endpoint answers a small list. */
  async probe(signal: AbortSignal): Promise<boolean> {
    const { resources, labelSelector } = this.#options;
    const [resource] = resources;
    if (!resource || this.#endpoints.size === 0) return false;
    const options = { limit: 1, signal, ...(labelSelector !== undefined && { labelSelector }) };
    const answers = await Promise.allSettled(
      [...this.#endpoints.values()].map(({ source }) => source.page(resource, options)),
    );
    return answers.every(({ status }) => status === 'fulfilled');
  }

  /** Ends all reading; resolves when every stream is closed. */
  async stop(): Promise<void> {
    for (const { ended } of this.#endpoints.values()) ended.abort();
    const reading = [...this.#endpoints.values()].flatMap(({ readers }) => readers.map(({ done }) => done));
    await Promise.all([...reading, ...this.#leaving]);
  }

  #join(source: WatchSource): void {
    const ended = new AbortController();
    const readers: Reader[] = [];
    this.#endpoints.set(source.endpoint, { source, ended, readers });
    for (const resource of this.#options.resources) readers.push(this.#read(source, resource, ended.signal));
  }

  #leave(name: string): void {
    const endpoint = this.#endpoints.get(name);
    if (!endpoint) return;
    this.#endpoints.delete(name);
    endpoint.ended.abort();
    const leaving = Promise.all(
      endpoint.readers.map(async ({ resource, tracker, done }) => {
        await done;
        await this.#options.checkpoints.untrack(this.#checkpointKey(endpoint.source, resource), tracker);
      }),
    );
    this.#leaving.add(leaving);
    void leaving.then(() => this.#leaving.delete(leaving));
  }

  #read(source: WatchSource, resource: ResourceType, signal: AbortSignal): Reader {
    const { origin, labelSelector, workspaceOf, isDrifted, outbox, checkpoints, stamp, listed } = this.#options;
    const tracker = new RevisionTracker();
    const key = this.#checkpointKey(source, resource);
    const listWatch = new ListWatch({
      ...this.#options,
      source,
      view: { kind: origin.kind, resource, workspaceOf, isDrifted },
      ...(labelSelector !== undefined && { labelSelector }),
      tracker,
      findSince: async () => {
        const since = await checkpoints.find(key, origin.epoch);
        checkpoints.track(key, origin.epoch, { tracker, saved: since });
        return since;
      },
      offer: (observation, holdAt) =>
        outbox.put(observationParcel(observation, { origin, resource, stamp: stamp() }), tracker.hold(holdAt)),
      listed: (first) => listed(resource, first),
    });
    return { resource, listWatch, tracker, done: listWatch.run(signal) };
  }

  #checkpointKey({ endpoint }: WatchSource, resource: ResourceType): CheckpointKey {
    return { source: this.#options.origin.id, endpoint, resource: formatGroupResource(resource) };
  }
}
