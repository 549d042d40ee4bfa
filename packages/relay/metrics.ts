import type { ListWatchStatus } from './list-watch-status.ts';
import type { OutboxStatus } from './outbox.ts';

/** Upper bounds in ms; what is above the last one counts in a bucket of its own. */
const LAG_BOUNDS_MS: readonly number[] = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000, 30_000];

/** `counts[i]` values were at most `boundsMs[i]`; the last count is of those above all bounds. */
export type Histogram = {
  readonly boundsMs: readonly number[];
  readonly counts: readonly number[];
  readonly count: number;
  readonly sumMs: number;
  readonly maxMs: number;
};

/** Time from reading an event to its acknowledgement by the queue. */
export class LagHistogram {
  readonly #counts = new Array<number>(LAG_BOUNDS_MS.length + 1).fill(0);
  #count = 0;
  #sumMs = 0;
  #maxMs = 0;

  record(ms: number): void {
    const index = LAG_BOUNDS_MS.findIndex((bound) => ms <= bound);
    const slot = index < 0 ? LAG_BOUNDS_MS.length : index;
    this.#counts[slot] = (this.#counts[slot] ?? 0) + 1;
    this.#count += 1;
    this.#sumMs += ms;
    this.#maxMs = Math.max(this.#maxMs, ms);
  }

  snapshot(): Histogram {
    return {
      boundsMs: LAG_BOUNDS_MS,
      counts: [...this.#counts],
      count: this.#count,
      sumMs: this.#sumMs,
      maxMs: this.#maxMs,
    };
  }
}

/** One (endpoint, resource) and where it stands. */
export type SourceState = ListWatchStatus & { readonly endpoint: string; readonly resource: string };

/** Everything a relay counts, as plain data; counters only rise, except those of sources that were removed. */
export type RelayMetrics = {
  readonly outbox: OutboxStatus;
  readonly lag: Histogram;
  readonly sources: readonly SourceState[];
  readonly heartbeats: number;
  /** Heartbeats not sent because the member cluster did not answer. */
  readonly heartbeatsWithheld: number;
  readonly ticks: number;
  readonly checkpointSaves: number;
  readonly checkpointFailures: number;
};
