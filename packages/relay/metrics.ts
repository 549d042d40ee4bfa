import type { Envelope } from '@tmc/kernel/envelope.ts';
import { formatGroupResource } from '@tmc/kernel/key.ts';
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

/** Names of their own in the counters; what comes later counts under `other`. Freely chosen: enough to find a storm's source. */
const MAX_TENANTS = 100;
const OTHER = 'other';

/** Messages accepted by the queues, by the tenant (of a member relay: the target) and the kind they are about. */
export type TrafficCounts = {
  readonly tenants: Readonly<Record<string, number>>;
  /** By `resource.group`. */
  readonly kinds: Readonly<Record<string, number>>;
};

/** Counts messages about objects; the number of names is bounded. */
export class Traffic {
  readonly #tenants = new Map<string, number>();
  readonly #kinds = new Map<string, number>();

  count({ change, key }: Envelope): void {
    if (change !== 'upsert' && change !== 'delete' && change !== 'unseen') return;
    const named = this.#tenants.size < MAX_TENANTS || this.#tenants.has(key.workspace);
    raise(this.#tenants, named ? key.workspace : OTHER);
    raise(this.#kinds, formatGroupResource(key));
  }

  snapshot(): TrafficCounts {
    return { tenants: Object.fromEntries(this.#tenants), kinds: Object.fromEntries(this.#kinds) };
  }
}

function raise(counts: Map<string, number>, name: string): void {
  counts.set(name, (counts.get(name) ?? 0) + 1);
}

/** One (endpoint, resource) and where it stands. */
export type SourceState = ListWatchStatus & { readonly endpoint: string; readonly resource: string };

/** Everything a relay counts, as plain data; counters only rise, except those of sources that were removed. */
export type RelayMetrics = {
  readonly outbox: OutboxStatus;
  readonly lag: Histogram;
  readonly sources: readonly SourceState[];
  /** Of the source's revisions, as messages carry it. */
  readonly epoch: number;
  readonly heartbeats: number;
  /** Heartbeats not sent because the member cluster did not answer. */
  readonly heartbeatsWithheld: number;
  readonly ticks: number;
  readonly checkpointSaves: number;
  readonly checkpointFailures: number;
};
