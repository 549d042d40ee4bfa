import { CLEANUP, STEPS } from '@tmc/cli/demo/steps.ts';
import { afterAll, beforeAll, describe, expect } from 'vitest';
import type { Change } from './deploy-process.ts';
import { inOrder } from './in-order.ts';
import { type Inventory, inventory } from './leftovers.ts';
import { simulatedServers } from './servers.ts';
import { bringBack, deployAgain, deployAsPlanned, planOnly, removeAll } from './steps-deploy.ts';
import { askApi, otherBuilds, replaceCode, startsOfOther, strayTexts, sweep } from './steps-functions.ts';
import { poison, redrive } from './steps-poison.ts';
import { heldToPolicies } from './steps-policy.ts';
import { reregister, silence } from './steps-targets.ts';
import { disorder, latency, type SimulatedSystem, scale, updateUnderLoad } from './steps-workload.ts';
import { System } from './system.ts';
import { targetFrom } from './target.ts';

/** The life of one installation on an emulator of AWS, from the plan to the removal; each test builds on those before it. */

const target = targetFrom(process.env);
if (!target)
  console.log('SKIPPED: the deployed system, because EMULATOR_ENDPOINT is not set; `npm run test:aws` sets it');

describe.skipIf(!target)(`the system deployed to ${target?.name}`, { shuffle: false }, () => {
  let system: SimulatedSystem;
  let before: Inventory;
  let planned: readonly Change[];
  let heal: () => void;
  const { foundation, step } = inOrder();

  beforeAll(async () => {
    if (!target) return;
    system = await System.prepare(target, await simulatedServers());
    before = await inventory(system.clients);
  }, 60_000);
  afterAll(() => system?.close(), 120_000);

  foundation('a dry run says what would be made, and makes nothing', async () => {
    planned = await planOnly(system);
  });
  foundation('deploying makes what was planned', () => deployAsPlanned(system, planned));
  step('deploying again changes nothing', () => deployAgain(system));
  foundation('relays start from what the deployment said', () => system.connect());

  for (const { title, run } of STEPS) foundation(title, () => run(system.context));
  step('Scale nginx-web to 6: both members take their share, and the workspace shows 6 ready', () => scale(system));
  for (const { title, run } of CLEANUP) step(title, () => run(system.context));

  step('a target that is taken away is left, and joined again when it is registered', () => reregister(system));
  step('objects reach both members in a time that is told', () => latency(system));
  foundation('what a member refuses is given up with its reason, told to its user, and delays nobody', async () => {
    heal = await poison(system);
  });
  step('a redrive heals it once the member takes it', () => {
    heal();
    return redrive(system);
  });
  step('what is no message is given up by every consumer, and can be redriven', () => strayTexts(system));
  // Before anything else invokes the sweep.
  step('the targets are swept on schedule', () => sweep(system));
  step('a member that falls silent is noticed by the sweep alone, and is Ready when it is heard again', () =>
    silence(system),
  );
  step('duplicates in the wrong order change nothing and write nothing', () => disorder(system));
  step('the code is replaced under load, and nothing is lost', async () => {
    const builds = await otherBuilds(system);
    await updateUnderLoad(system, () => replaceCode(system, builds));
    expect(await startsOfOther(system)).toEqual(expect.arrayContaining(['sync-down', 'sync-up']));
  });
  step('the API tells what the fleet is', () => askApi(system));
  step('calls and policies fit: nothing needed is denied, nothing allowed is unused', () => heldToPolicies(system));
  step('deploying brings code and settings back', () => bringBack(system));
  step('removing leaves nothing, and what others made stays', async () => {
    await system.disconnect();
    await removeAll(system, before);
  });
});
