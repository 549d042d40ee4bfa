import type { History, Shape, Step } from './history.ts';
import { type Outcome, runHistory } from './run.ts';

/** Runs a shrinking may take: a minute or so at most. */
const MAX_RUNS = 1_500;

/** The simplest value of each part of a shape, tried in this order. */
const SIMPLE: Partial<Shape>[] = [
  { endpoints: 1 },
  { pieces: false },
  { pageSize: 500 },
  { watchList: 422 },
  { watchList: 'served' },
  { latencyMs: 1 },
  { bookmarkMs: 0 },
  { streamMs: 600_000 },
  { outbox: { maxBytes: 8 * 1024 * 1024, maxInFlight: 50, lingerMs: 10 } },
  { queue: { delayMs: 10, deliveries: 1 } },
  { antiEntropyMs: 0 },
  { expiredAs: 'status' },
];

/**
 * A history with fewer and simpler steps that breaks the same invariant: steps are taken out, in halves first, then the shape and
 * the pauses made simple, until nothing more can go. The same input gives the same result. `begin` is called before each run.
 */
export async function shrinkHistory(
  history: History,
  invariant: string,
  begin: () => void,
): Promise<{ history: History; outcome: Outcome }> {
  const search = new Search(history, invariant, begin);
  let before = -1;
  while (before !== search.size && !search.spent) {
    before = search.size;
    await search.takeOutSteps();
    await search.simplifyShape();
    await search.shortenPauses();
  }
  return { history: search.best, outcome: await runHistory(search.best) };
}

class Search {
  best: History;
  readonly #invariant: string;
  readonly #begin: () => void;
  #runs = 0;

  constructor(history: History, invariant: string, begin: () => void) {
    this.best = history;
    this.#invariant = invariant;
    this.#begin = begin;
  }

  get spent(): boolean {
    return this.#runs >= MAX_RUNS;
  }

  get size(): number {
    return (
      this.best.steps.reduce((sum, { after }) => sum + (after === 0 ? 100 : 101), 0) +
      JSON.stringify(this.best.shape).length
    );
  }

  async takeOutSteps(): Promise<void> {
    for (let size = Math.ceil(this.best.steps.length / 2); size >= 1; size = size === 1 ? 0 : Math.ceil(size / 2)) {
      for (let from = 0; from < this.best.steps.length && !this.spent; ) {
        const steps = without(this.best.steps, from, size);
        if (!(await this.#try({ ...this.best, steps }))) from += size;
      }
    }
  }

  async simplifyShape(): Promise<void> {
    const used = new Set(this.best.steps.flatMap((step) => ('kind' in step ? [step.kind] : [])));
    const kinds = this.best.shape.kinds.filter((kind) => used.has(kind));
    const onlyUsed: Partial<Shape>[] =
      kinds.length > 0 && kinds.length < this.best.shape.kinds.length ? [{ kinds }] : [];
    for (const part of [...onlyUsed, ...SIMPLE]) {
      const shape = { ...this.best.shape, ...part };
      const isOther = JSON.stringify(shape) !== JSON.stringify(this.best.shape);
      const isTried =
        part.endpoints === undefined || this.best.steps.every((step) => !('endpoint' in step) || step.endpoint === 0);
      if (isOther && isTried && !this.#isRetreat(part)) await this.#try({ ...this.best, shape });
    }
  }

  async shortenPauses(): Promise<void> {
    for (const [at, step] of this.best.steps.entries()) {
      if (step.after === 0 || step.after % 1_000 === 0) continue;
      for (const after of [0, 1_000, 10]) {
        if (after === step.after || this.spent) continue;
        const steps = this.best.steps.map((other, index) => (index === at ? { ...other, after } : other));
        if (await this.#try({ ...this.best, steps })) break;
      }
    }
  }

  /** `served` is the simplest: it is not given up for a refusal. */
  #isRetreat(part: Partial<Shape>): boolean {
    return part.watchList === 422 && this.best.shape.watchList === 'served';
  }

  async #try(candidate: History): Promise<boolean> {
    this.#runs += 1;
    this.#begin();
    const { broken } = await runHistory(candidate);
    if (broken !== this.#invariant) return false;
    this.best = candidate;
    return true;
  }
}

/** The steps but some; the pause before those goes to the next one, so that the others keep their instants. */
function without(steps: readonly Step[], from: number, count: number): Step[] {
  const taken = steps.slice(from, from + count).reduce((sum, { after }) => sum + after, 0);
  const [next, ...rest] = steps.slice(from + count);
  return [...steps.slice(0, from), ...(next ? [{ ...next, after: next.after + taken }, ...rest] : [])];
}
