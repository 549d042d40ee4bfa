import { parentPort, workerData } from 'node:worker_threads';
import { takeOverSurroundings } from './ambient.ts';
import { runSeed } from './run-seed.ts';

/** Runs the seeds it is given, one world after another, and tells the result of each. */
const { seeds } = workerData as { seeds: readonly number[] };
const surroundings = takeOverSurroundings();
for (const seed of seeds) parentPort?.postMessage(await runSeed(seed, surroundings));
