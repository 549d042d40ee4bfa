import type { Sleep } from '@tmc/kernel/clock.ts';
import type { WatchState } from './watch-state.ts';

/** For how long lists are read by pages after a WatchList was refused; freely chosen: servers are upgraded. */
const PAGED_FOR_MS = 30 * 60_000;

/** How one list-watch reads its lists: as the first events of a stream, or by pages for a while after that did not work. */
export class ListMethod {
  readonly #sleep: Sleep;
  /** WatchLists in a row that ended before their lists were complete. */
  #failures = 0;
  #pagedBecause: string | undefined;

  constructor(sleep: Sleep) {
    this.#sleep = sleep;
  }

  get pagedBecause(): string | undefined {
    return this.#pagedBecause;
  }

  /** A WatchList was read to its end. */
  succeed(): void {
    this.#failures = 0;
  }

  /**
   * Takes note of a failure, of a WatchList or (`list` undefined) of anything else. `refused`: the server only does not offer
   * WatchList, which is no failure; pages are read at once.
   */
  judge(
    { state, why, list }: { state: WatchState; why: string; list: { readonly opened: boolean } | undefined },
    signal: AbortSignal,
  ): 'refused' | 'failed' {
    if (list) this.#failures += 1;
    const opened = list?.opened === true;
    const isBroken = list !== undefined && mustUsePages(state, { opened, failures: this.#failures });
    if (state !== 'oversized' && !isBroken) return 'failed';
    this.#failures = 0;
    this.#pagedBecause = why;
    void this.#sleep(PAGED_FOR_MS, signal).then(() => {
      this.#pagedBecause = undefined;
    });
    return state === 'failed' && !opened ? 'refused' : 'failed';
  }
}

const LINKS: ReadonlySet<WatchState> = new Set(['cut', 'half-open', 'quiet', 'server-error']);
const ANSWERS: ReadonlySet<WatchState> = new Set(['unauthorised', 'forbidden', 'expired', 'throttled', 'stale']);

/**
 * Whether a WatchList that ended thus before its list was complete means that pages must be used: the server refused it (any 4xx
 * but 401, 403, 410 and 429), sent an error or something unreadable instead of the rest, or it broke twice.
 */
export function mustUsePages(state: WatchState, { opened, failures }: { opened: boolean; failures: number }): boolean {
  if (state === 'stale') return false;
  if (LINKS.has(state)) return failures >= 2;
  return opened || !ANSWERS.has(state);
}
