import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import type { Failure, WorkerInput, WorkerMessage } from './worker.ts';

export type Totals = { passed: number; messages: number; virtualMs: number; readonly failures: Failure[] };

export type PoolOptions = {
  readonly seed: number;
  readonly runs: number;
  readonly workers: number;
  /** Each worker ends after so many failures. */
  readonly maxFailures: number;
  /** The worker's module; absent: the one of this tree. A bundle of it runs a changed relay. */
  readonly worker?: URL;
  /** Ends all workers when so many failures were found. */
  readonly enough?: number;
  readonly progress?: (totals: Totals) => void;
};

/** Runs the histories of `runs` seeds from `seed` on, dealt out to worker threads. @throws when a worker dies. */
export async function runPool(options: PoolOptions): Promise<Totals> {
  const { seed, runs, workers, maxFailures, progress, enough = Number.POSITIVE_INFINITY } = options;
  const over = new AbortController();
  const totals: Totals = { passed: 0, messages: 0, virtualMs: 0, failures: [] };
  const running = Array.from({ length: Math.min(workers, runs) }, async (_, share) => {
    const input: WorkerInput = { from: seed + share, to: seed + runs, stride: workers, maxFailures };
    const worker = new Worker(options.worker ?? new URL('./worker.ts', import.meta.url), { workerData: input });
    let died: unknown;
    worker.on('error', (error) => {
      died = error;
    });
    worker.on('message', (message: WorkerMessage) => {
      add(totals, message);
      progress?.(totals);
      if (totals.failures.length >= enough) over.abort();
    });
    over.signal.addEventListener('abort', () => void worker.terminate());
    const [code] = await once(worker, 'exit');
    if (died !== undefined || (code !== 0 && !over.signal.aborted))
      throw new Error(`a worker died (${code})`, { cause: died });
  });
  await Promise.all(running);
  totals.failures.sort((a, b) => a.seed - b.seed);
  return totals;
}

function add(totals: Totals, message: WorkerMessage): void {
  if ('failure' in message) {
    totals.failures.push(message.failure);
    return;
  }
  totals.passed += message.passed;
  totals.messages += message.messages;
  totals.virtualMs += message.virtualMs;
}

/** A failure for people: what broke, the command that shows it again, the smallest history and what happens in it. */
export function describeFailure({ seed, broken, why, minimal, log }: Failure): string {
  return [
    `seed ${seed} breaks "${broken}": ${why}`,
    `again: npm run sim -- --replay ${seed}`,
    'smallest history:',
    minimal,
    'what happens in it:',
    ...log.map((line) => `  ${line}`),
  ].join('\n');
}
