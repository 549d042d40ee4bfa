import type { Sleep } from '@tmc/kernel/clock.ts';
import { messageOf } from '@tmc/kernel/errors.ts';
import type { Random } from '@tmc/kernel/ids.ts';
import type { KubeObject } from '@tmc/kernel/object.ts';
import type { ObjectPage, WatchEvent, WatchSource } from '@tmc/kernel/ports.ts';
import type { RevisionTracker } from './checkpoint.ts';
import { type ListWatchStatus, zeroCounters } from './list-watch-status.ts';
import { Inventory, type Observation, type Perspective } from './observe.ts';
import { backoffMs } from './timing.ts';
import { needsList, ReadError, stateOf, type WatchState, waitMsOf } from './watch-state.ts';

/** Objects per page: one answer stays around 2 MB. */
const PAGE_LIMIT = 500;
/** First and longest wait between attempts that fail. */
const BACKOFF = { firstMs: 250, maxMs: 30_000 };
/** A stream that ends sooner and brought nothing is a failure: resuming it at once would spin. */
const SHORT_STREAM_MS = 1_000;
/** Deadline of a stream, jittered, so that a wedged one is bounded and not all end together. */
const STREAM_SECONDS = { min: 300, max: 600 };

/** What a list-watch needs besides its source. */
export type ListWatchOptions = {
  readonly source: WatchSource;
  readonly view: Perspective;
  readonly labelSelector?: string;
  readonly tracker: RevisionTracker;
  /** Revision up to which everything was acknowledged before the start; asked again while it throws. */
  readonly findSince: () => Promise<bigint | undefined>;
  /**
   * Takes an observation over; `holdAt` is the revision the checkpoint must stay below until it is acknowledged. A promise
   * means no room: nothing is read until it resolves.
   */
  readonly offer: (observation: Observation, holdAt: bigint) => Promise<void> | undefined;
  /** Called after each complete list. */
  readonly listed: (first: boolean) => void;
  readonly clock: () => number;
  readonly sleep: Sleep;
  readonly random: Random;
};

/**
 * Reads one resource at one endpoint for ever: list, stream from the list's revision, resume, list again when events may have
 * been missed. Tells each state that matters once, in order per object; ends only when its signal is aborted.
 */
export class ListWatch {
  readonly #options: ListWatchOptions;
  readonly #inventory: Inventory;
  readonly #entered: Partial<Record<WatchState, number>> = {};
  readonly #counters = zeroCounters();
  #state: WatchState = 'stopped';
  #sinceMs: number;
  #mustList = true;
  #listed = false;
  /** Revision the next stream starts from. */
  #rv = '';
  /** Checkpoint of the run before; undefined once the first list is through. */
  #since: bigint | undefined;
  #sinceKnown = false;
  #failures = 0;
  #lastError: string | undefined;

  constructor(options: ListWatchOptions) {
    this.#options = options;
    this.#inventory = new Inventory(options.view);
    this.#sinceMs = options.clock();
  }

  status(): ListWatchStatus {
    return {
      state: this.#state,
      sinceMs: this.#sinceMs,
      listed: this.#listed,
      objects: this.#inventory.size,
      rv: this.#rv,
      failures: this.#failures,
      lastError: this.#lastError,
      entered: { ...this.#entered },
      counters: { ...this.#counters },
    };
  }

  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const end = await this.#attempt(signal);
      if (!signal.aborted && end.waitMs > 0) {
        this.#enter('back-off');
        await this.#options.sleep(end.waitMs, signal);
      }
    }
    this.#enter('stopped');
  }

