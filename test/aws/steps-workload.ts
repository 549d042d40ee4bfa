import { setTimeout as pause } from 'node:timers/promises';
import { deployment, EAST, NAMESPACE, WEST, WORKSPACE } from '@tmc/cli/demo/manifests.ts';
import type { ResourceKey } from '@tmc/kernel/key.ts';
import type { KubeObject } from '@tmc/kernel/object.ts';
import { expect } from 'vitest';
import { until } from '../real/harness/process.ts';
import { drained, messageOf, sendAll } from './queues.ts';
import type { Servers, Simulators } from './servers.ts';
import type { System } from './system.ts';
import { configMap, configMapKey, converged, measureLatency, roundsOf, writesOf } from './workload.ts';

/** What the deployed system does with workloads, beyond the demo's steps. */

export type SimulatedSystem = System<Servers & { readonly simulators: Simulators }>;

const DEADLINE_MS = 60_000;

export const deploymentKey = (name: string, workspace = WORKSPACE): ResourceKey => ({
  workspace,
  group: 'apps',
  resource: 'deployments',
  namespace: NAMESPACE,
  name,
});

/** The demo's Deployment under another name. */
export const deploymentNamed = (name: string): KubeObject => ({
  ...deployment,
  metadata: { ...deployment.metadata, name },
});

const replicasOf = (object: KubeObject | undefined): number =>
  (object?.['spec'] as { replicas?: number } | undefined)?.replicas ?? 0;

/** The demo's Deployment gets more replicas in the hub: both members share them, and their status comes back. */
export async function scale({ context: { hub, members } }: System): Promise<void> {
  const key = deploymentKey('nginx-web');
  await hub.patch(key, { spec: { replicas: 6 } });
  await until(
    '6 replicas in the members and 6 ready ones in the hub',
    async () => {
      const copies = [WEST, EAST].map(({ member }) => members[member]?.get(deploymentKey('nginx-web', member)));
      const shares = (await Promise.all(copies)).map(replicasOf);
      const status = (await hub.get(key))?.['status'] as { readyReplicas?: number } | undefined;
      const isThere = shares.every((share) => share > 0) && shares.reduce((sum, share) => sum + share, 0) === 6;
      if (isThere && status?.readyReplicas === 6) return undefined;
      return `members have ${shares.join(' and ')}, the hub says ${status?.readyReplicas ?? 0} are ready`;
    },
    DEADLINE_MS,
  );
  await hub.patch(key, { spec: { replicas: 3 } });
}

/** Slow enough for an emulator with one poller for each queue, on a machine of two cores. */
const RATE = { count: 40, perSecond: 4 } as const;

export async function latency({ servers: { simulators }, context: { hub }, target }: SimulatedSystem): Promise<void> {
  const create = (name: string) => hub.create(configMapKey(name), configMap(name, 0));
  const { p50, p99, count } = await measureLatency(simulators, create, RATE);
  console.log(
    `create in the hub → in both members, ${target.name}, ${count} at ${RATE.perSecond}/s: P50 ${p50.toFixed(0)} ms, ` +
      `P99 ${p99.toFixed(0)} ms (of an emulator on this machine: not representative of AWS)`,
  );
}

/** Every state of an object is delivered again, three times, the newest first: nothing changes and nothing is written. */
export async function disorder({ clients, deployment: { queues }, servers, context }: SimulatedSystem): Promise<void> {
  const { simulators } = servers;
  const { hub } = context;
  const { url } = queues.sync;
  const key = configMapKey('disorder');
  const states = [await hub.create(key, configMap('disorder', 0))];
  for (let round = 1; round <= 5; round += 1) states.push(await hub.patch(key, { data: { round: String(round) } }));
  await converged(simulators, ['disorder'], { round: 5, deadlineMs: DEADLINE_MS });
  await drained(clients, url, DEADLINE_MS);
  const newest = await hub.get(key);
  if (!newest) throw new Error('the object is gone');
  const written = writesOf(simulators);
  const again = [newest, ...states.reverse()];
  await sendAll(
    clients,
    url,
    [...again, ...again, ...again].map((state) => messageOf(key, state)),
  );
  await drained(clients, url, DEADLINE_MS);
  expect(roundsOf(simulators, 'disorder')).toEqual(['5', '5']);
  expect(writesOf(simulators) - written).toBe(0);
  expect((await hub.get(key))?.metadata.resourceVersion).toBe(newest.metadata.resourceVersion);
}

const LOAD = 100;
const LOAD_PER_SECOND = 50;
/** How often each object changes at least. */
const ROUNDS = 3;

/** A hundred objects change again and again while the code of the functions is replaced: every last state arrives. */
export async function updateUnderLoad(
  { servers: { simulators }, context: { hub } }: SimulatedSystem,
  replaceCode: () => Promise<void>,
): Promise<void> {
  const names = Array.from({ length: LOAD }, (_, at) => `load-${at}`);
  for (const name of names) await hub.create(configMapKey(name), configMap(name, 0));
  let isReplaced = false;
  const replaced = replaceCode().finally(() => {
    isReplaced = true;
  });
  replaced.catch(() => undefined);
  let round = 0;
  // The load lasts as long as the replacement takes.
  while (round < ROUNDS || !isReplaced) {
    round += 1;
    for (const name of names) {
      await hub.patch(configMapKey(name), { data: { round: String(round) } });
      // An emulator with no room for anything else would take minutes for the replacement.
      await pause(1000 / LOAD_PER_SECOND);
    }
  }
  await replaced;
  console.log(`${LOAD} objects changed ${round} times while the code of the functions was replaced`);
  // A batch whose process was replaced under it comes back after its visibility time-out.
  await converged(simulators, names, { round, deadlineMs: 150_000 });
}
