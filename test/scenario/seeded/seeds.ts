import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import type { SeedResult } from './run-seed.ts';
import type { Sabotage } from './sabotage.ts';

export type WorkerInput = {
  readonly seeds: readonly number[];
  /** Takes a safeguard out; the first seed that notices ends the run. */
  readonly sabotage?: Sabotage;
  /** Lines of each world's log that come back. */
  readonly lines?: number;
};

/** Worlds are bound by the processor: as many at a time as the smallest machine of the continuous integration has cores. */
const WORKERS = 2;
/** A seed that is run alone shows everything. */
const ALL_LINES = 100_000;
/** Failures that are reported in full. */
const SHOWN = 3;

/** Runs a world for each seed, in worker threads whose timers and randomness are virtual. */
export async function runSeeds(seeds: readonly number[], sabotage?: Sabotage): Promise<readonly SeedResult[]> {
  const results: SeedResult[] = [];
  const shares = Array.from({ length: Math.min(WORKERS, seeds.length) }, (_, share) =>
    seeds.filter((_seed, index) => index % WORKERS === share),
  );
  await Promise.all(
    shares.map((share) =>
      runShare(
        { seeds: share, ...(sabotage && { sabotage }), ...(seeds.length === 1 && { lines: ALL_LINES }) },
        results,
      ),
    ),
  );
  return results;
}

async function runShare(input: WorkerInput, results: SeedResult[]): Promise<void> {
  const worker = new Worker(new URL('./worker.ts', import.meta.url), { workerData: input, execArgv: [] });
  worker.on('message', (result: SeedResult) => results.push(result));
  const [code] = await once(worker, 'exit');
  if (code !== 0) throw new Error(`the worker of seeds ${input.seeds[0]} to ${input.seeds.at(-1)} ended with ${code}`);
}

/** What the failed seeds of a run were and how to see one again, '' when none failed. */
export function describeFailures(results: readonly SeedResult[]): string {
  const failed = results.filter(({ wrongs }) => wrongs.length > 0).sort((a, b) => a.seed - b.seed);
  if (failed.length === 0) return '';
  const shown = failed.slice(0, SHOWN).map(
    ({ seed, wrongs, counts, log }) =>
      `seed ${seed} (again with TMC_SEED=${seed}), faults ${JSON.stringify(counts)}:
  ${wrongs.join('\n  ')}
the end of its log:
  ${log.join('\n  ')}`,
  );
  return `${failed.length} of ${results.length} seeds failed: ${failed.map(({ seed }) => seed)}\n${shown.join('\n')}`;
}
