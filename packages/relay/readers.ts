import { marksOf } from '@tmc/apis/list-marks.ts';
import type { ResourceType } from '@tmc/apis/resources.ts';
import type { Clock, Sleep } from '@tmc/kernel/clock.ts';
import type { Random } from '@tmc/kernel/ids.ts';
import { formatGroupResource } from '@tmc/kernel/key.ts';
import type { KubeObject } from '@tmc/kernel/object.ts';
import type { WatchSource } from '@tmc/kernel/ports.ts';
import { type CheckpointKey, type Checkpoints, RevisionTracker } from './checkpoint.ts';
import type { SourceEpoch } from './epoch.ts';
import { ListWatch, type ListWatchOptions } from './list-watch.ts';
import { listMarkParcel, type Origin, observationParcel, type Stamp } from './message.ts';
import type { SourceState } from './metrics.ts';
import type { Outbox } from './outbox.ts';
import type { Told } from './telling.ts';
import type { WatchState } from './watch-state.ts';

/** A source that entered a failing state, or left it: then `state` is what it is in now and there is no message. */
export type SourceReport = {
  readonly endpoint: string;
  /** `resource.group`. */
  readonly resource: string;
  readonly state: WatchState;
  readonly message?: string;
  /** What the user can change about it. */
  readonly hint?: string;
};

export type ReadersOptions = {
  /** Who sends, in the present epoch. */
  readonly origin: () => Origin;
  readonly epoch: SourceEpoch;
  readonly labelSelector?: string;
  readonly workspaceOf: (object: KubeObject) => string;
  readonly isDrifted: (downstreamObj: KubeObject) => boolean;
  readonly outbox: Outbox;
  readonly checkpoints: Checkpoints;
  readonly stamp: () => Stamp;
  /** Kinds whose complete first lists are told as list marks. */
  readonly isMarked: (resource: ResourceType) => boolean;
  /** Called after each complete list. */
  readonly listed: (resource: ResourceType, first: boolean) => void;
  readonly report: (report: SourceReport) => void;
  readonly antiEntropyMs: number;
  readonly clock: Clock;
  readonly sleep: Sleep;
  readonly random: Random;
};

/** One kind at one endpoint, being read. */
type Reader = {
  readonly source: WatchSource;
  readonly resource: ResourceType;
  readonly listWatch: ListWatch;
  readonly ended: AbortController;
  /** Progress in the present epoch; another object after the epoch rose. */
  tracker: RevisionTracker | undefined;
  /** Revision of the first complete list since the start or since the epoch rose. */
  firstListRv: bigint | undefined;
  done: Promise<void>;
};

/**
 * An endpoint whose lists contradict what was read raises the epoch once in this time: each rise has everything told again, and one
 * whose answers come from two histories in turn would cause that for ever.
 */
const EPOCH_PACE_MS = 10 * 60_000;
const HELD_BACK =
  'this endpoint raised the epoch less than 10 min ago and may not again before, unless the relay is restarted';

/** The list-watches of all endpoints: one for each kind at each. Endpoints and kinds come and go. */
export class Readers {
  readonly #options: ReadersOptions;
  /** By endpoint and `resource.group`. */
  readonly #readers = new Map<string, Reader>();
  #sources: readonly WatchSource[] = [];
  #resources: readonly ResourceType[] = [];
  /** Readers on their way out. */
  readonly #leaving = new Set<Promise<unknown>>();
  /** Endpoints that went and have not come back: their objects are out of sight, so the rest together proves nothing absent. */
  readonly #missing = new Set<string>();
  /** Endpoints that raised the epoch a short time ago. */
  readonly #heldBack = new Set<string>();
  readonly #ended = new AbortController();

  constructor(options: ReadersOptions) {
    this.#options = options;
  }

