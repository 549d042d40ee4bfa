import type { Sleep } from '@tmc/kernel/clock.ts';
import { isTmcError, messageOf } from '@tmc/kernel/errors.ts';
import type { Random } from '@tmc/kernel/ids.ts';
import type { WatchEvent } from '@tmc/kernel/ports.ts';
import { compareWithServer } from './anti-entropy.ts';
import { ListPass, type ListScope, listByPages } from './initial-list.ts';
import { ListMethod } from './list-method.ts';
import { type ListWatchStatus, zeroCounters } from './list-watch-status.ts';
import { readStream, takeEvent } from './stream.ts';
import { type KnownElsewhere, Telling, type Told } from './telling.ts';
import { backoffMs } from './timing.ts';
import { isReading, needsList, ReadError, stateOf, type WatchState, waitMsOf } from './watch-state.ts';
import { type ReportState, WatchStates } from './watch-states.ts';

/** First and longest wait between attempts that fail. */
const BACKOFF = { firstMs: 250, maxMs: 30_000 };
/** A stream that ends sooner and brought nothing is a failure: resuming it at once would spin. */
const SHORT_STREAM_MS = 1_000;
/** What a list-watch needs besides its source. */
export type ListWatchOptions = ListScope & {
  /**
   * Called before the first list, and again after {@link ListWatch.beginAnew}; asked again while it throws. The signal ends what is
   * told: the epoch rose.
   */
  readonly begin: (ended: AbortSignal) => Promise<Told>;
  /** Called when two lists in a row showed that revisions started over within the epoch. */
  readonly startedOver: (epoch: number) => Promise<void>;
  /** Why the epoch may not rise at present; undefined when it may. */
  readonly heldBack: () => string | undefined;
  readonly knownElsewhere: KnownElsewhere;
  /** Called after each complete list with its revision; nothing is read until it resolves. `first`: since `begin`. */
  readonly listed: (first: boolean, rv: bigint, told: Told) => Promise<void>;
  readonly report: ReportState;
  /** Mean time between comparisons with the server, jittered by half; 0 never. */
  readonly antiEntropyMs: number;
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
  readonly #states: WatchStates;
  readonly #method: ListMethod;
  readonly #counters = zeroCounters();
  #telling: Telling | undefined;
  #mustList = true;
  /** True once the epoch rose. */
  #isRise = false;
  /** Ends the present attempt or the wait after it, for another at once. */
  #attempt = new AbortController();
  /** Ends what is told in the present epoch. */
  #epochEnded = new AbortController();
  /** The WatchList that is being read, and whether the server accepted it. */
  #streamed: { pass: ListPass; opened: boolean } | undefined;
  #failures = 0;
  /** Lists in a row that contradicted what was read. */
  #strikes = 0;

  constructor(options: ListWatchOptions) {
    this.#options = options;
    this.#states = new WatchStates(options);
    this.#method = new ListMethod(options.sleep);
  }

  status(): ListWatchStatus {
    return {
      ...this.#states.status(),
      listed: this.#telling?.listed ?? false,
      objects: this.#telling?.inventory.size ?? 0,
      rv: this.#telling?.rv ?? '',
      failures: this.#failures,
      pagedBecause: this.#method.pagedBecause,
      counters: { ...this.#counters },
    };
  }

  /** The object as it is known, for readers of other endpoints. */
  known(id: string): ReturnType<KnownElsewhere> {
    return this.#telling?.inventory.known(id);
  }

  keys(): Iterable<string> {
    return this.#telling?.inventory.keys() ?? [];
  }

  /** Forgets everything and lists again, at once: the epoch rose, and what was still to be told in the old one never is. */
  beginAnew(): void {
    this.#epochEnded.abort();
    this.#epochEnded = new AbortController();
    this.#telling = undefined;
    this.#isRise = true;
    this.#strikes = 0;
    this.#listAgain();
  }

  async run(signal: AbortSignal): Promise<void> {
    const comparing = this.#compareRegularly(signal);
    while (!signal.aborted) {
      const waitMs = await this.#try(signal);
      if (!signal.aborted && waitMs > 0) {
        this.#states.enter('back-off');
        await this.#rest(waitMs, signal);
      }
    }
    await comparing;
    this.#states.enter('stopped');
  }

  async #rest(waitMs: number, signal: AbortSignal): Promise<void> {
    const rest = new AbortController();
    const end = (): void => rest.abort();
    this.#attempt = rest;
    signal.addEventListener('abort', end, { once: true });
    await this.#options.sleep(waitMs, rest.signal);
    signal.removeEventListener('abort', end);
  }

  #listAgain(): void {
    this.#mustList = true;
    this.#attempt.abort();
  }

  /** One attempt until its stream ends; how long to wait before the next. */
  async #try(signal: AbortSignal): Promise<number> {
    const attempt = new AbortController();
    const end = (): void => attempt.abort();
    this.#attempt = attempt;
    signal.addEventListener('abort', end, { once: true });
    let isLong = false;
    void this.#options.sleep(SHORT_STREAM_MS, attempt.signal).then(() => {
      isLong = !attempt.signal.aborted;
    });
    const before = this.#counters.events + this.#counters.bookmarks;
    try {
      await this.#read(attempt.signal);
      if (attempt.signal.aborted) return 0;
      this.#states.enter('closed');
      const brought = this.#counters.events + this.#counters.bookmarks > before;
      if (!isLong && !brought) return this.#nextWaitMs(undefined);
      this.#failures = 0;
      return 0;
    } catch (error) {
      return attempt.signal.aborted ? 0 : await this.#fail(error, signal);
    } finally {
      signal.removeEventListener('abort', end);
      end();
    }
  }

  async #read(signal: AbortSignal): Promise<void> {
    const telling = await this.#begin(signal);
    if (this.#mustList && this.#method.pagedBecause !== undefined) {
      this.#states.enter('listing');
      await listByPages(new ListPass(telling), this.#options, signal);
      await this.#endList(telling, signal);
    }
    await this.#stream(telling, signal);
  }

  async #begin(signal: AbortSignal): Promise<Telling> {
    if (this.#telling) return this.#telling;
    const { begin, view, knownElsewhere } = this.#options;
    const told = await begin(this.#epochEnded.signal);
    signal.throwIfAborted();
    this.#telling = new Telling(told, { view, knownElsewhere, counters: this.#counters, isRise: this.#isRise });
    return this.#telling;
  }

  /** Reads a stream to its end: the list first, when one is due, then live. */
  async #stream(telling: Telling, signal: AbortSignal): Promise<void> {
    const list = this.#mustList ? { pass: new ListPass(telling), opened: false } : undefined;
    this.#streamed = list;
    this.#states.enter(list ? 'list-streaming' : 'connecting');
    const opened = (): void => {
      if (list) list.opened = true;
      else this.#states.enter('open');
    };
    const events = readStream(this.#options, {
      ...this.#options,
      ...(!list && { resourceVersion: telling.rv }),
      opened,
      signal,
    });
    for await (const event of events) {
      if (signal.aborted) return;
      this.#counters[event.type === 'BOOKMARK' ? 'bookmarks' : 'events'] += 1;
      if (this.#streamed) await this.#takeInitial({ telling, pass: this.#streamed.pass, event }, signal);
      else await this.#takeLive(telling, event);
    }
    if (this.#streamed && !signal.aborted)
      throw new ReadError('cut', 'the stream ended before its initial events were complete');
  }

  async #takeInitial({ telling, pass, event }: InitialEvent, signal: AbortSignal): Promise<void> {
    if (!(await pass.event(event))) return;
    this.#streamed = undefined;
    this.#method.succeed();
    await this.#endList(telling, signal);
    this.#states.enter('open');
  }

  async #takeLive(telling: Telling, event: WatchEvent): Promise<void> {
    this.#states.enter(event.type === 'BOOKMARK' ? 'bookmark' : 'streaming');
    await takeEvent(telling, event);
    this.#failures = 0;
  }

  async #endList(telling: Telling, signal: AbortSignal): Promise<void> {
    // Of an attempt that was ended the list counts for nothing: another one is due.
    signal.throwIfAborted();
    this.#mustList = false;
    this.#strikes = 0;
    await this.#options.listed(telling.lists === 1, BigInt(telling.rv), telling.told);
  }

  /** Names what went wrong, and decides how to go on and after which wait. */
  async #fail(error: unknown, signal: AbortSignal): Promise<number> {
    const list = this.#streamed;
    this.#streamed = undefined;
    if (this.#method.judge({ state: stateOf(error), why: messageOf(error), list }, signal) === 'refused') return 0;
    const { state, message } = this.#name(error);
    this.#states.fail(state, { message, ...hintOf(error) });
    if (needsList(state)) this.#mustList = true;
    if (state === 'stale') await this.#startOver();
    // The first 410 after a working stream is a normal path (every restart of kcp ends in one): list at once.
    if (state === 'quiet' || (state === 'expired' && this.#failures === 0)) {
      this.#failures += 1;
      return 0;
    }
    return this.#nextWaitMs(error);
  }

  #name(error: unknown): { state: WatchState; message: string } {
    const state = stateOf(error);
    const message = messageOf(error);
    if (state !== 'stale') return { state, message };
    this.#strikes += 1;
    const why = this.#strikes < 2 ? undefined : this.#options.heldBack();
    return why === undefined ? { state, message } : { state: 'contradictory', message: `${message}; ${why}` };
  }

  /** The second list in a row that contradicts what was read ends the epoch; a lagging replica answers better the second time. */
  async #startOver(): Promise<void> {
    if (this.#strikes < 2 || !this.#telling) return;
    try {
      await this.#options.startedOver(this.#telling.told.epoch);
    } catch (error) {
      this.#states.fail('stale', { message: `raise the epoch: ${messageOf(error)}` });
    }
  }

  #nextWaitMs(error: unknown): number {
    this.#failures += 1;
    return Math.max(waitMsOf(error) ?? 0, backoffMs(this.#failures, BACKOFF, this.#options.random));
  }

  async #compareRegularly(signal: AbortSignal): Promise<void> {
    const { antiEntropyMs, sleep, random } = this.#options;
    while (antiEntropyMs > 0 && !signal.aborted) {
      await sleep(antiEntropyMs * (0.5 + random()), signal);
      if (!signal.aborted) await this.#compare(signal);
    }
  }

  async #compare(signal: AbortSignal): Promise<void> {
    const telling = this.#telling;
    const { lists } = this.#counters;
    const isCurrent = () => this.#telling === telling && this.#counters.lists === lists && isReading(this.#states.now);
    if (!telling || !isCurrent()) return;
    try {
      const lost = await compareWithServer({
        telling,
        scope: this.#options,
        isCurrent,
        sleep: this.#options.sleep,
        signal,
      });
      if (lost === undefined) return;
      this.#counters.comparisons += 1;
      this.#counters.repaired += lost;
      if (lost > 0) this.#listAgain();
    } catch (error) {
      if (signal.aborted) return;
      this.#counters.comparisonsFailed += 1;
      // Of anything else the stream names the cause when it meets the same server; a server that was set back lets it wait for ever.
      if (stateOf(error) === 'stale') this.#listAgain();
    }
  }
}

type InitialEvent = { readonly telling: Telling; readonly pass: ListPass; readonly event: WatchEvent };

function hintOf(error: unknown): { hint?: string } {
  const hint = isTmcError(error) ? error.facts.hint : undefined;
  return hint === undefined ? {} : { hint };
}
