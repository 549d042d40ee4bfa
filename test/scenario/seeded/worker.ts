import { parentPort, workerData } from 'node:worker_threads';
import { takeOverSurroundings } from './ambient.ts';
import { runSeed } from './run-seed.ts';
import { SABOTAGES } from './sabotage.ts';
import type { WorkerInput } from './seeds.ts';

/** Runs the seeds it is given, one world after another, and tells the result of each. */
const { seeds, sabotage, lines } = workerData as WorkerInput;
const surroundings = takeOverSurroundings();
const options = { ...(sabotage && { wrapMember: SABOTAGES[sabotage] }), ...(lines !== undefined && { lines }) };
for (const seed of seeds) {
  const result = await runSeed(seed, surroundings, options);
  parentPort?.postMessage(result);
  if (sabotage && result.wrongs.length > 0) break;
}
