import type { Sleep } from '@tmc/kernel/clock.ts';
import { isTmcError, messageOf } from '@tmc/kernel/errors.ts';
import type { Random } from '@tmc/kernel/ids.ts';
import type { KubeObject } from '@tmc/kernel/object.ts';
import type { ObjectPage, WatchEvent, WatchSource } from '@tmc/kernel/ports.ts';
import type { RevisionTracker } from './checkpoint.ts';
import { type ListWatchStatus, zeroCounters } from './list-watch-status.ts';
import { Inventory, type Observation, type Perspective } from './observe.ts';
import { backoffMs } from './timing.ts';
import { isFailing, isReading, needsList, ReadError, stateOf, type WatchState, waitMsOf } from './watch-state.ts';

/** Objects per page: one answer stays around 2 MB. */
const PAGE_LIMIT = 500;
/** First and longest wait between attempts that fail. */
const BACKOFF = { firstMs: 250, maxMs: 30_000 };
/** A stream that ends sooner and brought nothing is a failure: resuming it at once would spin. */
const SHORT_STREAM_MS = 1_000;
/** Deadline of a stream, jittered, so that a wedged one is bounded and not all end together. */
const STREAM_SECONDS = { min: 300, max: 600 };

/** Where a list-watch begins, and how it tells what it sees. */
export type Told = {
  readonly epoch: number;
  readonly tracker: RevisionTracker;
  /** Revision up to which everything was acknowledged before the start. */
  readonly since: bigint | undefined;
  /**
   * Takes an observation over; `holdAt` is the revision the checkpoint must stay below until it is acknowledged. A promise
   * means no room: nothing is read until it resolves.
   */
  readonly offer: (observation: Observation, holdAt: bigint) => Promise<void> | undefined;
};

/** What a list-watch needs besides its source. */
export type ListWatchOptions = {
  readonly source: WatchSource;
  readonly view: Perspective;
  readonly labelSelector?: string;
  /** Called before the first list, and again after {@link ListWatch.beginAnew}; asked again while it throws. */
  readonly begin: () => Promise<Told>;
  /** Called when two lists in a row showed that revisions started over within the epoch. */
  readonly startedOver: (epoch: number) => Promise<void>;
  /** The object of this id as the reader of the same kind at another endpoint knows it. */
  readonly knownElsewhere: (id: string) => { uid: string; rv: bigint } | undefined;
  /** Called after each complete list with its revision; nothing is read until it resolves. `first`: since `begin`. */
  readonly listed: (first: boolean, rv: bigint) => Promise<void>;
  /** Called when a failing state is entered, with why, and when it is left. */
  readonly report: (state: WatchState, why?: { message: string; hint?: string }) => void;
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
  #inventory: Inventory;
  #told: Told | undefined;
  #failing: WatchState | undefined;
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
  #failures = 0;
  #strikes = 0;
  #lastError: string | undefined;
  #lastHint: string | undefined;

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
      lastHint: this.#lastHint,
      clockSkewMs: undefined,
      pagedBecause: undefined,
      entered: { ...this.#entered },
      counters: { ...this.#counters },
    };
  }

  /** The object as it is known, for readers of other endpoints. */
  known(id: string): { uid: string; rv: bigint } | undefined {
    return this.#inventory.known(id);
  }

  keys(): Iterable<string> {
    return this.#inventory.keys();
  }

  /** Forgets everything and lists again: the epoch rose. */
  beginAnew(): void {
    this.#inventory = new Inventory(this.#options.view);
    this.#told = undefined;
    this.#listed = false;
    this.#mustList = true;
  }

  #telling(): Told {
    if (!this.#told) throw new ReadError('stale', 'the epoch rose while this was read');
    return this.#told;
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
      const waitMs = this.#fail(error);
      this.#strikes = this.#state === 'stale' ? this.#strikes + 1 : 0;
      if (this.#strikes > 1 && this.#told) {
        await this.#options.startedOver(this.#told.epoch);
        this.#strikes = 0;
      }
      return { waitMs };
    }
  }

  #fail(error: unknown): number {
    const state = stateOf(error);
    this.#lastError = messageOf(error);
    this.#lastHint = isTmcError(error) ? error.facts.hint : undefined;
    this.#enter(state);
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
    this.#enter('listing');
    this.#told ??= await this.#begin();
    const { tracker } = this.#told;
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
    await this.#options.listed(first, BigInt(rv));
  }

  async #begin(): Promise<Told> {
    const told = await this.#options.begin();
    this.#since = told.since;
    if (told.since !== undefined) told.tracker.advance(told.since);
    return told;
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
    const { tracker } = this.#telling();
    const { view } = this.#options;
    if (!/^\d+$/.test(resourceVersion)) {
      throw new ReadError('malformed', `list without a numeric resourceVersion: "${resourceVersion}"`);
    }
    const revision = BigInt(resourceVersion);
    if (revision < tracker.head) {
      throw new ReadError(
        'stale',
        `list of ${view.resource.resource} at revision ${resourceVersion} after ${tracker.head} was read`,
      );
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
    const { tracker } = this.#telling();
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
      if (revision <= this.#telling().tracker.head && !this.#inventory.has(id)) {
        throw new ReadError('disordered', `${id} came at revision ${revision} after ${this.#telling().tracker.head}`);
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
        await this.#telling().offer(seen, holdAt);
      }
      this.#inventory.settle(id, object, seen.hash);
    }
  }

  async #tellGone(observation: Observation, holdAt: bigint): Promise<void> {
    this.#counters[observation.change === 'unseen' ? 'unseen' : 'deletes'] += 1;
    await this.#telling().offer(observation, holdAt);
    this.#inventory.forget(observation.id);
  }

  #enter(state: WatchState): void {
    if (state === this.#state) return;
    this.#state = state;
    this.#sinceMs = this.#options.clock();
    this.#entered[state] = (this.#entered[state] ?? 0) + 1;
    this.#reportChange(state);
  }

  #reportChange(state: WatchState): void {
    if (isFailing(state) && state !== this.#failing) {
      this.#failing = state;
      const hint = this.#lastHint;
      this.#options.report(state, { message: this.#lastError ?? state, ...(hint !== undefined && { hint }) });
    } else if (isReading(state) && this.#failing !== undefined) {
      this.#failing = undefined;
      this.#options.report(state);
    }
  }
}
