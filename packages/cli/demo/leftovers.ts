import type { ResourceKey } from '@tmc/kernel/key.ts';
import type { HubApi } from '@tmc/kernel/ports.ts';
import { EAST, NAMESPACE, POLICY, WEST } from './manifests.ts';
import type { DemoContext } from './steps.ts';
import { met, notYet, waitUntil } from './wait.ts';

const COPIES = [
  { group: 'apps', resource: 'deployments' },
  { group: '', resource: 'services' },
  { group: '', resource: 'configmaps' },
  { group: '', resource: 'secrets' },
];

/** Removes what an earlier run left in hub and members, finalizers included: nobody is there any more to take them off. */
export async function removeLeftovers({ workspace, hub, members }: DemoContext): Promise<void> {
  for (const { group, resource } of COPIES) {
    await removeNow(hub, { workspace, group, resource, namespace: NAMESPACE, name: 'nginx-web' });
    for (const [name, member] of Object.entries(members)) {
      await removeNow(member, { workspace: name, group, resource, namespace: NAMESPACE, name: 'nginx-web' });
    }
  }
  const ours = (resource: string, name: string): ResourceKey => ({
    workspace,
    group: 'workload.kcp.io',
    resource,
    namespace: '',
    name,
  });
  for (const key of [
    ours('clusterworkloadplacements', POLICY),
    ours('synctargets', WEST.target),
    ours('synctargets', EAST.target),
  ]) {
    await removeNow(hub, key);
  }
  const namespaceOf = (of: string): ResourceKey => ({
    workspace: of,
    group: '',
    resource: 'namespaces',
    namespace: '',
    name: NAMESPACE,
  });
  await Promise.all([
    removeNow(hub, namespaceOf(workspace)),
    ...Object.entries(members).map(([name, member]) => removeNow(member, namespaceOf(name))),
  ]);
}

/** Deletes an object and waits until it is gone; absent already is fine, and so is a kind the server does not know yet. */
async function removeNow(api: HubApi, key: ResourceKey): Promise<void> {
  const object = await api.get(key).catch(() => undefined);
  if (!object) return;
  if (object.metadata.finalizers?.length) await api.patch(key, { metadata: { finalizers: null } });
  await api.delete(key);
  await waitUntil(`${key.resource} ${key.name} removed`, 60_000, async () =>
    (await api.get(key)) ? notYet('it is still there') : met(true),
  );
}
