import { parentPort, workerData } from 'node:worker_threads';
import { generateHistory } from './generate.ts';
import { describeHistory } from './history.ts';
import { runHistory } from './run.ts';
import { shrinkHistory } from './shrink.ts';

/** Which seeds to run: every `stride`-th from `from`, below `to`. */
export type WorkerInput = {
  readonly from: number;
  readonly to: number;
  readonly stride: number;
  /** Ends after so many failures, each of which is shrunk. */
  readonly maxFailures: number;
  /** Where the worker tells, also from within a loop that never ends, which seed it is in and how many histories it has begun. */
  readonly whereabouts: Whereabouts;
};

/** Shared with the pool: [seed, histories begun]. */
export type Whereabouts = BigInt64Array<SharedArrayBuffer>;

export type Failure = {
  readonly seed: number;
  readonly broken: string;
  readonly why: string;
  /** The smallest history that breaks the same, for people. */
  readonly minimal: string;
  /** What happens in it. */
  readonly log: readonly string[];
};

export type WorkerMessage =
  | { readonly passed: number; readonly messages: number; readonly virtualMs: number }
  | { readonly failure: Failure };

/** Progress is told so often. */
const TELL_EVERY = 50;

const port = parentPort;
if (port) await runShare(workerData as WorkerInput, (message) => port.postMessage(message));

async function runShare(
  { from, to, stride, maxFailures, whereabouts }: WorkerInput,
  tell: (message: WorkerMessage) => void,
): Promise<void> {
  const begin = () => Atomics.add(whereabouts, 1, 1n);
  let failures = 0;
  let since = { passed: 0, messages: 0, virtualMs: 0 };
  for (let seed = from; seed < to && failures < maxFailures; seed += stride) {
    Atomics.store(whereabouts, 0, BigInt(seed));
    begin();
    const history = generateHistory(seed);
    const { broken, messages, virtualMs } = await runHistory(history);
    if (broken !== undefined) {
      failures += 1;
      tell({ failure: await explain(seed, broken, begin) });
      continue;
    }
    since = { passed: since.passed + 1, messages: since.messages + messages, virtualMs: since.virtualMs + virtualMs };
    if (since.passed % TELL_EVERY === 0) {
      tell(since);
      since = { passed: 0, messages: 0, virtualMs: 0 };
    }
  }
  tell(since);
}

/** The failure of a seed with its smallest history. */
async function explain(seed: number, broken: string, begin: () => void): Promise<Failure> {
  const { history, outcome } = await shrinkHistory(generateHistory(seed), broken, begin);
  begin();
  const log: string[] = [];
  await runHistory(history, (line) => log.push(line));
  return { seed, broken, why: outcome.why ?? '', minimal: describeHistory(history), log };
}
