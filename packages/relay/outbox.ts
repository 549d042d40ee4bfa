import type { Clock, Sleep } from '@tmc/kernel/clock.ts';
import type { QueueName, SendMessages } from '@tmc/kernel/envelope.ts';
import { messageOf } from '@tmc/kernel/errors.ts';
import type { Random } from '@tmc/kernel/ids.ts';
import type { Hold } from './checkpoint.ts';
import { FairQueue } from './lanes.ts';
import { type Parcel, withoutBody } from './message.ts';
import { Traffic, type TrafficCounts } from './metrics.ts';
import { Changes } from './outbox-room.ts';
import { backoffMs } from './timing.ts';

/** Messages per send: the limit of an SQS batch. */
const BATCH = 10;
/** Bytes per send: the same limit is 1 MiB, of which parcels are only estimates. */
const BATCH_BYTES = 1000 * 1024;
/** What one queue may hold of the whole: one that accepts nothing must not stop what goes to the others. */
const QUEUE_SHARE = 0.8;
/** Sends kept free for each other queue that has something to say: hanging sends to one must not stop the others. */
const RESERVED_SENDS = 1;
/** Above this share of the whole, messages are taken without bodies: a storm then takes some ten times longer to fill it. */
const BODY_SHARE = 0.5;
const RETRY = { firstMs: 100, maxMs: 5_000 };

export type OutboxLimits = {
  /** Bytes of waiting and travelling messages above which nothing more is taken. */
  readonly maxBytes: number;
  /** Sends at a time. */
  readonly maxInFlight: number;
  /** How long a batch that is not full waits for more while another is on its way. */
  readonly lingerMs: number;
};

/** 8 MiB; 50 sends, each some 10 ms away from SQS, carry tens of thousands of messages a second. */
export const DEFAULT_LIMITS: OutboxLimits = { maxBytes: 8 * 1024 * 1024, maxInFlight: 50, lingerMs: 10 };

export type OutboxPorts = {
  readonly send: SendMessages;
  readonly clock: Clock;
  readonly sleep: Sleep;
  readonly random: Random;
  /** Called for each accepted message. */
  readonly acknowledged: (parcel: Parcel) => void;
};

/** A parcel with the claims on the checkpoint it answers for. */
type Load = { parcel: Parcel; holds: readonly Hold[] };
type Entry = { load: Load; state: 'ready' | 'flying' | 'retrying'; attempts: number; next: Load | undefined };
type Lane = { readonly ready: FairQueue<string>; bytes: number; inFlight: number; due: boolean; lingering: boolean };

export type OutboxStatus = {
  readonly entries: number;
  readonly bytes: number;
  readonly inFlight: number;
  readonly sent: number;
  readonly sends: number;
  readonly coalesced: number;
  readonly sendFailures: number;
  /** Times a reader had to wait for room. */
  readonly blocked: number;
  /** Messages taken without their body because the outbox was filling up. */
  readonly lightened: number;
  /** Why a whole send failed last. */
  readonly lastError: string | undefined;
  /** When a message was last accepted, and last refused, by the relay's clock. */
  readonly lastAcceptedMs: number | undefined;
  readonly lastFailedMs: number | undefined;
  /** Accepted messages about objects, by tenant and by kind. */
  readonly traffic: TrafficCounts;
};

/**
 * Messages on their way out: by object only the latest, at most so many bytes, fair between groups. An object is in flight once
 * at a time, so that an acknowledgement means the revision that was sent. What is refused is sent again until accepted.
 */
