import { CLEANUP, STEPS } from '@tmc/cli/demo/steps.ts';
import { afterAll, beforeAll, describe } from 'vitest';
import { whyNoKubeBinaries } from '../real/tools/build.ts';
import { inOrder } from './in-order.ts';
import { type Inventory, inventory } from './leftovers.ts';
import { realServers } from './servers.ts';
import { deployAsPlanned, planOnly, removeAll } from './steps-deploy.ts';
import { scale } from './steps-workload.ts';
import { System } from './system.ts';
import { targetFrom } from './target.ts';

/** The demo through deployed functions with real kube-apiserver, etcd and controllers, and the rights of `deploy/rbac` only. */

const target = targetFrom(process.env);
/** Why it does not run here; once is enough: what differs between the emulators is shown on the simulator. */
const missing = target?.name === 'ministack' ? await whyNoKubeBinaries() : 'the target is not MiniStack';
if (missing !== undefined) console.log(`SKIPPED: the deployed system with real API servers, because ${missing}`);

describe.skipIf(missing !== undefined)(
  'the system deployed to ministack, with real API servers',
  { shuffle: false },
  () => {
    let system: System;
    let before: Inventory;
    const { foundation, step } = inOrder();

    beforeAll(async () => {
      if (!target) return;
      system = await System.prepare(target, await realServers());
      before = await inventory(system.clients);
    }, 180_000);
    afterAll(() => system?.close(), 120_000);

    foundation('deploying makes what was planned', async () => deployAsPlanned(system, await planOnly(system)));
    foundation('relays start from what the deployment said', () => system.connect());
    for (const { title, run } of STEPS) foundation(title, () => run(system.context));
    step('Scale nginx-web to 6: both members take their share, and the workspace shows 6 ready', () => scale(system));
    for (const { title, run } of CLEANUP) step(title, () => run(system.context));
    step('removing leaves nothing, and what others made stays', async () => {
      await system.disconnect();
      await removeAll(system, before);
    });
  },
);
