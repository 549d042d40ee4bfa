import { OWNER_LABEL } from '@tmc/apis/names.ts';
import { driftedFromApplied } from '@tmc/apis/owned-fields.ts';
import { CONTROL_RESOURCES, NAMESPACES, type ResourceType } from '@tmc/apis/resources.ts';
import type { Clock, Sleep } from '@tmc/kernel/clock.ts';
import type { SendMessages } from '@tmc/kernel/envelope.ts';
import type { Ids, Random } from '@tmc/kernel/ids.ts';
import type { KubeObject } from '@tmc/kernel/object.ts';
import type { WatchSource } from '@tmc/kernel/ports.ts';
import { type CheckpointStore, Checkpoints } from './checkpoint.ts';
import { SourceEpoch } from './epoch.ts';
import { beat, every } from './heartbeat.ts';
import { heartbeatParcel, listMarkerParcel, type Origin, type Parcel, type Stamp, tickParcel } from './message.ts';
import { LagHistogram, type RelayMetrics, type SourceState } from './metrics.ts';
import { DEFAULT_LIMITS, Outbox, type OutboxLimits } from './outbox.ts';
import { Readers, type SourceReport } from './readers.ts';

export type { SourceReport };

/** Whom the relay reads. `epoch` is the least that counts: a higher one that is stored, because revisions went backwards, wins. */
export type RelaySource =
  | { readonly kind: 'hub'; readonly id: string; readonly epoch: number }
  | {
      readonly kind: 'member';
      /** Target key. */
      readonly id: string;
      readonly epoch: number;
      /** The hub's SyncTarget of this member: what heartbeats are about. */
      readonly target: { readonly workspace: string; readonly name: string };
    };

export type RelayConfig = {
  /** Name of this relay process. */
  readonly relay: string;
  readonly source: RelaySource;
  readonly resources: readonly ResourceType[];
  readonly limits?: Partial<OutboxLimits>;
  /** Pace of a member relay's heartbeats; 10 s. */
  readonly heartbeatMs?: number;
  /** Pace of a hub relay's ticks; 5 s. */
  readonly tickMs?: number;
  /**
   * Kinds of which list marks (`apis/list-marks.ts`) are sent after the first complete list of a start or of a new epoch: the
   * control kinds of a hub, or all. Of others a member relay says only that they were listed.
   */
  readonly listMarks?: 'control' | 'all';
  /** Mean time between comparisons of what is known with a list of metadata, jittered by half; 20 min, 0 never. */
  readonly antiEntropyMs?: number;
  /** Longest time that stopping takes: for messages on their way, then for checkpoints; 10 s. */
  readonly drainMs?: number;
};

export type RelayPorts = {
  readonly sources: readonly WatchSource[];
  readonly send: SendMessages;
  readonly checkpoints: CheckpointStore;
  /** Workspace of a hub object; not asked by a member relay. */
  readonly workspaceOf: (upstreamObj: KubeObject) => string;
  readonly clock: Clock;
  readonly sleep: Sleep;
  readonly ids: Ids;
  readonly random: Random;
  /** Called when a source enters a failing state or leaves it, for logs. */
  readonly report?: (report: SourceReport) => void;
};

export type Relay = {
  /** True once every kind at every endpoint was listed completely. */
  ready(): boolean;
  state(): readonly SourceState[];
  metrics(): RelayMetrics;
  /**
   * The endpoints to read from now on: new ones are begun, missing ones ended (their objects are not reported deleted), and
   * one that stays keeps its source.
   */
  setSources(sources: readonly WatchSource[]): void;
  /** The kinds to read from now on, likewise. */
  setResources(resources: readonly ResourceType[]): void;
  /**
   * Ends reading, sends what is on its way, saves the checkpoints, all within `drainMs`. `abandon` ends at once: nothing is sent or
   * saved any more, and what hangs is left.
   */
  stop(options?: { readonly abandon?: boolean }): Promise<void>;
};

const CHECKPOINT_MS = 1_000;
/** The part of a stop in which messages are sent; the rest is for the checkpoints. */
const DRAIN_SHARE = 0.8;
/** How long streams may take to close before they are left to themselves. */
const ABANDON_MS = 1_000;
/** Deadline of the request that tells whether a member cluster is alive. */
const PROBE_MS = 5_000;

/** Starts a relay: reads its sources and sends what matters until stopped. Never throws later; look at state and metrics. */
export function startRelay(config: RelayConfig, ports: RelayPorts): Relay {
  return new RunningRelay(config, ports);
}

class RunningRelay implements Relay {
  readonly #config: RelayConfig;
  readonly #ports: RelayPorts;
  readonly #epoch: SourceEpoch;
  readonly #outbox: Outbox;
  readonly #checkpoints: Checkpoints;
  readonly #readers: Readers;
  readonly #lag = new LagHistogram();
  readonly #ended = new AbortController();
  readonly #loops: Promise<void>[];
  #counts = { heartbeats: 0, heartbeatsWithheld: 0, ticks: 0 };
  #greeted = false;
  #stopping: Promise<void> | undefined;

