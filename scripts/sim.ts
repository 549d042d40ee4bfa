/**
 * Simulates histories of servers, queue, table and consumer around the real relay and the real Kubernetes adapter, and checks what
 * must hold in each (docs/simulation.md). Ends with `N passed, N failed`; exit code 1 when one failed.
 *
 * `--runs N` how many (20,000) · `--seed N` the first one's seed (drawn) · `--workers N` (one a core) · `--replay N` one seed, with
 * everything that happens in it · `--max-failures N` each worker ends after so many (3)
 */
import { availableParallelism } from 'node:os';
import { parseArgs } from 'node:util';
import { generateHistory } from '../test/sim/generate.ts';
import { describeHistory } from '../test/sim/history.ts';
import { describeFailure, runPool, type Totals } from '../test/sim/pool.ts';
import { runHistory } from '../test/sim/run.ts';

const DEFAULT_RUNS = 20_000;
/** Seeds that are drawn stay short enough to be typed. */
const MAX_SEED = 1_000_000_000;

const { values } = parseArgs({
  options: {
    runs: { type: 'string' },
    seed: { type: 'string' },
    workers: { type: 'string' },
    replay: { type: 'string' },
    'max-failures': { type: 'string' },
  },
});

function wholeNumber(name: string, text: string | undefined, fallback: number): number {
  const value = text === undefined ? fallback : Number(text);
  if (Number.isSafeInteger(value) && value >= 0) return value;
  console.error(`--${name} takes a whole number, not "${text}"`);
  process.exit(2);
}

async function replay(seed: number): Promise<number> {
  const history = generateHistory(seed);
  console.log(describeHistory(history));
  const { broken, why } = await runHistory(history, console.log);
  if (broken === undefined) {
    console.log('1 passed, 0 failed');
    return 0;
  }
  console.log(`\nbreaks "${broken}": ${why}; the smallest history that does:`);
  const { failures } = await runPool({ seed, runs: 1, workers: 1, maxFailures: 1 });
  for (const failure of failures) console.log(describeFailure(failure));
  console.log('0 passed, 1 failed');
  return 1;
}

async function run(): Promise<number> {
  const runs = wholeNumber('runs', values.runs, DEFAULT_RUNS);
  const seed = wholeNumber('seed', values.seed, Math.floor(Math.random() * MAX_SEED));
  const workers = Math.max(1, wholeNumber('workers', values.workers, availableParallelism()));
  const maxFailures = wholeNumber('max-failures', values['max-failures'], 3);
  console.log(`${runs} histories from seed ${seed} on, ${workers} workers`);
  const startedMs = performance.now();
  const seconds = () => (performance.now() - startedMs) / 1_000;
  const progress = ({ passed, failures }: Totals): void => {
    if (!process.stdout.isTTY) return;
    process.stdout.write(`\r${passed} passed, ${failures.length} failed, ${Math.round(passed / seconds())} a second `);
  };
  const { passed, messages, virtualMs, failures } = await runPool({ seed, runs, workers, maxFailures, progress });
  if (process.stdout.isTTY) console.log('');
  for (const failure of failures) console.log(`\n${describeFailure(failure)}`);
  const hours = Math.round(virtualMs / 3_600_000);
  console.log(`${messages} messages in ${hours} virtual hours, ${seconds().toFixed(1)} s; base seed ${seed}`);
  console.log(`${passed} passed, ${failures.length} failed`);
  return failures.length > 0 || passed < runs ? 1 : 0;
}

process.exitCode = values.replay === undefined ? await run() : await replay(wholeNumber('replay', values.replay, 0));
