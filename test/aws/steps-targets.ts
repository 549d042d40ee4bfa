import { EAST, POLICY, syncTarget, WEST, WORKSPACE } from '@tmc/cli/demo/manifests.ts';
import { findCondition } from '@tmc/kernel/condition.ts';
import type { Condition } from '@tmc/kernel/object.ts';
import { until } from '../real/harness/process.ts';
import { invoke } from './functions.ts';
import { deploymentKey, deploymentNamed, type SimulatedSystem } from './steps-workload.ts';
import { configMap, configMapKey, converged } from './workload.ts';

/** What happens to targets: nothing is heard of one, one is taken away. */

const NAME = 'silence';
/** A target is silent after 15 s; functions that start, and machines that are busy, take their time. */
const NOTICED_MS = 60_000;
const UNAVAILABLE = { kind: 'status', code: 503 } as const;

type Hub = SimulatedSystem['context']['hub'];

const keyOf = (resource: string, name: string) => ({
  workspace: WORKSPACE,
  group: 'workload.kcp.io',
  resource,
  namespace: '',
  name,
});
const targetKey = (name: string) => keyOf('synctargets', name);

/** A target is deleted in the hub and registered again, though the hub fails once meanwhile: the policy selects what there is. */
export async function reregister({ context: { hub }, servers: { simulators } }: SimulatedSystem): Promise<void> {
  simulators.hub.faults.add({ method: 'PATCH', path: '/clusterworkloadplacements/', fault: UNAVAILABLE });
  await hub.delete(targetKey(EAST.target));
  await selected(hub, [WEST.target]);
  await until(
    `${EAST.target} to be gone`,
    async () => ((await hub.get(targetKey(EAST.target))) ? 'it is there' : undefined),
    NOTICED_MS,
  );
  await hub.create(targetKey(EAST.target), syncTarget(EAST));
  await selected(hub, [EAST.target, WEST.target]);
}

async function selected(hub: Hub, names: readonly string[]): Promise<void> {
  await until(
    `the policy to select ${names.join(' and ')}`,
    async () => {
      const policy = await hub.get(keyOf('clusterworkloadplacements', POLICY));
      const { selectedTargets = [] } = (policy?.['status'] ?? {}) as { selectedTargets?: string[] };
      const now = [...selectedTargets].sort().join(' and ');
      return now === names.join(' and ') ? undefined : `it selects ${now || 'nothing'}`;
    },
    NOTICED_MS,
  );
}

/**
 * The relays of a member and of the hub end: no heartbeats, and no ticks that would have them missed. The sweep tells. The member's
 * API server answers, so workloads go on; when its relay is back the target is Ready, though the hub fails now and then meanwhile.
 */
export async function silence({ clients, deployment, servers, context, relays }: SimulatedSystem): Promise<void> {
  const { hub } = context;
  const { simulators } = servers;
  await Promise.all([relays.stop(WEST.member), relays.stop('hub')]);
  await until(
    `${WEST.target} not to be Ready`,
    async () => {
      await invoke(clients, deployment.functions['sweep'] ?? '', {});
      return (await readinessOf(hub, WEST.target)) === 'True' ? 'it is Ready' : undefined;
    },
    NOTICED_MS,
  );
  await hub.create(configMapKey(NAME), configMap(NAME, 0));
  await hub.create(deploymentKey(NAME), deploymentNamed(NAME));
  await relays.start('hub');
  await converged(simulators, [NAME], { round: 0, deadlineMs: NOTICED_MS });
  simulators.hub.faults.add({ method: 'PATCH', path: `/synctargets/${WEST.target}`, times: 2, fault: UNAVAILABLE });
  await relays.start(WEST.member);
  await until(
    `${WEST.target} to be Ready`,
    async () => ((await readinessOf(hub, WEST.target)) === 'True' ? undefined : 'it is not'),
    NOTICED_MS,
  );
  await until(
    'the status of both members',
    async () => {
      const { readyReplicas } = ((await hub.get(deploymentKey(NAME)))?.['status'] ?? {}) as { readyReplicas?: number };
      return readyReplicas === 3 ? undefined : `${readyReplicas ?? 0} of 3 replicas are ready`;
    },
    NOTICED_MS,
  );
  await hub.delete(deploymentKey(NAME));
}

async function readinessOf(hub: Hub, name: string): Promise<string | undefined> {
  const { conditions = [] } = ((await hub.get(targetKey(name)))?.['status'] ?? {}) as { conditions?: Condition[] };
  return findCondition(conditions, 'Ready')?.status;
}
