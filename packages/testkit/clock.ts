import { setImmediate as nextTurn } from 'node:timers/promises';

/**
 * A virtual clock with timers, for everything that takes `Clock` or a sleep. Time moves only by `advance`; timers fire in the
 * order of their due times, each at exactly its instant, and what they wake runs before time moves on.
 */
export type TestClock = {
  /** The virtual time, ms since 1970: fits the kernel's `Clock`. */
  readonly now: () => number;
  /** Resolves when the virtual time has passed, or at once when the signal aborts. */
  readonly sleep: (ms: number, signal?: AbortSignal) => Promise<void>;
  /** Calls `run` once after the virtual time; returns its cancellation. */
  readonly schedule: (ms: number, run: () => void) => () => void;
  /** Moves time forward, firing every timer that falls due on the way. */
  readonly advance: (ms: number) => Promise<void>;
  /** Moves to the next timer's instant and fires it; false when none waits. */
  readonly advanceToNext: () => Promise<boolean>;
  /** How many timers wait. */
  readonly waiting: () => number;
  /** Sets the time without firing anything, forwards or backwards: a machine's clock that was corrected. */
  readonly jumpTo: (ms: number) => void;
};

type Timer = { readonly atMs: number; readonly order: number; readonly run: () => void };

/** Turns of the event loop given to woken code before time moves on; freely chosen, in-process work settles in two or three. */
const TURNS_TO_SETTLE = 5;

async function settle(): Promise<void> {
  for (let turn = 0; turn < TURNS_TO_SETTLE; turn += 1) await nextTurn();
}

/** A clock that stands at `startMs` until it is advanced. */
export function createTestClock(startMs: number): TestClock {
  const timers = new Set<Timer>();
  let nowMs = startMs;
  let order = 0;

  function schedule(ms: number, run: () => void): () => void {
    order += 1;
    const timer: Timer = { atMs: nowMs + Math.max(0, ms), order, run };
    timers.add(timer);
    return () => void timers.delete(timer);
  }

  function sleep(ms: number, signal?: AbortSignal): Promise<void> {
    if (signal?.aborted) return Promise.resolve();
    return new Promise((resolve) => {
      const end = (): void => {
        cancel();
        signal?.removeEventListener('abort', end);
        resolve();
      };
      const cancel = schedule(ms, end);
      signal?.addEventListener('abort', end, { once: true });
    });
  }

  function next(): Timer | undefined {
    let first: Timer | undefined;
    for (const timer of timers) {
      const sooner = !first || timer.atMs < first.atMs || (timer.atMs === first.atMs && timer.order < first.order);
      if (sooner) first = timer;
    }
    return first;
  }

  async function fire(timer: Timer): Promise<void> {
    timers.delete(timer);
    nowMs = Math.max(nowMs, timer.atMs);
    timer.run();
    await settle();
  }

  async function advance(ms: number): Promise<void> {
    const untilMs = nowMs + ms;
    await settle();
    for (let timer = next(); timer && timer.atMs <= untilMs; timer = next()) await fire(timer);
    nowMs = Math.max(nowMs, untilMs);
  }

  async function advanceToNext(): Promise<boolean> {
    await settle();
    const timer = next();
    if (timer) await fire(timer);
    return timer !== undefined;
  }

  return {
    now: () => nowMs,
    sleep,
    schedule,
    advance,
    advanceToNext,
    waiting: () => timers.size,
    jumpTo: (ms) => {
      nowMs = ms;
    },
  };
}
