import { type Clock, type Sleep, systemSleep } from '@tmc/kernel/clock.ts';
import type { Ids } from '@tmc/kernel/ids.ts';
import { FairOrder, type Queued } from './fair-order.ts';
import type { Death, NewMessage, QueueJournal, StoredMessage } from './journal.ts';
import { checkEntries, checkReceive, fits } from './limits.ts';
import {
  DEAD_LIST_LIMIT,
  type DeadLetter,
  exhaustedReason,
  MAX_RECEIVES,
  type Queue,
  type QueueDepth,
  type QueueEntry,
  type ReceivedMessage,
  type ReceiveOptions,
  type Redriven,
  type RedriveOptions,
  type VisibilityChange,
} from './queue.ts';

export type InProcessQueueOptions = {
  readonly name: string;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly maxReceives?: number;
  /** How a long poll waits; virtual in tests. */
  readonly sleep?: Sleep;
  /**
   * What a predecessor had in flight is visible at once instead of after its timeout. For a host that owns its file alone: the
   * predecessor is dead then.
   */
  readonly reclaim?: boolean;
};

/**
 * A queue whose order lives in this process and whose memory is a journal. One process, one queue object per name: the journal
 * is read once. A waiting receive wakes at once when something becomes visible.
 */
export function createInProcessQueue(options: InProcessQueueOptions, journal: QueueJournal): Queue {
  return new InProcessQueue(options, journal);
}

/** Why a sleep ends early. Given, because an abort without a reason makes an error with a stack, which costs more than the sleep. */
const WOKEN = 'woken';

class InProcessQueue implements Queue {
  readonly name: string;
  readonly #clock: Clock;
  readonly #ids: Ids;
  readonly #maxReceives: number;
  readonly #sleep: Sleep;
  readonly #journal: QueueJournal;
  readonly #order = new FairOrder();
  readonly #messages = new Map<string, Queued>();
  /** Long polls, and until when each sleeps. */
  readonly #polls = new Map<AbortController, number>();

  constructor(options: InProcessQueueOptions, journal: QueueJournal) {
    const { name, clock, ids, maxReceives = MAX_RECEIVES, sleep = systemSleep, reclaim = false } = options;
    this.name = name;
    this.#clock = clock;
    this.#ids = ids;
    this.#maxReceives = maxReceives;
    this.#sleep = sleep;
    this.#journal = journal;
    for (const stored of journal.load()) {
      const visibleAtMs = reclaim && stored.receiveCount > 0 ? clock() : stored.visibleAtMs;
      this.#admit({ ...stored, visibleAtMs });
    }
  }

