import { EAST, WEST } from '@tmc/cli/demo/manifests.ts';
import { findCondition } from '@tmc/kernel/condition.ts';
import type { Condition, KubeObject } from '@tmc/kernel/object.ts';
import { expect } from 'vitest';
import { until } from '../real/harness/process.ts';
import { invoke } from './functions.ts';
import { deadLetters } from './queues.ts';
import { deploymentKey, deploymentNamed, type SimulatedSystem } from './steps-workload.ts';
import { configMap, configMapKey, converged } from './workload.ts';

/** An object that one member refuses for as long as it is ill: given up, told to its user, and healed by a redrive. */

const NAME = 'poisoned';
/** Back-off of 1, 2, 4 and 8 s between five receives, each a little longer on an emulator that looks once a second. */
const GIVEN_UP_MS = 90_000;

const conditionsOf = (object: KubeObject | undefined): readonly Condition[] =>
  (object?.['status'] as { conditions?: Condition[] } | undefined)?.conditions ?? [];

/** @returns how to make the member well again */
export async function poison({ clients, deployment, servers, context }: SimulatedSystem): Promise<() => void> {
  const { simulators } = servers;
  const { hub, members } = context;
  const ill = simulators.members[EAST.member];
  if (!ill) throw new Error(`there is no member ${EAST.member}`);
  const heal = ill.faults.add({
    path: `/deployments/${NAME}`,
    times: Number.POSITIVE_INFINITY,
    fault: { kind: 'status', code: 503 },
  });
  const before = await deadLetters(clients, deployment);
  await hub.create(deploymentKey(NAME), deploymentNamed(NAME));
  const neighbours = Array.from({ length: 20 }, (_, at) => `neighbour-${at}`);
  for (const name of neighbours) await hub.create(configMapKey(name), configMap(name, 0));
  await converged(simulators, neighbours, { round: 0, deadlineMs: 20_000 });
  await until(
    'the message to be given up',
    async () => {
      const { sync } = await deadLetters(clients, deployment);
      return sync > before.sync ? undefined : `${sync} dead letters in sync`;
    },
    GIVEN_UP_MS,
  );
  const user = await hub.get(deploymentKey(NAME));
  const stalled = findCondition(conditionsOf(user), 'workload.kcp.io/Stalled');
  expect(stalled).toMatchObject({ status: 'True' });
  expect(stalled?.message).toContain(EAST.target);
  expect(findCondition(conditionsOf(user), 'workload.kcp.io/Synced')).toMatchObject({ status: 'False' });
  expect(await members[WEST.member]?.get(deploymentKey(NAME, WEST.member))).toBeDefined();
  return heal;
}

/** The member is well: what was given up is sent again by the function that is there for it. */
export async function redrive({ clients, deployment, context }: SimulatedSystem): Promise<void> {
  const { hub, members } = context;
  const listed = await invoke(clients, deployment.functions['redrive'] ?? '', { queue: 'sync', list: true });
  expect(JSON.stringify(listed)).toContain(NAME);
  await invoke(clients, deployment.functions['redrive'] ?? '', { queue: 'sync' });
  await until(
    'the object to be in sync',
    async () => {
      const all = conditionsOf(await hub.get(deploymentKey(NAME)));
      const [synced, stalled] = ['Synced', 'Stalled'].map((type) => findCondition(all, `workload.kcp.io/${type}`));
      if (synced?.status === 'True' && stalled?.status !== 'True') return undefined;
      return `Synced is ${synced?.status}, Stalled ${stalled?.status}: ${stalled?.message}`;
    },
    60_000,
  );
  expect(await members[EAST.member]?.get(deploymentKey(NAME, EAST.member))).toBeDefined();
  expect((await deadLetters(clients, deployment)).sync).toBe(0);
  await hub.delete(deploymentKey(NAME));
}
