import { Worker } from 'node:worker_threads';
import type { Failure, Whereabouts, WorkerInput, WorkerMessage } from './worker.ts';

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
  /** A worker in which no history ends for so long is ended, and its seed counts as failed; 60 s. */
  readonly patienceMs?: number;
};

/** A history takes milliseconds. */
const PATIENCE_MS = 60_000;

/** Runs the histories of `runs` seeds from `seed` on, dealt out to worker threads. @throws when a worker dies, naming its seed. */
export async function runPool(options: PoolOptions): Promise<Totals> {
  const { runs, workers, progress, enough = Number.POSITIVE_INFINITY } = options;
  const over = new AbortController();
  const totals: Totals = { passed: 0, messages: 0, virtualMs: 0, failures: [] };
  const tell = (message: WorkerMessage): void => {
    add(totals, message);
    progress?.(totals);
    if (totals.failures.length >= enough) over.abort();
  };
  const shares = Array.from({ length: Math.min(workers, runs) }, (_, share) => share);
  await Promise.all(shares.map((share) => runWorker(options, share, { tell, over: over.signal })));
  totals.failures.sort((a, b) => a.seed - b.seed);
  return totals;
}

type Running = { readonly tell: (message: WorkerMessage) => void; readonly over: AbortSignal };

async function runWorker(options: PoolOptions, share: number, { tell, over }: Running): Promise<void> {
  const { seed, runs, workers: stride, maxFailures, patienceMs = PATIENCE_MS } = options;
  const whereabouts: Whereabouts = new BigInt64Array(new SharedArrayBuffer(16));
  const workerData: WorkerInput = { from: seed + share, to: seed + runs, stride, maxFailures, whereabouts };
  const worker = new Worker(options.worker ?? new URL('./worker.ts', import.meta.url), { workerData });
  let died: unknown;
  worker.on('error', (error) => {
    died = error;
  });
  worker.on('message', tell);
  over.addEventListener('abort', () => void worker.terminate());
  // Not `once`, which ends at an error already.
  const exited = new Promise<number>((resolve) => worker.once('exit', resolve));
  const hung = await watchOver(whereabouts, exited, patienceMs);
  if (hung) await worker.terminate();
  const code = await exited;
  if (hung) tell({ failure: hungIn(whereabouts, patienceMs) });
  else if (died !== undefined || (code !== 0 && !over.aborted))
    throw new Error(`a worker died (${code}) in seed ${whereabouts[0]}`, { cause: died });
}

/** True once no history was begun for so long; false when the worker has ended. */
function watchOver(whereabouts: Whereabouts, exited: Promise<unknown>, patienceMs: number): Promise<boolean> {
  return new Promise((resolve) => {
    let seen = -1n;
    let sinceMs = performance.now();
    const watch = setInterval(
      () => {
        const begun = Atomics.load(whereabouts, 1);
        if (begun !== seen) [seen, sinceMs] = [begun, performance.now()];
        else if (performance.now() - sinceMs >= patienceMs) end(true);
      },
      Math.min(1_000, patienceMs / 4),
    );
    const end = (hung: boolean): void => {
      clearInterval(watch);
      resolve(hung);
    };
    void exited.then(() => end(false));
  });
}

function hungIn(whereabouts: Whereabouts, patienceMs: number): Failure {
  const why = `a history did not end within ${patienceMs / 1_000} s`;
  const minimal = 'not looked for: trying would hang again';
  return { seed: Number(whereabouts[0]), broken: 'every history ends', why, minimal, log: [] };
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
