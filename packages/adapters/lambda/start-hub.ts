import { systemSleep } from '@tmc/kernel/clock.ts';
import { randomIds } from '@tmc/kernel/ids.ts';
import { openTable } from '../dynamo/client.ts';
import { connectHub, type HubPlan } from '../fleet/connect.ts';
import type { FleetHub } from '../fleet/fleet.ts';
import { createSender } from '../queue/send.ts';
import { coalesceReads } from '../table/coalesced-reads.ts';
import { defaultProvider } from './credentials.ts';
import type { Environment, HubSettings } from './environment.ts';
import { createKubeCredentials, type KubeCredentials } from './kube-credentials.ts';
import type { HubRuntime, RuntimeSettings } from './runtime.ts';
import { SETTINGS, type Start } from './start.ts';
import { openQueues } from './start-queues.ts';

/** Connects the hub of the environment. @throws TmcError `retry` when it must be asked something and cannot be reached. */
export async function startHub<Env extends Environment<'sweep'>>({
  env,
  clock,
  ...telemetry
}: Start<Env>): Promise<
  Omit<HubRuntime, 'queues' | 'send'> & { readonly fleetHub: FleetHub; readonly credentials: KubeCredentials }
> {
  const credentials = createKubeCredentials({
    env: process.env,
    credentials: defaultProvider(),
    clock,
    sleep: systemSleep,
    random: Math.random,
  });
  const hub = await connectHub(planOf(env.TMC_HUB, credentials), clock);
  const settings: RuntimeSettings = { ...SETTINGS, epoch: hub.epoch };
  return {
    ...telemetry,
    fleetHub: hub,
    credentials,
    hub: hub.hub,
    workspaceName: hub.workspaceName,
    // A batch is mostly of one namespace, and its records ask for the same decisions and targets.
    table: coalesceReads(openTable(env.TMC_TABLE).table),
    clock,
    ids: randomIds,
    random: Math.random,
    settings,
  };
}

/** What a function that consumes a queue and reaches the hub is wired from. @throws like {@link startHub}. */
export async function startConsumer<Env extends Environment<'place'>>(
  start: Start<Env>,
): Promise<HubRuntime & Awaited<ReturnType<typeof startHub>>> {
  const queues = openQueues(start.env.TMC_QUEUES);
  return { ...(await startHub(start)), queues, send: createSender(queues) };
}

function planOf(hub: HubSettings, credentials: KubeCredentials): HubPlan {
  return { ...hub, connection: credentials.connection(hub.connection) };
}
