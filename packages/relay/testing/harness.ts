import { resourceType } from '@tmc/apis/resources.ts';
import type { Sleep } from '@tmc/kernel/clock.ts';
import type { Envelope, OutgoingMessage } from '@tmc/kernel/envelope.ts';
import { formatKey } from '@tmc/kernel/key.ts';
import type { Checkpoint, CheckpointKey, CheckpointStore } from '../checkpoint.ts';
import { type Relay, type RelayConfig, type RelayPorts, startRelay } from '../main.ts';
import { ScriptedServer } from './scripted-server.ts';

const CONFIG_MAPS = resourceType({ group: '', resource: 'configmaps' });

/** Checkpoints in memory; every save is kept. */
export class MemoryCheckpoints implements CheckpointStore {
  readonly saves: { key: CheckpointKey; checkpoint: Checkpoint; atMs: number }[] = [];
  fault: unknown;
  readonly #now: () => number;

  constructor(now: () => number) {
    this.#now = now;
  }

  async load(key: CheckpointKey): Promise<Checkpoint | undefined> {
    if (this.fault !== undefined) throw this.fault;
    const isIt = (other: CheckpointKey) =>
      other.source === key.source && other.endpoint === key.endpoint && other.resource === key.resource;
    return this.saves.findLast((save) => isIt(save.key))?.checkpoint;
  }

  async save(key: CheckpointKey, checkpoint: Checkpoint): Promise<void> {
    if (this.fault !== undefined) throw this.fault;
    this.saves.push({ key, checkpoint, atMs: this.#now() });
  }

  readonly #epochs = new Map<string, number>();

  async loadEpoch(source: string): Promise<number> {
    if (this.fault !== undefined) throw this.fault;
    return this.#epochs.get(source) ?? 0;
  }

  async raiseEpoch(source: string, to: number): Promise<number> {
    const epoch = Math.max(to, await this.loadEpoch(source));
    this.#epochs.set(source, epoch);
    return epoch;
  }

  /** What was saved last of a kind, at any endpoint. */
  last(resource: string): Checkpoint | undefined {
    return this.saves.findLast(({ key }) => key.resource === resource)?.checkpoint;
  }
}

/** A queue that keeps what it accepted; `refuse` decides per message, `hang` keeps sends unanswered until released. */
export class MemoryQueue {
  readonly accepted: OutgoingMessage[] = [];
  refuse: (message: OutgoingMessage) => boolean = () => false;
  /** Resolves the sends that wait while `hanging`. */
  hanging = false;
  readonly #release: (() => void)[] = [];

  readonly send = async (messages: readonly OutgoingMessage[]): Promise<{ failed: number[] }> => {
    if (this.hanging) await new Promise<void>((resolve) => this.#release.push(resolve));
    const failed: number[] = [];
    messages.forEach((message, index) => {
      if (this.refuse(message)) failed.push(index);
      else this.accepted.push(structuredClone(message));
    });
    return { failed };
  };

  release(): void {
    this.hanging = false;
    for (const go of this.#release.splice(0)) go();
  }

  envelopes(change?: Envelope['change']): Envelope[] {
    return this.accepted.map(({ envelope }) => envelope).filter((e) => change === undefined || e.change === change);
  }

  /** What a consumer knows who believes the last message about each object; `unseen` changes nothing. */
  view(): Map<string, Envelope> {
    const view = new Map<string, Envelope>();
    for (const envelope of this.envelopes()) {
      if (envelope.change === 'upsert') view.set(formatKey(envelope.key), envelope);
      if (envelope.change === 'delete') view.delete(formatKey(envelope.key));
    }
    return view;
  }
}

/** What a bench needs of a virtual clock. */
export type BenchClock = {
  readonly now: () => number;
  readonly sleep: Sleep;
  readonly advance: (ms: number) => Promise<void>;
};

/** A hub with one kind, a queue and a checkpoint store on a virtual clock; relays come and go on it. */
export class Bench {
  readonly clock: BenchClock;
  readonly server = new ScriptedServer();
  readonly queue = new MemoryQueue();
  readonly checkpoints = new MemoryCheckpoints(() => this.clock.now());
  #messages = 0;
  readonly #crash = new WeakMap<Relay, () => void>();

  constructor(clock: BenchClock) {
    this.clock = clock;
  }

  start(config: Partial<RelayConfig> = {}, ports: Partial<RelayPorts> = {}): Relay {
    let crashed = false;
    const relay = startRelay(
      { relay: 'relay-1', source: { kind: 'hub', id: 'hub-1', epoch: 0 }, resources: [CONFIG_MAPS], ...config },
      {
        sources: [this.server.source],
        send: (messages) => (crashed ? new Promise(() => undefined) : this.queue.send(messages)),
        checkpoints: {
          load: (key) => this.checkpoints.load(key),
          save: async (key, checkpoint) => (crashed ? undefined : this.checkpoints.save(key, checkpoint)),
          loadEpoch: (source) => this.checkpoints.loadEpoch(source),
          raiseEpoch: (source, to) =>
            crashed ? new Promise(() => undefined) : this.checkpoints.raiseEpoch(source, to),
        },
        workspaceOf: (object) => object.metadata.annotations?.['kcp.io/cluster'] ?? 'root',
        clock: this.clock.now,
        sleep: this.clock.sleep,
        ids: () => {
          this.#messages += 1;
          return `msg-${this.#messages}`;
        },
        random: () => 0.5,
        ...ports,
      },
    );
    this.#crash.set(relay, () => {
      crashed = true;
    });
    return relay;
  }

  /** From now on nothing the relay does has an effect, as if its process had been killed. */
  crash(relay: Relay): void {
    this.#crash.get(relay)?.();
    void relay.stop();
  }

  /** Lets time pass until the condition holds; fails with the reason after `limitMs` of virtual time. */
  async until(reason: string, condition: () => boolean, limitMs = 120_000): Promise<void> {
    const endMs = this.clock.now() + limitMs;
    await this.clock.advance(0);
    while (!condition()) {
      if (this.clock.now() >= endMs) throw new Error(`still not true after ${limitMs} ms: ${reason}`);
      await this.clock.advance(50);
    }
  }

  /** Stops a relay while time goes on. */
  async stop(relay: Relay): Promise<void> {
    let stopped = false;
    const done = relay.stop().then(() => {
      stopped = true;
    });
    await this.until('relay stopped', () => stopped);
    await done;
  }
}