  /** One round until the stream ends; how long to wait before the next. */
  async #attempt(signal: AbortSignal): Promise<{ waitMs: number }> {
    const startedMs = this.#options.clock();
    const eventsBefore = this.#counters.events + this.#counters.bookmarks;
    try {
      if (this.#mustList) await this.#list(signal);
      await this.#stream(signal);
      this.#enter('closed');
      const lived = this.#options.clock() - startedMs >= SHORT_STREAM_MS;
      if (lived || this.#counters.events + this.#counters.bookmarks > eventsBefore) {
        this.#failures = 0;
        return { waitMs: 0 };
      }
      return { waitMs: this.#nextWaitMs(undefined) };
    } catch (error) {
      if (signal.aborted) return { waitMs: 0 };
      return { waitMs: this.#fail(error) };
    }
  }

  #fail(error: unknown): number {
    const state = stateOf(error);
    this.#enter(state);
    this.#lastError = messageOf(error);
    if (needsList(state)) this.#mustList = true;
    // The first 410 after a working stream is a normal path (every restart of kcp ends in one): list at once.
    if (state === 'expired' && this.#failures === 0) {
      this.#failures = 1;
      return 0;
    }
    return this.#nextWaitMs(error);
  }

  #nextWaitMs(error: unknown): number {
    this.#failures += 1;
    return Math.max(waitMsOf(error) ?? 0, backoffMs(this.#failures, BACKOFF, this.#options.random));
  }

  /** Reads all pages, telling what is new on the way; after the last one, what is gone. */
  async #list(signal: AbortSignal): Promise<void> {
    const { tracker, listed } = this.#options;
    this.#enter('listing');
    if (!this.#sinceKnown) await this.#resume();
    const ids = new Set<string>();
    let holdAt: bigint | undefined;
    let token: string | undefined;
    let rv = '';
    do {
      const page = await this.#page(signal, token);
      if (holdAt === undefined) holdAt = this.#beginList(page);
      rv = page.resourceVersion;
      for (const item of page.items) {
        const id = this.#inventory.idOf(item);
        ids.add(id);
        await this.#tellPresent(id, item, holdAt);
      }
      token = page.continue || undefined;
    } while (token !== undefined);
    for (const gone of this.#inventory.absent(ids)) await this.#tellGone(gone, holdAt);
    tracker.advance(BigInt(rv));
    this.#rv = rv;
    this.#mustList = false;
    this.#since = undefined;
    this.#counters.lists += 1;
    const first = !this.#listed;
    this.#listed = true;
    listed(first);
  }

  async #resume(): Promise<void> {
    this.#since = await this.#options.findSince();
    this.#sinceKnown = true;
    if (this.#since !== undefined) this.#options.tracker.advance(this.#since);
  }

  async #page(signal: AbortSignal, token: string | undefined): Promise<ObjectPage> {
    const { source, view, labelSelector } = this.#options;
    return source.page(view.resource, {
      limit: PAGE_LIMIT,
      signal,
      ...(token !== undefined && { continue: token }),
      ...(labelSelector !== undefined && { labelSelector }),
    });
  }

  /** Checks the list's revision; gives the one that unacknowledged items hold the checkpoint below. */
  #beginList({ resourceVersion }: ObjectPage): bigint {
    const { tracker, view } = this.#options;
    if (!/^\d+$/.test(resourceVersion)) {
      throw new ReadError('malformed', `list without a numeric resourceVersion: "${resourceVersion}"`);
    }
    const revision = BigInt(resourceVersion);
    if (revision < tracker.head) {
      if (this.#listed) {
        throw new ReadError(
          'stale',
          `list at revision ${resourceVersion} after ${tracker.head} was read; if the server was restored or made anew, raise the epoch of this ${view.kind} in the configuration and start again`,
        );
      }
      // The checkpoint is of another history of this server: it covers nothing.
      this.#since = undefined;
      tracker.restart();
    }
    return tracker.head + 1n;
  }

  async #stream(signal: AbortSignal): Promise<void> {
    const { source, view, labelSelector, random } = this.#options;
    this.#enter('connecting');
    const { min, max } = STREAM_SECONDS;
    const events = source.watch(view.resource, {
      resourceVersion: this.#rv,
      timeoutSeconds: min + Math.floor(random() * (max - min + 1)),
      opened: () => this.#enter('open'),
      signal,
      ...(labelSelector !== undefined && { labelSelector }),
    });
    for await (const event of events) {
      if (signal.aborted) return;
      await this.#take(event);
      this.#failures = 0;
    }
  }

  async #take(event: WatchEvent): Promise<void> {
    const { tracker } = this.#options;
    const rv = event.object?.metadata?.resourceVersion ?? '';
    if (!/^\d+$/.test(rv)) throw new ReadError('malformed', `${event.type} event without a numeric resourceVersion`);
    const revision = BigInt(rv);
    if (event.type === 'BOOKMARK') {
      this.#enter('bookmark');
      this.#counters.bookmarks += 1;
    } else {
      this.#enter('streaming');
      this.#counters.events += 1;
      await this.#takeObject(event, revision);
    }
    tracker.advance(revision);
    if (revision > BigInt(this.#rv)) this.#rv = rv;
  }

  async #takeObject({ type, object }: WatchEvent, revision: bigint): Promise<void> {
    const id = this.#inventory.idOf(object);
    if (type === 'DELETED') {
      const gone = this.#inventory.gone(id, object);
      if (typeof gone === 'string') this.#counters.duplicates += 1;
      else await this.#tellGone(gone, revision);
    } else if (type === 'ADDED' || type === 'MODIFIED') {
      if (revision <= this.#options.tracker.head && !this.#inventory.has(id)) {
        throw new ReadError('disordered', `${id} came at revision ${revision} after ${this.#options.tracker.head}`);
      }
      await this.#tellPresent(id, object, revision);
    } else {
      throw new ReadError('malformed', `unknown event type "${String(type)}"`);
    }
  }

  async #tellPresent(id: string, object: KubeObject, holdAt: bigint): Promise<void> {
    const seen = this.#inventory.present(id, object);
    if (seen === 'duplicate') {
      this.#counters.duplicates += 1;
    } else if (seen === 'uninteresting') {
      this.#counters.uninteresting += 1;
      this.#inventory.settle(id, object);
    } else {
      const since = this.#since;
      if (since !== undefined && BigInt(seen.rv) <= since) {
        this.#counters.acknowledgedBefore += 1;
      } else {
        this.#counters.upserts += 1;
        await this.#options.offer(seen, holdAt);
      }
      this.#inventory.settle(id, object, seen.hash);
    }
  }

  async #tellGone(observation: Observation, holdAt: bigint): Promise<void> {
    this.#counters[observation.change === 'unseen' ? 'unseen' : 'deletes'] += 1;
    await this.#options.offer(observation, holdAt);
    this.#inventory.forget(observation.id);
  }

  #enter(state: WatchState): void {
    if (state === this.#state) return;
    this.#state = state;
    this.#sinceMs = this.#options.clock();
    this.#entered[state] = (this.#entered[state] ?? 0) + 1;
  }
}
