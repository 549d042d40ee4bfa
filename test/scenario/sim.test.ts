import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, describe, expect, it } from 'vitest';
import { bundleWorker, MUTANTS } from '../sim/mutants.ts';
import { describeFailure, runPool } from '../sim/pool.ts';

/** A look at the simulation (docs/simulation.md); `npm run sim` runs the many histories. */
const SMOKE = { seed: 1, runs: 300 };
/** Within so many histories each mutant is found out; the slowest needs some 350. */
const ENOUGH = { seed: 1, runs: 1_500 };
const directory = mkdtempSync(join(tmpdir(), 'tmc-sim-'));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

describe('simulated histories', () => {
  it(`hold what must hold (${SMOKE.runs} of them)`, async () => {
    const { passed, failures } = await runPool({ ...SMOKE, workers: 2, maxFailures: 1 });
    expect(failures.map(describeFailure).join('\n\n')).toBe('');
    expect(passed).toBe(SMOKE.runs);
  });

  it('are the same run each time', async () => {
    const worker = await bundleWorker(directory, 'as-it-is');
    const options = { seed: 1, runs: 40, workers: 1, maxFailures: 1 };
    const [first, second] = [await runPool(options), await runPool({ ...options, worker })];
    expect(second).toEqual(first);
  });

  it('one that never ends is cut off, and its seed named', async () => {
    const worker = join(directory, 'endless.mjs');
    const endless =
      "import { workerData as w } from 'node:worker_threads'; w.whereabouts[0] = BigInt(w.from + 2); for (;;);";
    writeFileSync(worker, endless);
    const pool = { seed: 10, runs: 5, workers: 1, maxFailures: 1, worker: pathToFileURL(worker), patienceMs: 200 };
    const { passed, failures } = await runPool(pool);
    expect(passed).toBe(0);
    expect(failures.map(describeFailure)).toEqual([
      expect.stringMatching(/^seed 12 breaks .* did not end within 0.2 s/),
    ]);
  });

  it.each(Object.entries(MUTANTS))('find out that %s', async (name, mutant) => {
    const worker = await bundleWorker(directory, name.replaceAll(' ', '-'), mutant);
    const { failures } = await runPool({ ...ENOUGH, workers: 2, maxFailures: 1, worker, enough: 1 });
    const [failure] = failures;
    console.log(failure ? describeFailure(failure) : '');
    expect(failure, `no history of ${ENOUGH.runs} noticed`).toBeDefined();
  });
});
