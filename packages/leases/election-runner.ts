import type { Clock, Sleep } from '@tmc/kernel/clock.ts';
import { messageOf } from '@tmc/kernel/errors.ts';
import type { Random } from '@tmc/kernel/ids.ts';
import {
  claimRecord,
  considerRecord,
  type ElectionTerms,
  isFollowed,
  renewInMs,
  type Sighting,
  type Term,
  termEndMs,
} from './election.ts';
import type { LeaseStore } from './lease-store.ts';

const RELEASE_ATTEMPTS = 3;

export type ElectionOptions = {
  /** The lease that is stood for. */
  readonly scope: string;
  /** Unique for each start of each replica. */
  readonly holder: string;
  readonly terms: ElectionTerms;
  /** Called when a term begins. */
  readonly elected: () => void;
  /** Called when a term ends otherwise than by `stop`; the next candidacy begins when its promise settles. */
  readonly lost: (reason: string) => Promise<void>;
};

export type ElectionPorts = {
  readonly store: LeaseStore;
  /** Never set, never jumps: `performance.now`. */
  readonly monotonicMs: () => number;
  /** For the time written into the record, which nobody decides on. */
  readonly clock: Clock;
  readonly sleep: Sleep;
  readonly random: Random;
};

export type ElectionState = {
  readonly role: 'leader' | 'candidate';
  /** Who holds the record, as last seen. */
  readonly leader: string | undefined;
  /** Why the store could not be asked last time; undefined when it could. */
  readonly error: string | undefined;
};

export type Election = {
  state(): ElectionState;
  /** True while this replica may act. Ask before and after each effect: a process may have been frozen in between. */
  leads(): boolean;
  /** Ends the candidacy, or the term: its record is released, so that another replica follows at its next look. */
  stop(): Promise<void>;
};

/** Stands for election until stopped. Never throws: a store that does not answer is asked again. */
export function startElection(options: ElectionOptions, ports: ElectionPorts): Election {
  return new Running(options, ports);
}

class Running implements Election {
  readonly #options: ElectionOptions;
  readonly #ports: ElectionPorts;
  readonly #ended = new AbortController();
  readonly #loop: Promise<void>;
  #term: Term | undefined;
  #seen: Sighting | undefined;
  #leader: string | undefined;
  #error: string | undefined;

  constructor(options: ElectionOptions, ports: ElectionPorts) {
    this.#options = options;
    this.#ports = ports;
    this.#loop = this.#run();
  }

  state(): ElectionState {
    return { role: this.leads() ? 'leader' : 'candidate', leader: this.#leader, error: this.#error };
  }

  leads(): boolean {
    return this.#term !== undefined && this.#ports.monotonicMs() < termEndMs(this.#term, this.#options.terms);
  }

  async stop(): Promise<void> {
    this.#ended.abort();
    await this.#loop;
    const term = this.#term;
    this.#term = undefined;
    if (term) await this.#release(term);
  }

  async #run(): Promise<void> {
    const { signal } = this.#ended;
    const { terms, elected, lost } = this.#options;
    while (!signal.aborted) {
      this.#term = await this.#try(() => this.#stand());
      if (this.#term) {
        elected();
        const reason = await this.#lead();
        if (signal.aborted) return;
        this.#term = undefined;
        this.#seen = undefined;
        await lost(reason);
      } else {
        // Spread, so that candidates do not ask in step.
        await this.#ports.sleep(terms.retryMs * (1 + this.#ports.random() * 0.2), signal);
      }
    }
  }

  /** One look at the record; the term if it could be taken. */
  async #stand(): Promise<Term | undefined> {
    const { scope, holder, terms } = this.#options;
    const { store, monotonicMs } = this.#ports;
    const stored = await store.read(scope);
    const { take, seen } = considerRecord(this.#seen, stored, { holder, nowMs: monotonicMs(), leaseMs: terms.leaseMs });
    this.#seen = seen;
    this.#leader = stored?.record.untilMs === 0 ? undefined : stored?.record.holder;
    if (!take || this.#ended.signal.aborted) return undefined;
    const renewedAtMs = monotonicMs();
    const next = claimRecord(stored, { holder, untilMs: this.#untilMs() });
    const swapped = await store.swap(scope, stored?.version, next);
    // Somebody was faster, unless it is our own write, repeated after its answer was lost.
    if (!swapped.ok && isFollowed(swapped.current, next)) return undefined;
    this.#leader = holder;
    return { token: next.token, renewedAtMs };
  }

  /** Renews until the term is over; resolves with why. */
  async #lead(): Promise<string> {
    const { terms } = this.#options;
    const { monotonicMs, sleep } = this.#ports;
    const { signal } = this.#ended;
    let failed = false;
    while (this.#term && !signal.aborted) {
      await sleep(renewInMs(this.#term, terms, { nowMs: monotonicMs(), failed }), signal);
      if (signal.aborted) break;
      if (!this.leads())
        return `the lease could not be renewed for ${terms.renewDeadlineMs} ms: ${this.#error ?? 'no answer'}`;
      const renewed = await this.#renewInTime(this.#term);
      if (renewed === 'followed') return 'another replica has taken the lease';
      failed = renewed === undefined;
      if (renewed) this.#term = renewed;
    }
    return 'stopped';
  }

  /** A renewal, given up when the term ends before it answers. */
  async #renewInTime(term: Term): Promise<Term | 'followed' | undefined> {
    const given = new AbortController();
    const signal = AbortSignal.any([given.signal, this.#ended.signal]);
    const leftMs = termEndMs(term, this.#options.terms) - this.#ports.monotonicMs();
    const late = this.#ports.sleep(leftMs, signal).then(() => undefined);
    const renewed = await Promise.race([this.#try(() => this.#renew(term)), late]);
    given.abort();
    return renewed;
  }

  async #renew(term: Term): Promise<Term | 'followed' | undefined> {
    const { scope, holder } = this.#options;
    const renewedAtMs = this.#ports.monotonicMs();
    const stored = await this.#ports.store.read(scope);
    if (!stored || isFollowed(stored, { holder, token: term.token })) return 'followed';
    const next = { ...stored.record, untilMs: this.#untilMs() };
    const swapped = await this.#ports.store.swap(scope, stored.version, next);
    if (swapped.ok) return { ...term, renewedAtMs };
    // Our own write of an attempt that was given up: the next attempt builds on it.
    return isFollowed(swapped.current, { holder, token: term.token }) ? 'followed' : undefined;
  }

  async #release({ token }: Term): Promise<void> {
    const { scope, holder } = this.#options;
    await this.#try(async () => {
      // More than once: a renewal that was given up may still arrive in between.
      for (let attempt = 0; attempt < RELEASE_ATTEMPTS; attempt += 1) {
        const stored = await this.#ports.store.read(scope);
        if (!stored || isFollowed(stored, { holder, token })) return;
        const swapped = await this.#ports.store.swap(scope, stored.version, { ...stored.record, untilMs: 0 });
        if (swapped.ok) return;
      }
    });
  }

  #untilMs(): number {
    return this.#ports.clock() + this.#options.terms.leaseMs;
  }

  async #try<T>(act: () => Promise<T>): Promise<T | undefined> {
    try {
      const result = await act();
      this.#error = undefined;
      return result;
    } catch (error) {
      this.#error = messageOf(error);
      return undefined;
    }
  }
}