  async send(entries: readonly QueueEntry[]): Promise<{ failed: number[] }> {
    checkEntries(entries);
    const sentAtMs = this.#clock();
    const failed: number[] = [];
    const fresh: NewMessage[] = [];
    for (const [index, entry] of entries.entries()) {
      if (fits(entry)) fresh.push(toNew(entry, { id: this.#ids(), sentAtMs }));
      else failed.push(index);
    }
    if (fresh.length > 0) this.#insert(fresh, this.#journal.insert(fresh));
    return { failed };
  }

  async receive(options: ReceiveOptions): Promise<ReceivedMessage[]> {
    checkReceive(options);
    const { max, visibilityMs, waitMs, signal } = options;
    const untilMs = this.#clock() + waitMs;
    while (!signal.aborted) {
      const taken = this.#take(max, visibilityMs);
      const leftMs = untilMs - this.#clock();
      if (taken.length > 0 || leftMs <= 0) return taken.map((message) => this.#toReceived(message));
      const dueMs = (this.#order.nextDueMs() ?? untilMs) - this.#clock();
      await this.#pause(Math.max(0, Math.min(leftMs, dueMs)), signal);
    }
    return [];
  }

  async delete(receipts: readonly string[]): Promise<void> {
    const named = receipts.map((receipt) => this.#find(receipt));
    const found = [...new Set(named)].filter((message) => message !== undefined);
    if (found.length === 0) return;
    this.#journal.remove(found);
    for (const message of found) this.#forget(message);
  }

  async changeVisibility(changes: readonly VisibilityChange[]): Promise<void> {
    const nowMs = this.#clock();
    this.#order.promote(nowMs);
    // Of one receipt the last time counts.
    const wanted = new Map(changes.map(({ receipt, afterMs }) => [receipt, nowMs + afterMs]));
    const found = [...wanted].flatMap(([receipt, visibleAtMs]) => {
      const message = this.#find(receipt);
      return message?.state === 'waiting' ? [{ message, visibleAtMs }] : [];
    });
    if (found.length === 0) return;
    this.#journal.record(
      found.map(({ message, visibleAtMs }) => ({ ...message, visibleAtMs })),
      [],
    );
    for (const { message, visibleAtMs } of found) this.#order.reschedule(message, visibleAtMs, nowMs);
    this.#wake(Math.min(...found.map(({ visibleAtMs }) => visibleAtMs)));
  }

  async park({ receipt }: ReceivedMessage, reason: string): Promise<void> {
    const message = this.#find(receipt);
    if (!message) return;
    this.#journal.record([], [{ message, reason, atMs: this.#clock() }]);
    this.#forget(message);
  }

  async depth(): Promise<QueueDepth> {
    this.#order.promote(this.#clock());
    return { ...this.#order.count(), dead: this.#journal.dead.count() };
  }

  async listDead({ limit = DEAD_LIST_LIMIT }: { readonly limit?: number } = {}): Promise<readonly DeadLetter[]> {
    return this.#journal.dead.list(limit);
  }

  async redrive({ ids, limit, signal }: RedriveOptions = {}): Promise<Redriven> {
    const { dead } = this.#journal;
    const wanted = ids
      ? [...new Set(ids)].map((id) => dead.find(id)).filter((letter) => letter !== undefined)
      : dead.list(Number.MAX_SAFE_INTEGER);
    const letters = signal?.aborted ? [] : wanted.slice(0, limit);
    const redriven = { count: letters.length, left: letters.length < wanted.length };
    if (letters.length === 0) return redriven;
    const sentAtMs = this.#clock();
    const fresh = letters.map((letter) => toNew(letter, { id: this.#ids(), sentAtMs }));
    this.#insert(fresh, dead.revive(letters, fresh));
    return redriven;
  }

  #admit(message: StoredMessage): void {
    const queued: Queued = { ...message, state: 'waiting', inFlight: false };
    this.#messages.set(queued.id, queued);
    this.#order.add(queued, this.#clock());
  }

  #insert(fresh: readonly NewMessage[], seqs: readonly number[]): void {
    for (const [index, { body: _, ...message }] of fresh.entries()) {
      this.#admit({ ...message, seq: seqs[index] as number });
    }
    this.#wake(Math.min(...fresh.map(({ visibleAtMs }) => visibleAtMs)));
  }

  /** Wakes the polls that would sleep past this instant, at which something becomes visible. */
  #wake(visibleAtMs: number): void {
    for (const [poll, untilMs] of this.#polls) if (untilMs > visibleAtMs) poll.abort(WOKEN);
  }

  /** Up to `max` messages, in flight and recorded; those past their last receive are dead letters instead. */
  #take(max: number, visibilityMs: number): Queued[] {
    const nowMs = this.#clock();
    const visibleAtMs = nowMs + visibilityMs;
    const { live, spent } = this.#choose(max, nowMs, visibleAtMs);
    if (live.length === 0 && spent.length === 0) return live;
    const deaths = spent.map((message) => this.#exhausted(message, nowMs));
    try {
      this.#journal.record(live, deaths);
    } catch (error) {
      for (const message of [...live, ...spent]) this.#giveBack(message, nowMs);
      throw error;
    }
    for (const message of spent) this.#forget(message);
    if (live.length > 0) this.#wake(visibleAtMs);
    return live;
  }

  #choose(max: number, nowMs: number, visibleAtMs: number): { live: Queued[]; spent: Queued[] } {
    const live: Queued[] = [];
    const spent: Queued[] = [];
    this.#order.promote(nowMs);
    while (live.length < max) {
      const message = this.#order.take(visibleAtMs);
      if (!message) break;
      (message.receiveCount <= this.#maxReceives ? live : spent).push(message);
    }
    return { live, spent };
  }

  #exhausted(message: Queued, atMs: number): Death {
    const receiveCount = this.#maxReceives;
    return { message: { ...message, receiveCount }, reason: exhaustedReason(receiveCount), atMs };
  }

  #giveBack(message: Queued, nowMs: number): void {
    message.receiveCount -= 1;
    this.#order.reschedule(message, nowMs, nowMs);
  }

  #forget(message: Queued): void {
    this.#order.remove(message);
    this.#messages.delete(message.id);
  }

  async #pause(ms: number, signal: AbortSignal): Promise<void> {
    const poll = new AbortController();
    const stop = (): void => poll.abort(WOKEN);
    signal.addEventListener('abort', stop, { once: true });
    this.#polls.set(poll, this.#clock() + ms);
    try {
      await this.#sleep(ms, poll.signal);
    } finally {
      this.#polls.delete(poll);
      signal.removeEventListener('abort', stop);
    }
  }

  #toReceived({ id, group, receiveCount, sentAtMs, seq }: Queued): ReceivedMessage {
    return { id, group, receiveCount, sentAtMs, receipt: `${id}~${receiveCount}`, body: this.#journal.body(seq) };
  }

  /** The message of a receipt, unless it was received again or is gone. */
  #find(receipt: string): Queued | undefined {
    const at = receipt.lastIndexOf('~');
    const message = this.#messages.get(receipt.slice(0, at));
    return message?.receiveCount === Number(receipt.slice(at + 1)) ? message : undefined;
  }
}

function toNew(entry: QueueEntry, { id, sentAtMs }: { id: string; sentAtMs: number }): NewMessage {
  const { group, body, delayMs = 0 } = entry;
  return { id, group, body, sentAtMs, visibleAtMs: sentAtMs + delayMs, receiveCount: 0 };
}
