import { EAST, WEST, WORKSPACE } from '@tmc/cli/demo/manifests.ts';
import { findCondition } from '@tmc/kernel/condition.ts';
import type { Condition } from '@tmc/kernel/object.ts';
import { until } from '../real/harness/process.ts';
import { invoke } from './functions.ts';
import type { SimulatedSystem } from './steps-workload.ts';
import { configMap, configMapKey, converged, roundsOf } from './workload.ts';

/** A member of which nothing is heard. */

const NAME = 'silence';
/** A target is silent after 15 s; functions that start, and machines that are busy, take their time. */
const NOTICED_MS = 60_000;

/**
 * The relays of a member and of the hub end: no heartbeats, and no ticks that would have them missed. The sweep tells; placement goes
 * elsewhere once the hub's relay is back, and comes back with the member's, though the hub fails now and then meanwhile.
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
  const unavailable = { kind: 'status', code: 503 } as const;
  simulators.hub.faults.add({ method: 'PATCH', path: '/clusterworkloadplacements/', fault: unavailable });
  await relays.start('hub');
  await hub.create(configMapKey(NAME), configMap(NAME, 0));
  await until(
    `${EAST.member} to have what was created meanwhile`,
    async () => {
      const [west, east] = roundsOf(simulators, NAME);
      return west === undefined && east === '0' ? undefined : `west has ${west}, east ${east}`;
    },
    NOTICED_MS,
  );
  simulators.hub.faults.add({ method: 'PATCH', path: `/synctargets/${WEST.target}`, times: 2, fault: unavailable });
  await relays.start(WEST.member);
  await until(
    `${WEST.target} to be Ready`,
    async () => ((await readinessOf(hub, WEST.target)) === 'True' ? undefined : 'it is not'),
    NOTICED_MS,
  );
  await converged(simulators, [NAME], { round: 0, deadlineMs: NOTICED_MS });
}

async function readinessOf(hub: SimulatedSystem['context']['hub'], name: string): Promise<string | undefined> {
  const key = { workspace: WORKSPACE, group: 'workload.kcp.io', resource: 'synctargets', namespace: '', name };
  const { conditions = [] } = ((await hub.get(key))?.['status'] ?? {}) as { conditions?: Condition[] };
  return findCondition(conditions, 'Ready')?.status;
}