  /** What to read from now on; a source or kind that stays goes on with the source it has. */
  set({
    sources = this.#sources,
    resources = this.#resources,
  }: {
    sources?: readonly WatchSource[];
    resources?: readonly ResourceType[];
  }): void {
    for (const { endpoint } of this.#sources) this.#missing.add(endpoint);
    for (const { endpoint } of sources) this.#missing.delete(endpoint);
    this.#sources = sources;
    this.#resources = resources;
    const wanted = new Map(
      sources.flatMap((source) =>
        resources.map((resource) => [nameOf(source, resource), { source, resource }] as const),
      ),
    );
    for (const name of [...this.#readers.keys()]) if (!wanted.has(name)) this.#leave(name);
    for (const [name, { source, resource }] of wanted) {
      if (!this.#readers.has(name)) this.#readers.set(name, this.#read(source, resource));
    }
  }

  /** True when there is something to read and all of it was listed. */
  allListed(): boolean {
    const states = this.state();
    return states.length > 0 && states.every(({ listed }) => listed);
  }

  state(): readonly SourceState[] {
    return [...this.#readers.values()].map(({ source, resource, listWatch }) => ({
      ...listWatch.status(),
      endpoint: source.endpoint,
      resource: formatGroupResource(resource),
    }));
  }

  /** True when every endpoint answers a small list. */
  async probe(signal: AbortSignal): Promise<boolean> {
    const { labelSelector } = this.#options;
    const [resource] = this.#resources;
    if (!resource || this.#sources.length === 0) return false;
    const options = { limit: 1, signal, ...(labelSelector !== undefined && { labelSelector }) };
    const answers = await Promise.allSettled(this.#sources.map((source) => source.page(resource, options)));
    return answers.every(({ status }) => status === 'fulfilled');
  }

  /** Ends all reading; resolves when every stream is closed, and the checkpoints of what was left before are saved. */
  async stop(): Promise<void> {
    this.#ended.abort();
    const readers = [...this.#readers.values()];
    for (const { ended } of readers) ended.abort();
    await Promise.all([...readers.map(({ done }) => done), ...this.#leaving]);
  }

  #leave(name: string): void {
    const reader = this.#readers.get(name);
    if (!reader) return;
    this.#readers.delete(name);
    reader.ended.abort();
    const leaving = this.#forget(reader);
    this.#leaving.add(leaving);
    void leaving.then(() => this.#leaving.delete(leaving));
  }

  async #forget(reader: Reader): Promise<void> {
    await reader.done;
    if (reader.tracker) await this.#options.checkpoints.untrack(this.#checkpointKey(reader), reader.tracker);
  }

  #read(source: WatchSource, resource: ResourceType): Reader {
    const { labelSelector, workspaceOf, isDrifted, report } = this.#options;
    const options: ListWatchOptions = {
      ...this.#options,
      source,
      view: { kind: this.#options.origin().kind, resource, workspaceOf, isDrifted },
      ...(labelSelector !== undefined && { labelSelector }),
      begin: (ended) => this.#begin(reader, ended),
      startedOver: (epoch) => this.#startOver(source.endpoint, epoch),
      heldBack: () => (this.#heldBack.has(source.endpoint) ? HELD_BACK : undefined),
      knownElsewhere: (id) => this.#knownElsewhere(reader, id),
      listed: (first, rv, told) => this.#listed(reader, first ? rv : undefined, told),
      report: (state, why) =>
        report({ endpoint: source.endpoint, resource: formatGroupResource(resource), state, ...why }),
    };
    const reader: Reader = {
      source,
      resource,
      listWatch: new ListWatch(options),
      ended: new AbortController(),
      tracker: undefined,
      firstListRv: undefined,
      done: Promise.resolve(),
    };
    reader.done = reader.listWatch.run(reader.ended.signal);
    return reader;
  }

  /** Where a reader begins in the present epoch, and what it tells is told in. @throws what the checkpoint store throws. */
  async #begin(reader: Reader, epochEnded: AbortSignal): Promise<Told> {
    const { epoch, checkpoints, outbox, origin, stamp } = this.#options;
    await epoch.load();
    const sender = origin();
    const key = this.#checkpointKey(reader);
    const since = await checkpoints.find(key, sender.epoch);
    const tracker = new RevisionTracker();
    reader.tracker = tracker;
    reader.firstListRv = undefined;
    if (!reader.ended.signal.aborted) checkpoints.track(key, sender.epoch, { tracker, saved: since });
    const { resource } = reader;
    const ended = AbortSignal.any([reader.ended.signal, epochEnded]);
    return {
      epoch: sender.epoch,
      ended,
      since,
      tracker,
      offer: (observation, holdAt) =>
        outbox.put(
          observationParcel(observation, { origin: sender, resource, stamp: stamp() }),
          tracker.hold(holdAt),
          ended,
        ),
    };
  }

  /**
   * Revisions went backwards at one endpoint: the source's epoch ends, and all its readers begin anew. None counts as listed until
   * it was listed in the new epoch: its keys are forgotten at once, and a mark without them would deny all that is there.
   */
  async #startOver(endpoint: string, epoch: number): Promise<void> {
    await this.#options.epoch.end(epoch);
    this.#holdBack(endpoint);
    for (const reader of this.#readers.values()) reader.firstListRv = undefined;
    for (const { listWatch } of this.#readers.values()) listWatch.beginAnew();
  }

  #holdBack(endpoint: string): void {
    if (this.#heldBack.has(endpoint)) return;
    this.#heldBack.add(endpoint);
    void this.#options.sleep(EPOCH_PACE_MS, this.#ended.signal).then(() => this.#heldBack.delete(endpoint));
  }

  /** The same object as another endpoint's reader of the kind knows it. */
  #knownElsewhere({ source, resource }: Reader, id: string): { uid: string; rv: bigint } | undefined {
    if (this.#sources.length < 2) return undefined;
    for (const other of this.#sources) {
      if (other.endpoint === source.endpoint) continue;
      const known = this.#readers.get(nameOf(other, resource))?.listWatch.known(id);
      if (known) return known;
    }
    return undefined;
  }

  async #listed(reader: Reader, firstListRv: bigint | undefined, told: Told): Promise<void> {
    const first = firstListRv !== undefined;
    if (first) reader.firstListRv = firstListRv;
    this.#options.listed(reader.resource, first);
    if (first && this.#options.isMarked(reader.resource)) await this.#mark(reader, told);
  }

  /**
   * Tells the keys of a kind at all endpoints together once each of them was listed: an endpoint's own keys would make those of
   * the others look absent. The lowest of their revisions stands for all, so that nothing newer at any is taken for gone.
   */
  async #mark({ resource }: Reader, { epoch, ended }: Told): Promise<void> {
    const readers = this.#sources.map((source) => this.#readers.get(nameOf(source, resource)));
    const revisions = readers.map((reader) => reader?.firstListRv);
    if (this.#missing.size > 0 || revisions.some((rv) => rv === undefined)) return;
    const rv = (revisions as bigint[]).reduce((a, b) => (a < b ? a : b));
    const origin = { ...this.#options.origin(), epoch };
    const { outbox, stamp } = this.#options;
    for (const mark of marksOf(keysOf(readers))) {
      if (ended.aborted) return;
      await outbox.put(listMarkParcel(resource, { origin, stamp: stamp(), rv: String(rv), mark }), undefined, ended);
    }
  }

  #checkpointKey({ source, resource }: Reader): CheckpointKey {
    return { source: this.#options.origin().id, endpoint: source.endpoint, resource: formatGroupResource(resource) };
  }
}

function nameOf({ endpoint }: WatchSource, resource: ResourceType): string {
  return `${endpoint} ${formatGroupResource(resource)}`;
}

/** Each key once, though an object on its way between endpoints may be at both. */
function keysOf(readers: readonly (Reader | undefined)[]): Iterable<string> {
  if (readers.length === 1) return readers[0]?.listWatch.keys() ?? [];
  return new Set(readers.flatMap((reader) => [...(reader?.listWatch.keys() ?? [])]));
}