  constructor(config: RelayConfig, ports: RelayPorts) {
    this.#config = config;
    this.#ports = ports;
    const { kind, id } = config.source;
    this.#epoch = new SourceEpoch(config.source, ports.checkpoints);
    this.#outbox = new Outbox(
      { ...ports, acknowledged: (parcel) => this.#acknowledged(parcel) },
      { ...DEFAULT_LIMITS, ...config.limits },
    );
    this.#checkpoints = new Checkpoints(ports.checkpoints);
    this.#readers = new Readers({
      origin: () => this.#origin(),
      epoch: this.#epoch,
      ...(kind === 'member' && { labelSelector: `${OWNER_LABEL}=${id}` }),
      workspaceOf: kind === 'member' ? () => id : ports.workspaceOf,
      isDrifted: driftedFromApplied,
      outbox: this.#outbox,
      checkpoints: this.#checkpoints,
      stamp: () => this.#stamp(),
      isMarked: (resource) => this.#isMarked(resource),
      listed: (resource, first) => this.#listed(resource, first),
      report: (report) => ports.report?.(report),
      antiEntropyMs: config.antiEntropyMs ?? 20 * 60_000,
      clock: ports.clock,
      sleep: ports.sleep,
      random: ports.random,
    });
    this.#readers.set({ sources: ports.sources, resources: config.resources });
    this.#loops = this.#startLoops(this.#ended.signal);
  }

  ready(): boolean {
    return this.#stopping === undefined && this.#readers.allListed();
  }

  state(): readonly SourceState[] {
    return this.#readers.state();
  }

  metrics(): RelayMetrics {
    return {
      outbox: this.#outbox.status(),
      lag: this.#lag.snapshot(),
      sources: this.#readers.state(),
      epoch: this.#epoch.current,
      ...this.#counts,
      checkpointSaves: this.#checkpoints.saves,
      checkpointFailures: this.#checkpoints.failures,
    };
  }

  setSources(sources: readonly WatchSource[]): void {
    if (this.#stopping === undefined) this.#readers.set({ sources });
  }

  setResources(resources: readonly ResourceType[]): void {
    if (this.#stopping === undefined) this.#readers.set({ resources });
  }

  stop({ abandon = false }: { readonly abandon?: boolean } = {}): Promise<void> {
    this.#stopping ??= abandon ? this.#abandon() : this.#stop();
    return this.#stopping;
  }

  async #abandon(): Promise<void> {
    this.#ended.abort();
    this.#outbox.close();
    await this.#within(ABANDON_MS, () => this.#readers.stop());
  }

  /** One deadline over all of it: whatever hangs, the process ends, and a checkpoint that was not saved only means replay. */
  async #stop(): Promise<void> {
    this.#ended.abort();
    const drainMs = this.#config.drainMs ?? 10_000;
    const reading = this.#readers.stop();
    await this.#within(drainMs, async (deadline) => {
      await this.#within(drainMs * DRAIN_SHARE, (signal) => this.#outbox.drain(AbortSignal.any([signal, deadline])));
      this.#outbox.close();
      await this.#within((drainMs * (1 - DRAIN_SHARE)) / 2, () => Promise.all([reading, ...this.#loops]));
      await this.#checkpoints.save({ final: true });
    });
  }

  /** Waits for something, but no longer than so many ms. */
  async #within(ms: number, act: (deadline: AbortSignal) => Promise<unknown>): Promise<void> {
    const over = new AbortController();
    const late = this.#ports.sleep(ms, over.signal).then(() => over.abort());
    await Promise.race([act(over.signal), late]);
    over.abort();
  }

  #startLoops(signal: AbortSignal): Promise<void>[] {
    const { sleep } = this.#ports;
    const saving = every(CHECKPOINT_MS, { act: () => this.#checkpoints.save(), sleep }, signal);
    if (this.#config.source.kind === 'hub') {
      return [saving, every(this.#config.tickMs ?? 5_000, { act: () => this.#tick(), sleep }, signal)];
    }
    const beating = beat(
      {
        intervalMs: this.#config.heartbeatMs ?? 10_000,
        probe: (ended) => this.#probe(ended),
        send: () => this.#heartbeat(),
        sleep,
      },
      signal,
    );
    return [saving, beating];
  }

  #acknowledged({ message }: Parcel): void {
    this.#lag.record(Math.max(0, this.#ports.clock() - message.envelope.at));
  }

  #listed(resource: ResourceType, first: boolean): void {
    const isMember = this.#config.source.kind === 'member';
    // A member's lists tell which copies are there; which ones went while nobody looked must be asked of the hub.
    if (first && isMember && !this.#isMarked(resource)) {
      this.#outbox.force(listMarkerParcel(resource, this.#origin(), this.#stamp()));
    }
    if (!this.#greeted && isMember && this.#readers.allListed()) {
      this.#greeted = true;
      this.#heartbeat();
    }
  }

  /** Asks each endpoint for one object: answering at all is the sign of life. */
  async #probe(ended: AbortSignal): Promise<boolean> {
    const given = new AbortController();
    const signal = AbortSignal.any([given.signal, ended]);
    const late = this.#ports.sleep(PROBE_MS, signal).then(() => false);
    const alive = await Promise.race([this.#readers.probe(signal), late]);
    given.abort();
    if (!alive && !ended.aborted) this.#counts.heartbeatsWithheld += 1;
    return alive;
  }

  #heartbeat(): void {
    const { source } = this.#config;
    if (source.kind !== 'member') return;
    this.#counts.heartbeats += 1;
    this.#outbox.force(heartbeatParcel(source.target, this.#origin(), this.#stamp()));
  }

  #tick(): void {
    this.#counts.ticks += 1;
    this.#outbox.force(tickParcel(this.#origin(), this.#stamp()));
  }

  #isMarked(resource: ResourceType): boolean {
    const { listMarks, source } = this.#config;
    if (listMarks !== 'control') return listMarks === 'all';
    // Of what placement keeps facts, which nothing holds when it is deleted.
    const isControl = [...CONTROL_RESOURCES, NAMESPACES].some(
      (r) => r.group === resource.group && r.resource === resource.resource,
    );
    return source.kind === 'hub' && isControl;
  }

  #origin(): Origin {
    const { source, relay } = this.#config;
    return { kind: source.kind, id: source.id, epoch: this.#epoch.current, relay };
  }

  #stamp(): Stamp {
    return { id: this.#ports.ids(), at: this.#ports.clock() };
  }
}
