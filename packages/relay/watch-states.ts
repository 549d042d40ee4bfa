import type { WatchSource } from '@tmc/kernel/ports.ts';
import type { ListWatchStatus } from './list-watch-status.ts';
import { isFailing, isReading, type WatchState } from './watch-state.ts';

/** Why a source is in a failing state, and what the user can change about it. */
export type Why = { readonly message: string; readonly hint?: string };

/** Called when a failing state is entered, with why, and when it is left. */
export type ReportState = (state: WatchState, why?: Why) => void;

/** Clocks this far apart are worth telling: credentials and certificates with times begin to fail. */
const MAX_SKEW_MS = 60_000;

type WatchStatesOptions = {
  readonly source: WatchSource;
  readonly clock: () => number;
  readonly report: ReportState;
};

/** The states of one list-watch over time: where it is, what it met, and who is told. */
export class WatchStates {
  readonly #options: WatchStatesOptions;
  readonly #entered: Partial<Record<WatchState, number>> = {};
  #state: WatchState = 'stopped';
  #sinceMs: number;
  #last: Why | undefined;
  /** The failing state that was reported and not left yet. */
  #failing: WatchState | undefined;
  #skewReported = false;

  constructor(options: WatchStatesOptions) {
    this.#options = options;
    this.#sinceMs = options.clock();
  }

  get now(): WatchState {
    return this.#state;
  }

  status(): Pick<ListWatchStatus, 'state' | 'sinceMs' | 'lastError' | 'lastHint' | 'clockSkewMs' | 'entered'> {
    return {
      state: this.#state,
      sinceMs: this.#sinceMs,
      lastError: this.#last?.message,
      lastHint: this.#last?.hint,
      clockSkewMs: this.#skewMs(),
      entered: { ...this.#entered },
    };
  }

  enter(state: WatchState): void {
    if (state === this.#state) return;
    this.#state = state;
    this.#sinceMs = this.#options.clock();
    this.#entered[state] = (this.#entered[state] ?? 0) + 1;
    if (isReading(state)) this.#recover(state);
    this.#reportSkew();
  }

  /** Enters the state an error leads to. */
  fail(state: WatchState, why: Why): void {
    this.#last = why;
    this.enter(state);
    if (!isFailing(state) || state === this.#failing) return;
    this.#failing = state;
    this.#options.report(state, why);
  }

  #recover(state: WatchState): void {
    if (this.#failing === undefined) return;
    this.#failing = undefined;
    this.#options.report(state);
  }

  #skewMs(): number | undefined {
    const skewMs = this.#options.source.clockSkewMs?.();
    return skewMs !== undefined && Math.abs(skewMs) > MAX_SKEW_MS ? skewMs : undefined;
  }

  #reportSkew(): void {
    const skewMs = this.#skewMs();
    if ((skewMs !== undefined) === this.#skewReported) return;
    this.#skewReported = skewMs !== undefined;
    if (skewMs === undefined) {
      this.#options.report(this.#state);
      return;
    }
    const how = `${Math.round(Math.abs(skewMs) / 1_000)} s ${skewMs > 0 ? 'ahead of' : 'behind'}`;
    this.#options.report(this.#state, {
      message: `the clock of the server is ${how} this machine's`,
      hint: 'set both clocks by NTP: tokens and certificates that are valid by one are not by the other',
    });
  }
}
