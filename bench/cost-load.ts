import { setTimeout as pause } from 'node:timers/promises';
import { EAST, deployment as manifest, NAMESPACE, WEST, WORKSPACE } from '@tmc/cli/demo/manifests.ts';
import type { ResourceKey } from '@tmc/kernel/key.ts';
import type { KubeObject } from '@tmc/kernel/object.ts';
import { messageOf, sendAll } from '../test/aws/queues.ts';
import type { Deployed } from './cost-run.ts';

/** What happens to the system that is counted: Deployments of which both members get a share, whose fake kubelets report back. */

const MEMBERS = [WEST.member, EAST.member] as const;
const REPLICAS = 3;

const keyOf = (name: string, workspace: string = WORKSPACE): ResourceKey => ({
  workspace,
  group: 'apps',
  resource: 'deployments',
  namespace: NAMESPACE,
  name,
});

const imageOf = (round: number): string => `nginx:1.${round}`;

function deploymentOf(name: string, round: number): KubeObject {
  const labels = { app: name };
  const containers = [{ name: 'nginx', image: imageOf(round) }];
  const spec = {
    replicas: REPLICAS,
    selector: { matchLabels: labels },
    template: { metadata: { labels }, spec: { containers } },
  };
  const { apiVersion, kind } = manifest as { apiVersion: string; kind: string };
  return { apiVersion, kind, metadata: { name, namespace: NAMESPACE, labels }, spec };
}

/** How changes come: so many a second, or all at once. */
export type Pace = { readonly perSecond: number } | 'at once';

async function each(names: readonly string[], pace: Pace, act: (name: string) => Promise<unknown>): Promise<void> {
  const acting: Promise<unknown>[] = [];
  for (const name of names) {
    acting.push(act(name));
    if (pace !== 'at once') await pause(1000 / pace.perSecond);
  }
  await Promise.all(acting);
}

export function create({ context: { hub } }: Deployed, names: readonly string[], pace: Pace): Promise<void> {
  return each(names, pace, (name) => hub.create(keyOf(name), deploymentOf(name, 0)));
}

export function update(
  { context: { hub } }: Deployed,
  names: readonly string[],
  { pace, round }: { pace: Pace; round: number },
): Promise<void> {
  const containers = [{ name: 'nginx', image: imageOf(round) }];
  return each(names, pace, (name) => hub.patch(keyOf(name), { spec: { template: { spec: { containers } } } }));
}

/** Every state is delivered once more, as a queue may do with any message. */
export async function deliverAgain(
  { clients, deployment, context: { hub } }: Deployed,
  names: readonly string[],
): Promise<void> {
  const messages = [];
  for (const name of names) {
    const live = await hub.get(keyOf(name));
    if (live) messages.push(messageOf(keyOf(name), live));
  }
  await sendAll(clients, deployment.queues.sync.url, messages);
}

/** What is not there yet: each copy in its round, and their readiness in the hub. */
export async function missing(
  { context: { hub, members } }: Deployed,
  names: readonly string[],
  round: number,
): Promise<string | undefined> {
  for (const name of names) {
    for (const member of MEMBERS) {
      const copy = await members[member]?.get(keyOf(name, member));
      if (!JSON.stringify(copy?.['spec'] ?? {}).includes(`"${imageOf(round)}"`))
        return `${name} in ${member} is not in round ${round}`;
    }
    const status = (await hub.get(keyOf(name)))?.['status'] as { readyReplicas?: number } | undefined;
    if (status?.readyReplicas !== REPLICAS)
      return `${name} has ${status?.readyReplicas ?? 0} of ${REPLICAS} replicas ready in the hub`;
  }
  return undefined;
}
