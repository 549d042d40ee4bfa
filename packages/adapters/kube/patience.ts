import type { Clock } from '@tmc/kernel/clock.ts';
import { isTmcError, retryError, type TmcError } from '@tmc/kernel/errors.ts';
import type { ApiTransport } from './api.ts';
import { NoAnswer } from './exchange.ts';
import type { Ask } from './http.ts';

export type PatienceOptions = {
  /** Deadline of calls that state none. */
  readonly deadlineMs: number;
  readonly clock: Clock;
};

/** How long a server that let a call wait in vain is not asked again. Chosen freely: about the back-off of the messages waiting for it. */
const SILENCE_MS = 5_000;
/** A silence that ended longer ago says nothing of now: nobody asked since, perhaps because this process was frozen. Chosen freely. */
const FORGET_MS = 60_000;
/** Time of the one call that then asks whether it is back. */
const PROBE_DEADLINE_MS = 2_000;

/** So many calls may wait for a server that has said nothing for so long; chosen freely. A slow server answers some call in that time. */
const MAX_WAITING = 10;
const QUIET_MS = 1_000;

/**
 * A transport that does not wait for the same silent server twice: while it says nothing, only a few calls wait for it; once one had
 * no answer in time, calls fail at once for a while, then one at a time tries. Whoever serves many objects loses one deadline to a
 * hanging server instead of one for each.
 */
export function patientTransport(transport: ApiTransport, { deadlineMs, clock }: PatienceOptions): ApiTransport {
  const silence = new Silence(clock, deadlineMs);
  return {
    async request(ask) {
      const waiting = silence.start(ask);
      try {
        const signal = ask.signal ? AbortSignal.any([ask.signal, waiting.signal]) : waiting.signal;
        const answer = await transport.request({ deadlineMs: waiting.patienceMs, ...ask, signal });
        silence.heard();
        return answer;
      } catch (error) {
        if (isLate(error)) silence.begin();
        throw waiting.signal.aborted ? silent(ask, QUIET_MS) : error;
      } finally {
        silence.end(waiting);
      }
    },
    open: (ask) => transport.open(ask),
    close: () => transport.close(),
  };
}

type Waiting = {
  readonly signal: AbortSignal;
  readonly patienceMs: number;
  readonly isProbe: boolean;
  readonly cancel: () => void;
};

/** What is known of a server's silence, and the calls that wait for it, oldest first. */
class Silence {
  readonly #clock: Clock;
  readonly #deadlineMs: number;
  readonly #waiting = new Set<Waiting>();
  #untilMs: number | undefined;
  #isProbing = false;
  /** Calls have waited in vain for a while, and nothing came since. */
  #isQuiet = false;
  #heardCount = 0;

  constructor(clock: Clock, deadlineMs: number) {
    this.#clock = clock;
    this.#deadlineMs = deadlineMs;
  }

  /** @throws TmcError `retry` when the server is not to be asked now. */
  start(ask: Ask): Waiting {
    this.#forget();
    const leftMs = (this.#untilMs ?? 0) - this.#clock();
    const isProbe = this.#untilMs !== undefined;
    if (isProbe && (leftMs > 0 || this.#isProbing)) throw silent(ask, Math.max(leftMs, PROBE_DEADLINE_MS));
    if (this.#isQuiet && this.#waiting.size >= MAX_WAITING) throw silent(ask, QUIET_MS);
    if (isProbe) this.#isProbing = true;
    const abort = new AbortController();
    const heardBefore = this.#heardCount;
    const look = () => {
      if (this.#heardCount !== heardBefore) return;
      this.#isQuiet = true;
      if ([...this.#waiting].indexOf(waiting) >= MAX_WAITING) abort.abort();
    };
    // Timers run before sockets are read: after a pause of this process the answer may be there, unread.
    const timer = setTimeout(() => setImmediate(look), QUIET_MS);
    const patienceMs = isProbe ? PROBE_DEADLINE_MS : this.#deadlineMs;
    const waiting: Waiting = { signal: abort.signal, patienceMs, isProbe, cancel: () => clearTimeout(timer) };
    this.#waiting.add(waiting);
    return waiting;
  }

  heard(): void {
    this.#heardCount += 1;
    this.#untilMs = undefined;
    this.#isQuiet = false;
  }

  #forget(): void {
    if (this.#untilMs === undefined || this.#isProbing || this.#clock() - this.#untilMs <= FORGET_MS) return;
    this.#untilMs = undefined;
    this.#isQuiet = false;
  }

  /** A call had no answer in time. */
  begin(): void {
    this.#untilMs = this.#clock() + SILENCE_MS;
  }

  end(waiting: Waiting): void {
    waiting.cancel();
    this.#waiting.delete(waiting);
    if (waiting.isProbe) this.#isProbing = false;
  }
}

function isLate(error: unknown): boolean {
  return isTmcError(error) && error.facts.cause instanceof NoAnswer && error.facts.cause.late;
}

function silent({ method, path }: Ask, retryAfterMs: number): TmcError {
  return retryError(`${method} ${path.split('?', 1)[0]}: given up, the API server lets calls wait without an answer`, {
    type: 'ClusterUnreachable',
    hint: 'check that the API server runs and can be reached under the URL of its kubeconfig',
    retryAfterMs,
  });
}
