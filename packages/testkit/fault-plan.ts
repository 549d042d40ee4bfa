import { seededRandom, shuffled } from './random.ts';

/** What can go wrong around a message or a write. */
export const FAULTS = ['duplicate', 'delay', 'reorder', 'throttle', 'conflict', 'crash'] as const;
type Fault = (typeof FAULTS)[number];

/** Probability of each fault at each point it is asked for; what is not named never happens. */
export type FaultTable = Readonly<Partial<Record<Fault, number>>>;

/** Freely chosen: a run of a hundred steps meets every fault several times. */
const DEFAULT_FAULTS: FaultTable = {
  duplicate: 0.2,
  delay: 0.15,
  reorder: 0.3,
  throttle: 0.1,
  conflict: 0.1,
  crash: 0.05,
};

/** A repeatable choice of faults: the same seed and the same questions give the same answers. */
export type FaultPlan = {
  readonly seed: number;
  /** True when the fault is to happen here; `point` names the place in the history. */
  readonly happens: (fault: Fault, point: string) => boolean;
  /** The items, in another order when `reorder` happens. */
  readonly reorder: <T>(items: readonly T[], point: string) => readonly T[];
  /** 0, or when `delay` happens a whole number of ms up to `maxMs`. */
  readonly delayMs: (maxMs: number, point: string) => number;
  /** From now on nothing happens, so that a run can come to rest. */
  readonly stop: () => void;
  /** The faults that happened, `fault@point`, for the report of a failed run. */
  readonly history: readonly string[];
};

/** A plan drawn from `seed` with these probabilities. */
export function createFaultPlan(seed: number, table: FaultTable = DEFAULT_FAULTS): FaultPlan {
  const random = seededRandom(seed);
  const history: string[] = [];
  let stopped = false;

  function happens(fault: Fault, point: string): boolean {
    const drawn = random() < (table[fault] ?? 0);
    if (!drawn || stopped) return false;
    history.push(`${fault}@${point}`);
    return true;
  }

  return {
    seed,
    happens,
    reorder: (items, point) => (happens('reorder', point) ? shuffled(items, random) : items),
    delayMs: (maxMs, point) => (happens('delay', point) ? 1 + Math.floor(random() * maxMs) : 0),
    stop: () => {
      stopped = true;
    },
    history,
  };
}
