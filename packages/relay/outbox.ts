import type { Sleep } from '@tmc/kernel/clock.ts';
import type { QueueName, SendMessages } from '@tmc/kernel/envelope.ts';
import { messageOf } from '@tmc/kernel/errors.ts';
import type { Random } from '@tmc/kernel/ids.ts';
import type { Hold } from './checkpoint.ts';
import { FairQueue } from './lanes.ts';
import type { Parcel } from './message.ts';
import { backoffMs } from './timing.ts';

/** Messages per send: the limit of an SQS batch. */
const BATCH = 10;
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
  readonly sleep: Sleep;
  readonly random: Random;
  /** Called for each accepted message. */
  readonly acknowledged: (parcel: Parcel) => void;
};

/** A parcel with the claims on the checkpoint it answers for. */
type Load = { parcel: Parcel; hold: Hold | undefined };
type Entry = { load: Load; state: 'ready' | 'flying' | 'retrying'; attempts: number; next: Load | undefined };
type Lane = { readonly ready: FairQueue<string>; inFlight: number; due: boolean; lingering: boolean };

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
  readonly lastError: string | undefined;
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
  readonly #waiters = new Set<() => void>();
  #pumpAsked = false;
  #draining = false;
  #bytes = 0;
  #inFlight = 0;
  #counts = { sent: 0, sends: 0, coalesced: 0, sendFailures: 0, blocked: 0 };
  #lastError: string | undefined;

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
      lastError: this.#lastError,
    };
  }

  /**
   * Takes a message over. A promise means the outbox is full: it resolves when the message was taken. One larger than the
   * whole outbox is taken when it is alone.
   */
  put(parcel: Parcel, hold?: Hold): Promise<void> | undefined {
    if (this.#fits(parcel)) {
      this.#accept({ parcel, hold });
      return undefined;
    }
    this.#counts.blocked += 1;
    return this.#putLater({ parcel, hold });
  }

  /** Takes a message whether there is room or not: for the few ids of fixed number that must not wait behind readers. */
  force(parcel: Parcel): void {
    this.#accept({ parcel, hold: undefined });
  }

  /** Sends everything without lingering; resolves when all is acknowledged or the signal is aborted. */
  async drain(signal: AbortSignal): Promise<void> {
    this.#draining = true;
    this.#askPump();
    while (this.#entries.size > 0 && !signal.aborted) await this.#change(signal);
  }

  /** Ends retries and waits; what was not acknowledged stays held. */
  close(): void {
    this.#closed.abort();
    this.#notify();
  }

  async #putLater(load: Load): Promise<void> {
    while (!this.#fits(load.parcel) && !this.#closed.signal.aborted) await this.#change(this.#closed.signal);
    if (!this.#closed.signal.aborted) this.#accept(load);
  }

  #fits({ id, bytes }: Parcel): boolean {
    const entry = this.#entries.get(id);
    const replaced = (entry?.next ?? (entry && entry.state !== 'flying' ? entry.load : undefined))?.parcel.bytes ?? 0;
    return this.#bytes === 0 || this.#bytes - replaced + bytes <= this.#limits.maxBytes;
  }

  #accept(load: Load): void {
    const { parcel } = load;
    const entry = this.#entries.get(parcel.id);
    this.#bytes += parcel.bytes;
    if (!entry) {
      this.#entries.set(parcel.id, { load, state: 'ready', attempts: 0, next: undefined });
      this.#lane(parcel).ready.push(parcel.message.group, parcel.id);
      this.#askPump();
    } else if (entry.state === 'flying') {
      entry.next = entry.next ? this.#replace(entry.next, load) : load;
    } else {
      entry.load = this.#replace(entry.load, load);
    }
  }

  /** The newer message, answering for the older one's revision too. */
  #replace(older: Load, newer: Load): Load {
    this.#bytes -= older.parcel.bytes;
    this.#counts.coalesced += 1;
    return { parcel: newer.parcel, hold: lowest(older.hold, newer.hold) };
  }

  #lane({ message }: Parcel): Lane {
    let lane = this.#lanes.get(message.queue);
    if (!lane) {
      lane = { ready: new FairQueue(), inFlight: 0, due: false, lingering: false };
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
        started = this.#start(lane) || started;
      }
    }
  }

  /** Sends one batch of a lane unless it had better wait for more; a lane with nothing in flight never waits. */
  #start(lane: Lane): boolean {
    if (lane.ready.size === 0 || this.#closed.signal.aborted) return false;
    if (lane.ready.size >= BATCH || lane.inFlight === 0 || lane.due || this.#draining) {
      lane.due = false;
      void this.#send(lane, lane.ready.take(BATCH));
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
    if (refused.length > 0) void this.#retry(refused);
    this.#notify();
    this.#pump();
  }

  async #trySend(entries: readonly Entry[]): Promise<ReadonlySet<number>> {
    try {
      return new Set((await this.#ports.send(entries.map(({ load }) => load.parcel.message))).failed);
    } catch (error) {
      this.#lastError = messageOf(error);
      return new Set(entries.keys());
    }
  }

  /** Accepted: releases the checkpoint, and lets a state that came meanwhile go next. */
  #settle(entry: Entry): void {
    const { parcel, hold } = entry.load;
    this.#bytes -= parcel.bytes;
    this.#counts.sent += 1;
    hold?.release();
    this.#ports.acknowledged(parcel);
    if (entry.next) {
      Object.assign(entry, { load: entry.next, next: undefined, state: 'ready', attempts: 0 });
      this.#lane(entry.load.parcel).ready.push(entry.load.parcel.message.group, parcel.id);
    } else {
      this.#entries.delete(parcel.id);
    }
  }

  /** Refused: the latest state of each goes again after a wait. */
  async #retry(entries: readonly Entry[]): Promise<void> {
    this.#counts.sendFailures += entries.length;
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
      const { parcel } = entry.load;
      this.#lane(parcel).ready.push(parcel.message.group, parcel.id);
    }
    this.#pump();
  }

  /** Resolves at the next change of the outbox, or when the signal is aborted. */
  #change(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const wake = (): void => {
        this.#waiters.delete(wake);
        signal.removeEventListener('abort', wake);
        resolve();
      };
      this.#waiters.add(wake);
      signal.addEventListener('abort', wake, { once: true });
      if (signal.aborted) wake();
    });
  }

  #notify(): void {
    for (const wake of [...this.#waiters]) wake();
  }
}

/** One hold for two: the lower keeps the checkpoint below both. */
function lowest(a: Hold | undefined, b: Hold | undefined): Hold | undefined {
  if (!a || !b) return a ?? b;
  const [kept, freed] = a.rv <= b.rv ? [a, b] : [b, a];
  freed.release();
  return kept;
}
