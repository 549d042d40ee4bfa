/**
 * Virtual time for thousands of runs: timers in a heap, fired one after another at exactly their instant. What a timer wakes runs
 * to its end before the next one, because everything in a run is promises: Node empties the microtasks after each immediate.
 */
type Timer = { readonly atMs: number; readonly order: number; run: (() => void) | undefined };

/** Immediates that are queued at once: the event loop itself is the dearest part of a step. */
const BATCH = 16;

export class Scheduler {
  /** Time since the start, which no clock correction moves. */
  nowMs = 0;
  fired = 0;
  readonly #heap: Timer[] = [];
  #order = 0;

  /** Calls `run` after the time; the returned function cancels it. */
  after(ms: number, run: () => void): () => void {
    this.#order += 1;
    const timer: Timer = { atMs: this.nowMs + Math.max(0, ms), order: this.#order, run };
    this.#push(timer);
    return () => {
      timer.run = undefined;
    };
  }

  /** Resolves after the time, or at once when the signal aborts; fits the kernel's `Sleep`. */
  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    if (signal?.aborted) return Promise.resolve();
    return new Promise((resolve) => {
      const end = (): void => {
        cancel();
        signal?.removeEventListener('abort', end);
        resolve();
      };
      const cancel = this.after(ms, end);
      signal?.addEventListener('abort', end, { once: true });
    });
  }

  /** Lets time pass until `done`, which is asked before each timer. @throws what a timer throws, or when no timer is left. */
  run(done: () => boolean): Promise<void> {
    return new Promise((resolve, reject) => {
      let over = false;
      const step = (): void => {
        if (over) return;
        try {
          over = done() || !this.#fire();
          if (over) resolve();
        } catch (error) {
          over = true;
          reject(error);
        }
      };
      const turn = (): void => {
        step();
        if (!over) queue();
      };
      const queue = (): void => {
        for (let at = 1; at < BATCH; at += 1) setImmediate(step);
        setImmediate(turn);
      };
      queue();
    });
  }

  #fire(): boolean {
    for (;;) {
      const timer = this.#pop();
      if (!timer) return false;
      if (!timer.run) continue;
      this.nowMs = Math.max(this.nowMs, timer.atMs);
      this.fired += 1;
      timer.run();
      return true;
    }
  }

  #push(timer: Timer): void {
    const heap = this.#heap;
    let at = heap.push(timer) - 1;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (!sooner(timer, heap[parent] as Timer)) break;
      heap[at] = heap[parent] as Timer;
      at = parent;
    }
    heap[at] = timer;
  }

  #pop(): Timer | undefined {
    const heap = this.#heap;
    const first = heap[0];
    const last = heap.pop();
    if (!last || heap.length === 0) return first;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && sooner(heap[child + 1] as Timer, heap[child] as Timer)) child += 1;
      if (!sooner(heap[child] as Timer, last)) break;
      heap[at] = heap[child] as Timer;
      at = child;
    }
    heap[at] = last;
    return first;
  }
}

function sooner(a: Timer, b: Timer): boolean {
  return a.atMs < b.atMs || (a.atMs === b.atMs && a.order < b.order);
}
