import type { SeededRandom } from '@tmc/testkit/random.ts';

/** How often what goes wrong, as probabilities; `crash` is per invocation, the others per request, message or line. */
type FaultRates = {
  readonly conflict: number;
  readonly throttle: number;
  readonly serverError: number;
  readonly lostBefore: number;
  readonly lostAfter: number;
  readonly cutWatch: number;
  readonly expired: number;
  readonly repeatedEvent: number;
  readonly crash: number;
  readonly refusedSend: number;
  /** A request that takes seconds, before or after it takes effect: what others do meanwhile it does not know. */
  readonly slow: number;
  /** Messages are delivered at least twice, late and in another order. */
  readonly disorder: boolean;
};

type FaultKind = Exclude<keyof FaultRates, 'disorder'>;

/** The faults of a seed: everywhere some conflicts, throttling and disorder; the other kinds are mixed in by the seed. */
export function ratesOf(random: SeededRandom): FaultRates {
  const some = (share: number, rate: number): number => (random() < share ? rate * (0.5 + random()) : 0);
  return {
    conflict: 0.08,
    throttle: 0.06,
    serverError: some(0.6, 0.04),
    lostBefore: some(0.6, 0.04),
    lostAfter: some(0.6, 0.04),
    cutWatch: some(0.6, 0.03),
    expired: some(0.4, 0.05),
    repeatedEvent: some(0.4, 0.1),
    crash: some(0.5, 0.15),
    refusedSend: some(0.4, 0.1),
    slow: some(0.5, 0.05),
    disorder: true,
  };
}

/** Draws what goes wrong, until told to stop; remembers what happened for the report of a failure. */
export class Faults {
  readonly counts: Partial<Record<FaultKind | 'duplicate', number>> = {};
  readonly #rates: FaultRates;
  readonly #random: SeededRandom;
  #stopped = false;

  constructor(rates: FaultRates, random: SeededRandom) {
    this.#rates = rates;
    this.#random = random;
  }

  happens(kind: FaultKind): boolean {
    const rate = this.#rates[kind];
    if (rate === 0 || this.#stopped || this.#random() >= rate) return false;
    this.#count(kind);
    return true;
  }

  /** A whole number from 1 to `max`. */
  draw(max: number): number {
    return 1 + Math.floor(this.#random() * max);
  }

  chance(share: number): boolean {
    return this.#random() < share;
  }

  /** Delays of the deliveries of one message, of the first one first. */
  deliveries(): number[] {
    if (this.#stopped || !this.#rates.disorder) return [0];
    this.#count('duplicate');
    const first = this.chance(0.6) ? 0 : this.draw(this.chance(0.8) ? 500 : 15_000);
    const further = this.chance(0.2) ? 2 : 1;
    return [
      first,
      ...Array.from({ length: further }, () =>
        this.draw(this.chance(0.75) ? 2_000 : this.chance(0.8) ? 30_000 : 90_000),
      ),
    ];
  }

  get isDisorderly(): boolean {
    return this.#rates.disorder && !this.#stopped;
  }

  stop(): void {
    this.#stopped = true;
  }

  #count(kind: FaultKind | 'duplicate'): void {
    this.counts[kind] = (this.counts[kind] ?? 0) + 1;
  }
}
