/**
 * `npm run bench:cost`: what a million events cost. Deploys the system to an emulator of AWS by the command users run, with a hub and
 * two members on the simulator and a relay for each, counts every call through a proxy, every invocation and every byte of log while
 * Deployments are made, rolled out and delivered again, and puts list prices on what was counted. Ends with 1 where table writes of
 * a no-op are not 0 or the price misses its target.
 *   --count N (Deployments, default 30)   --per-second N (of the unhurried part, default 5)
 *   --json FILE (default bench/results/cost.json)
 * With EMULATOR_ENDPOINT and EMULATOR_NAME set it runs there, otherwise on a MiniStack of its own.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { STEPS } from '@tmc/cli/demo/steps.ts';
import { deployOrFail } from '../test/aws/deploy-process.ts';
import { simulatedServers } from '../test/aws/servers.ts';
import { System } from '../test/aws/system.ts';
import { type Target, targetFrom } from '../test/aws/target.ts';
import { configMap, configMapKey, measureLatency } from '../test/aws/workload.ts';
import { startMiniStack } from '../test/emulators/ministack.ts';
import { create, deliverAgain, missing, type Pace, update } from './cost-load.ts';
import { type Life, lifeOf, mixOf, type Phase, phaseOf, priceOf, printFleets, printPhases } from './cost-report.ts';
import { type Counted, count, type Deployed, logLess } from './cost-run.ts';
import { load, verdict } from './print.ts';

const { values } = parseArgs({
  options: {
    count: { type: 'string', default: '30' },
    'per-second': { type: 'string', default: '5' },
    json: { type: 'string', default: 'bench/results/cost.json' },
  },
});
const TARGET_DOLLARS = 0.6;
const NO_OPS = 'delivered again: no-ops';
/** Signs of life that are counted for their price. */
const REST_S = 20;

const given = targetFrom(process.env);
const emulator = given ? undefined : await startMiniStack();
const target = given ?? (emulator as Target);
console.log(`load ${load()}; on ${target.name} at ${target.endpoint}`);
try {
  process.exitCode = await measure(target);
} finally {
  await emulator?.stop();
}

async function measure(on: Target): Promise<number> {
  const system: Deployed = await System.prepare(on, await simulatedServers());
  try {
    const { deployment } = await deployOrFail(system.prepared, 'deploy');
    system.deployed(deployment);
    await logLess(system);
    await system.connect();
    // Targets and a policy: what is placed afterwards goes to both members.
    for (const step of STEPS.slice(0, 2)) await step.run(system.context);
    const phases = await phasesOf(system);
    const life = lifeOf(await restOf(system), system.deployment);
    return report(on, { phases, life, latency: await latencyOf(system) });
  } finally {
    await system.close();
  }
}

async function phasesOf(system: Deployed): Promise<Phase[]> {
  const phases: Phase[] = [];
  type Done = () => Promise<string | undefined>;
  const run = async (
    name: string,
    act: () => Promise<void>,
    { isDone, delivered }: { isDone?: Done; delivered?: number },
  ) => {
    phases.push(phaseOf(name, await count(system, act, isDone), system.deployment, delivered));
    console.log(`counted: ${name}`);
  };
  // Not counted: cold starts, and what the functions read once.
  await count(
    system,
    () => create(system, ['warm'], 'at once'),
    () => missing(system, ['warm'], 0),
  );
  const all: string[] = [];
  const unhurried: Pace = { perSecond: Number(values['per-second']) };
  for (const [how, pace] of [
    ['unhurried', unhurried],
    ['at once', 'at once'],
  ] as const) {
    const names = Array.from({ length: Number(values.count) }, (_, at) => `${how.replace(' ', '-')}-${at}`);
    all.push(...names);
    const inRound =
      (round: number): Done =>
      () =>
        missing(system, names, round);
    await run(`new Deployments, ${how}`, () => create(system, names, pace), { isDone: inRound(0) });
    await run(`new images, ${how}`, () => update(system, names, { pace, round: 1 }), { isDone: inRound(1) });
  }
  await run(NO_OPS, () => deliverAgain(system, all), { delivered: all.length });
  return phases;
}

/** Nothing happens but signs of life. */
function restOf(system: Deployed): Promise<Counted> {
  const endMs = Date.now() + REST_S * 1000;
  return count(
    system,
    async () => {},
    async () => (Date.now() < endMs ? 'signs of life are counted' : undefined),
  );
}

function latencyOf({ servers: { simulators }, context: { hub } }: Deployed) {
  const one = (name: string) => hub.create(configMapKey(name), configMap(name, 0));
  return measureLatency(simulators, one, { count: 50, perSecond: 5 });
}

type Results = {
  readonly phases: readonly Phase[];
  readonly life: Life;
  readonly latency: Awaited<ReturnType<typeof latencyOf>>;
};

/** Prints it all. @returns the exit code. */
function report(on: Target, { phases, life, latency }: Results): number {
  const noOps = phases.filter(({ name }) => name === NO_OPS);
  const mixes = ['unhurried', 'at once'].map((how) =>
    mixOf(`all of it, ${how}`, [...phases.filter(({ name }) => name.endsWith(how)), ...noOps]),
  );
  printPhases([...phases, ...mixes]);
  const price = mixes.at(-1);
  const dollars = price ? priceOf(price) : Number.NaN;
  console.log(`\n${life.heartbeats} heartbeats and ${life.ticks} ticks in ${REST_S} s read ${life.reads} units`);
  const fleets = printFleets(dollars, life);
  const { count: created, p50, p99 } = latency;
  console.log(
    `\ncreate in the hub to both members, ${created} at 5/s: P50 ${p50.toFixed(0)} ms, P99 ${p99.toFixed(0)} ms ` +
      `(${on.name} on this machine: not representative of AWS)`,
  );
  const noOpWrites = noOps.reduce((sum, { writes }) => sum + writes, 0);
  const isCheap = dollars * 1e6 <= TARGET_DOLLARS;
  console.log(verdict(noOpWrites === 0, `table writes of no-ops ${noOpWrites}, target 0:`));
  console.log(
    verdict(isCheap, `a million events $${(dollars * 1e6).toFixed(2)}, target $${TARGET_DOLLARS.toFixed(2)}:`),
  );
  const path = resolve(values.json);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, `${JSON.stringify({ on: on.name, phases, mixes, life, fleets, latency }, null, 2)}\n`);
  console.log(`load ${load()}; written to ${values.json}`);
  return isCheap && noOpWrites === 0 ? 0 : 1;
}
