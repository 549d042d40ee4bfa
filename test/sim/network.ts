import type { SeededRandom } from '@tmc/testkit/random.ts';
import type { ByteStream } from './byte-stream.ts';
import type { Scheduler } from './scheduler.ts';

/** Requests that faults tell apart: the first page of a list, a later one, a watch, a watch that begins with a list. */
export type RequestVerb = 'list' | 'page' | 'watch' | 'watchList' | 'any';
export type BreakHow = 'reset' | 'rst' | 'fin';

type Armed = { readonly verb: RequestVerb; readonly status: number; left: number };

/** The way between relays and one server, with the faults that lie in wait on it. All relays share it. */
export class Network {
  readonly #scheduler: Scheduler;
  readonly #random: SeededRandom;
  readonly #latencyMs: number;
  readonly pieces: boolean;
  readonly streams = new Set<ByteStream>();
  readonly #armed: Armed[] = [];
  readonly #waiters: (() => void)[] = [];
  #stalledUntilMs = -1;
  #cut: { bytes: number; readonly how: BreakHow } | undefined;
  lost = 0;
  cutAnswers = 0;
  expiredTokens = 0;

  constructor(options: { scheduler: Scheduler; random: SeededRandom; latencyMs: number; pieces: boolean }) {
    this.#scheduler = options.scheduler;
    this.#random = options.random;
    this.#latencyMs = options.latencyMs;
    this.pieces = options.pieces;
  }

  /** Everything works from now on. */
  heal(): void {
    this.#armed.length = 0;
    this.#cut = undefined;
    this.lost = 0;
    this.cutAnswers = 0;
    this.expiredTokens = 0;
    this.#stalledUntilMs = -1;
    for (const wake of this.#waiters.splice(0)) wake();
  }

  arm(verb: RequestVerb, status: number, count: number): void {
    this.#armed.push({ verb, status, left: count });
  }

  /** The fault that the next answer of this kind is, if one lies in wait. */
  takeStatus(verb: RequestVerb): number | undefined {
    const at = this.#armed.findIndex((fault) => fault.verb === verb || fault.verb === 'any');
    const fault = this.#armed[at];
    if (!fault) return undefined;
    fault.left -= 1;
    if (fault.left <= 0) this.#armed.splice(at, 1);
    return fault.status;
  }

  get stalled(): boolean {
    return this.#scheduler.nowMs < this.#stalledUntilMs;
  }

  /** No byte passes for a while; PINGs find it out in 10 to 20 s. */
  stall(forMs: number): void {
    this.#stalledUntilMs = this.#scheduler.nowMs + forMs;
    const noticedMs = 10_000 + this.#random() * 10_000;
    this.#scheduler.after(noticedMs, () => {
      if (!this.stalled) return;
      for (const stream of [...this.streams]) stream.breakOff('ping');
    });
    this.#scheduler.after(forMs, () => {
      if (this.stalled) return;
      for (const wake of this.#waiters.splice(0)) wake();
    });
  }

  /** Resolves when bytes pass again. */
  whenPassing(): Promise<void> {
    if (!this.stalled) return Promise.resolve();
    return new Promise((resolve) => this.#waiters.push(resolve));
  }

  cutAfter(bytes: number, how: BreakHow): void {
    this.#cut = { bytes, how };
  }

  /** How many of these bytes pass; fewer than all when the connection breaks among them. */
  pass(bytes: number): { readonly bytes: number; readonly broken?: BreakHow } {
    const cut = this.#cut;
    if (!cut) return { bytes };
    if (cut.bytes >= bytes) {
      cut.bytes -= bytes;
      return { bytes };
    }
    this.#cut = undefined;
    return { bytes: cut.bytes, broken: cut.how };
  }

  breakAll(how: BreakHow): void {
    for (const stream of [...this.streams]) stream.breakOff(how);
  }

  /** Ends all streams as a server does that shuts down. */
  closeAll(): void {
    for (const stream of [...this.streams]) stream.end();
  }

  wayMs(): number {
    return Math.floor(this.#random() * this.#latencyMs);
  }

  chance(): number {
    return this.#random();
  }
}