export class Outbox {
  readonly #ports: OutboxPorts;
  readonly #limits: OutboxLimits;
  readonly #entries = new Map<string, Entry>();
  readonly #lanes = new Map<QueueName, Lane>();
  readonly #closed = new AbortController();
  readonly #changes = new Changes();
  readonly #traffic = new Traffic();
  #pumpAsked = false;
  #draining = false;
  #bytes = 0;
  #inFlight = 0;
  #counts = { sent: 0, sends: 0, coalesced: 0, sendFailures: 0, blocked: 0, lightened: 0 };
  #last: Pick<OutboxStatus, 'lastError' | 'lastAcceptedMs' | 'lastFailedMs'> = {
    lastError: undefined,
    lastAcceptedMs: undefined,
    lastFailedMs: undefined,
  };

  constructor(ports: OutboxPorts, limits: OutboxLimits = DEFAULT_LIMITS) {
    this.#ports = ports;
    this.#limits = limits;
  }

  status(): OutboxStatus {
    return {
      entries: this.#entries.size,
      bytes: this.#bytes,
      inFlight: this.#inFlight,
      ...this.#counts,
      ...this.#last,
      traffic: this.#traffic.snapshot(),
    };
  }

  /**
   * Takes a message over. A promise means the outbox is full: it resolves when the message was taken. One larger than the
   * whole outbox is taken when it is alone. When `ended` is aborted while it waits, it is dropped and stays held: who reads on in
   * another's place may have told a newer state meanwhile.
   */
  put(parcel: Parcel, hold?: Hold, ended: AbortSignal = this.#closed.signal): Promise<void> | undefined {
    const load = { parcel: this.#lightened(parcel), holds: hold ? [hold] : [] };
    if (this.#fits(load.parcel)) {
      this.#accept(load);
      return undefined;
    }
    this.#counts.blocked += 1;
    return this.#putLater(load, ended);
  }

  /** Takes a message whether there is room or not: for the few ids of fixed number that must not wait behind readers. */
  force(parcel: Parcel): void {
    this.#accept({ parcel, holds: [] });
  }

  /** Sends everything without lingering; resolves when all is acknowledged or the signal is aborted. */
  async drain(signal: AbortSignal): Promise<void> {
    this.#draining = true;
    this.#askPump();
    while (this.#entries.size > 0 && !signal.aborted) await this.#changes.next(signal);
  }

  /** Ends retries and waits; what was not acknowledged stays held. */
  close(): void {
    this.#closed.abort();
    this.#changes.notify();
  }

  async #putLater(load: Load, ended: AbortSignal): Promise<void> {
    const isOver = () => ended.aborted || this.#closed.signal.aborted;
    while (!this.#fits(load.parcel) && !isOver()) await this.#changes.next(ended);
    if (!isOver()) this.#accept(load);
  }

  /** The message, or only its key when the outbox is filling up: what the receiver then reads is newer anyway. */
  #lightened(parcel: Parcel): Parcel {
    if (this.#bytes <= this.#limits.maxBytes * BODY_SHARE) return parcel;
    const light = withoutBody(parcel);
    if (light !== parcel) this.#counts.lightened += 1;
    return light;
  }

  #fits(parcel: Parcel): boolean {
    const entry = this.#entries.get(parcel.id);
    const replaced = (entry?.next ?? (entry && entry.state !== 'flying' ? entry.load : undefined))?.parcel.bytes ?? 0;
    const more = parcel.bytes - replaced;
    const { maxBytes } = this.#limits;
    const lane = this.#lane(parcel);
    if (this.#bytes === 0) return true;
    return this.#bytes + more <= maxBytes && (lane.bytes === 0 || lane.bytes + more <= maxBytes * QUEUE_SHARE);
  }

  #accept(load: Load): void {
    const { parcel } = load;
    const entry = this.#entries.get(parcel.id);
    this.#weigh(parcel, parcel.bytes);
    if (!entry) {
      this.#entries.set(parcel.id, { load, state: 'ready', attempts: 0, next: undefined });
      this.#makeReady(parcel);
      this.#askPump();
    } else if (entry.state === 'flying') {
      if (entry.next) entry.next = this.#replace(entry.next, load);
      else if (epochOf(load) < epochOf(entry.load)) entry.load = this.#replace(entry.load, load);
      else entry.next = load;
    } else {
      entry.load = this.#replace(entry.load, load);
    }
  }

  /**
   * The newer message, answering for the other one's revision too: of the higher epoch, since one of an older epoch may come late
   * and says nothing any more; within an epoch the one that came later.
   */
  #replace(before: Load, after: Load): Load {
    const [older, newer] = epochOf(after) < epochOf(before) ? [after, before] : [before, after];
    this.#weigh(older.parcel, -older.parcel.bytes);
    this.#counts.coalesced += 1;
    return { parcel: newer.parcel, holds: lowest(before.holds, after.holds) };
  }

  #weigh(parcel: Parcel, bytes: number): void {
    this.#bytes += bytes;
    this.#lane(parcel).bytes += bytes;
  }

  #makeReady(parcel: Parcel): void {
    this.#lane(parcel).ready.push(parcel.message.group, parcel.id);
  }

  #lane({ message }: Parcel): Lane {
    let lane = this.#lanes.get(message.queue);
    if (!lane) {
      lane = { ready: new FairQueue(), bytes: 0, inFlight: 0, due: false, lingering: false };
      this.#lanes.set(message.queue, lane);
    }
    return lane;
  }

  /** Pumps when the present step of the program is over: what was put together is sent together. */
  #askPump(): void {
    if (this.#pumpAsked) return;
    this.#pumpAsked = true;
    queueMicrotask(() => {
      this.#pumpAsked = false;
      this.#pump();
    });
  }

  #pump(): void {
    let started = true;
    while (started) {
      started = false;
      for (const lane of this.#lanes.values()) {
        if (this.#inFlight >= this.#limits.maxInFlight) return;
        if (lane.inFlight < this.#sendsFor(lane)) started = this.#start(lane) || started;
      }
    }
  }

  /** Sends a queue may have under way, so that each other one can start one at once; at least half of all. */
  #sendsFor(lane: Lane): number {
    const { maxInFlight } = this.#limits;
    const others = [...this.#lanes.values()].filter((other) => other !== lane && other.inFlight === 0).length;
    return Math.max(Math.ceil(maxInFlight / 2), maxInFlight - others * RESERVED_SENDS);
  }

  /** Sends one batch of a lane unless it had better wait for more; a lane with nothing in flight never waits. */
  #start(lane: Lane): boolean {
    if (lane.ready.size === 0 || this.#closed.signal.aborted) return false;
    if (lane.ready.size >= BATCH || lane.inFlight === 0 || lane.due || this.#draining) {
      const weigh = (id: string) => this.#entries.get(id)?.load.parcel.bytes ?? 0;
      const batch = lane.ready.take({ max: BATCH, maxWeight: BATCH_BYTES, weigh });
      // What did not fit has waited as long as the rest.
      lane.due &&= lane.ready.size > 0;
      void this.#send(lane, batch);
      return true;
    }
    if (!lane.lingering) void this.#linger(lane);
    return false;
  }

  async #linger(lane: Lane): Promise<void> {
    lane.lingering = true;
    await this.#ports.sleep(this.#limits.lingerMs, this.#closed.signal);
    lane.lingering = false;
    lane.due = lane.ready.size > 0;
    this.#pump();
  }

  async #send(lane: Lane, ids: readonly string[]): Promise<void> {
    const entries = ids.map((id) => this.#entries.get(id)).filter((entry) => entry !== undefined);
    for (const entry of entries) entry.state = 'flying';
    lane.inFlight += 1;
    this.#inFlight += 1;
    this.#counts.sends += 1;
    const failed = await this.#trySend(entries);
    lane.inFlight -= 1;
    this.#inFlight -= 1;
    const refused = entries.filter((entry, index) => {
      if (failed.has(index)) return true;
      this.#settle(entry);
      return false;
    });
    if (refused.length < entries.length) this.#last = { ...this.#last, lastAcceptedMs: this.#ports.clock() };
    if (refused.length > 0) void this.#retry(refused);
    this.#changes.notify();
    this.#pump();
  }

  async #trySend(entries: readonly Entry[]): Promise<ReadonlySet<number>> {
    try {
      return new Set((await this.#ports.send(entries.map(({ load }) => load.parcel.message))).failed);
    } catch (error) {
      this.#last = { ...this.#last, lastError: messageOf(error) };
      return new Set(entries.keys());
    }
  }

  /** Accepted: releases the checkpoint, and lets a state that came meanwhile go next. */
  #settle(entry: Entry): void {
    const { parcel, holds } = entry.load;
    this.#weigh(parcel, -parcel.bytes);
    this.#counts.sent += 1;
    this.#traffic.count(parcel.message.envelope);
    for (const hold of holds) hold.release();
    this.#ports.acknowledged(parcel);
    if (entry.next) {
      Object.assign(entry, { load: entry.next, next: undefined, state: 'ready', attempts: 0 });
      this.#makeReady(entry.load.parcel);
    } else {
      this.#entries.delete(parcel.id);
    }
  }

  /** Refused: the latest state of each goes again after a wait. */
  async #retry(entries: readonly Entry[]): Promise<void> {
    this.#counts.sendFailures += entries.length;
    this.#last = { ...this.#last, lastFailedMs: this.#ports.clock() };
    for (const entry of entries) {
      entry.attempts += 1;
      entry.state = 'retrying';
      if (entry.next) entry.load = this.#replace(entry.load, entry.next);
      entry.next = undefined;
    }
    const attempts = Math.max(...entries.map((entry) => entry.attempts));
    await this.#ports.sleep(backoffMs(attempts, RETRY, this.#ports.random), this.#closed.signal);
    for (const entry of entries) {
      entry.state = 'ready';
      this.#makeReady(entry.load.parcel);
    }
    this.#pump();
  }
}

const epochOf = ({ parcel }: Load): number => parcel.message.envelope.source.epoch;

/**
 * One hold for two of the same tracker: the lower keeps its checkpoint below both. Of several trackers (a kind that is read anew,
 * in another epoch, or at another endpoint) each keeps its own: their revisions say nothing about one another.
 */
function lowest(older: readonly Hold[], newer: readonly Hold[]): readonly Hold[] {
  const kept = [...older];
  for (const hold of newer) {
    const at = kept.findIndex(({ tracker }) => tracker === hold.tracker);
    const other = kept[at];
    if (!other) kept.push(hold);
    else if (other.rv <= hold.rv) hold.release();
    else {
      other.release();
      kept[at] = hold;
    }
  }
  return kept;
}
