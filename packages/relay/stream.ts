import type { Sleep } from '@tmc/kernel/clock.ts';
import type { Random } from '@tmc/kernel/ids.ts';
import type { WatchEvent } from '@tmc/kernel/ports.ts';
import { isInitialEventsEnd, type ListScope, movedBackwards } from './initial-list.ts';
import type { Telling } from './telling.ts';
import { ReadError, revisionOf } from './watch-state.ts';

/** Deadline of a stream, jittered, so that a wedged one is bounded and not all end together. */
const STREAM_SECONDS = { min: 300, max: 600 };
/** How long after its deadline a stream may still end; a server does so within seconds. */
const GRACE_MS = 30_000;

/** Initial events come in one go; a server that prepares them for longer than this is asked for pages instead. */
const INITIAL_SILENCE_MS = 15_000;

export type StreamOptions = {
  readonly sleep: Sleep;
  readonly random: Random;
  /** Where to go on; absent: present objects first (WatchList). */
  readonly resourceVersion?: string;
  readonly opened: () => void;
  readonly signal: AbortSignal;
};

/**
 * Events until the server ends the stream. @throws ReadError quiet when it does not at its deadline, or when it falls silent within
 * its initial events; and what the source throws.
 */
export async function* readStream(
  { source, view, labelSelector }: ListScope,
  { sleep, random, resourceVersion, opened, signal }: StreamOptions,
): AsyncGenerator<WatchEvent> {
  const { min, max } = STREAM_SECONDS;
  const timeoutSeconds = min + Math.floor(random() * (max - min + 1));
  const watchdog = new Watchdog(sleep, signal);
  watchdog.limit(timeoutSeconds * 1_000 + GRACE_MS, `outlived its deadline of ${timeoutSeconds} s`);
  if (resourceVersion === undefined) void watchdog.watchInitialEvents();
  try {
    const events = source.watch(view.resource, {
      timeoutSeconds,
      opened,
      signal: watchdog.signal,
      ...(resourceVersion === undefined ? { sendInitialEvents: true } : { resourceVersion }),
      ...(labelSelector !== undefined && { labelSelector }),
    });
    for await (const event of events) {
      watchdog.took(event);
      yield event;
      watchdog.told();
    }
  } finally {
    watchdog.end();
  }
  if (watchdog.bite !== undefined) throw new ReadError('quiet', `the stream ${watchdog.bite}`);
}

/** Gives a stream up that shows no life: no FIN ends one whose server is gone. */
class Watchdog {
  readonly #sleep: Sleep;
  readonly #outer: AbortSignal;
  readonly #ended = new AbortController();
  readonly end = (): void => {
    this.#outer.removeEventListener('abort', this.end);
    this.#ended.abort();
  };
  /** Why the stream was given up. */
  bite: string | undefined;
  /** False while an event is being told: then the silence is ours. */
  isAwaited = true;
  /** Why the stream is to be given up although it was not heard: its deadline passed while an event was being told. */
  #due: string | undefined;
  #taken = 0;
  #isInitial = true;

  constructor(sleep: Sleep, signal: AbortSignal) {
    this.#sleep = sleep;
    this.#outer = signal;
    signal.addEventListener('abort', this.end, { once: true });
    if (signal.aborted) this.end();
  }

  get signal(): AbortSignal {
    return this.#ended.signal;
  }

  limit(ms: number, why: string): void {
    void this.#sleep(ms, this.signal).then(() => {
      if (this.isAwaited) this.#giveUp(why);
      else this.#due = why;
    });
  }

  /** An event was told. When that took beyond the deadline, the end of the stream may lie unread: it gets time to be. */
  told(): void {
    this.isAwaited = true;
    if (this.#due === undefined) return;
    this.limit(GRACE_MS, this.#due);
    this.#due = undefined;
  }

  took(event: WatchEvent): void {
    this.#taken += 1;
    this.isAwaited = false;
    if (isInitialEventsEnd(event)) this.#isInitial = false;
  }

  async watchInitialEvents(): Promise<void> {
    while (this.#isInitial && !this.signal.aborted) {
      const before = this.#taken;
      await this.#sleep(INITIAL_SILENCE_MS, this.signal);
      const isSilent = this.isAwaited && this.#taken === before;
      if (this.#isInitial && isSilent) this.#giveUp('fell silent within its initial events');
    }
  }

  #giveUp(why: string): void {
    if (this.signal.aborted) return;
    this.bite = why;
    this.end();
  }
}

/** Takes one event of a stream that goes on from a complete list. @throws ReadError when it contradicts what was read. */
export async function takeEvent(telling: Telling, { type, object }: WatchEvent): Promise<void> {
  const revision = revisionOf(object, type);
  if (type !== 'BOOKMARK') {
    const { inventory } = telling;
    const id = inventory.idOf(object);
    if (type === 'DELETED') {
      if (inventory.has(id)) checkOrder(telling, id, revision);
      await telling.deleted(id, object, revision);
    } else if (type === 'ADDED' || type === 'MODIFIED') {
      checkOrder(telling, id, revision);
      if (!inventory.has(id)) checkPlace(telling, { id, uid: object.metadata.uid, revision });
      await telling.present(id, object, revision);
    } else throw new ReadError('malformed', `unknown event type "${String(type)}"`);
  }
  telling.advance(revision);
}

/**
 * What is at or below the revision that was read, and no repetition of what is known, comes out of order: others may be missing.
 * The checkpoint stays below it until a list has told what is there.
 */
function checkOrder(telling: Telling, id: string, revision: bigint): void {
  const { head } = telling.told.tracker;
  const known = telling.inventory.known(id);
  if (revision > head || (known && revision <= known.rv)) return;
  telling.doubt(revision);
  throw new ReadError('disordered', `${id} came at revision ${revision} after ${head}`);
}

function checkPlace(
  { knownElsewhere }: Telling,
  { id, uid, revision }: { id: string; uid: string | undefined; revision: bigint },
): void {
  const moved = movedBackwards(id, { uid, rv: revision }, knownElsewhere(id));
  if (moved !== undefined) throw new ReadError('stale', moved);
}
