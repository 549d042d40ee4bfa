import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { openKubernetes } from '@tmc/adapters/fleet/kubeconfigs.ts';
import { type Host, startHost } from '@tmc/host/host.ts';
import type { KubeObject } from '@tmc/kernel/object.ts';
import type { HubApi } from '@tmc/kernel/ports.ts';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { conditionOf, deployment, eventually, hubKey, memberKey, replicasOf } from '../scenario/world.ts';
import { type Fleet, startFleet } from './harness/fleet.ts';
import { applyManifests, deleteManifests, readManifests, serviceAccountKubeconfig } from './harness/service-account.ts';

/** The rights that `deploy/rbac` gives are all that is needed, on servers that check them. */

const RIGHTS = resolve(import.meta.dirname, '..', '..', 'deploy', 'rbac');
const WORKSPACE = 'acme';
const MEMBER = 'member-1';
const ACCOUNT = { namespace: 'tmc-system', name: 'tmc' };
const manifestsOf = (name: 'hub' | 'hub-install' | 'member') => readManifests(join(RIGHTS, `${name}.yaml`));

describe('a host with the documented rights and no others', { shuffle: false }, () => {
  const folder = mkdtempSync(join(tmpdir(), 'tmc-rights-'));
  let fleet: Fleet;
  let host: Host;
  let hub: HubApi & { close(): void };
  let member: HubApi & { close(): void };

  beforeAll(async () => {
    fleet = await startFleet({ members: 1 });
    const [memberServer] = fleet.members;
    if (!memberServer) throw new Error('a fleet with one member has one');
    await applyManifests(fleet.hub, [...manifestsOf('hub'), ...manifestsOf('hub-install')]);
    await applyManifests(memberServer, manifestsOf('member'));
    const kubeconfigs = {
      hub: await serviceAccountKubeconfig(fleet.hub, ACCOUNT, folder),
      member: await serviceAccountKubeconfig(memberServer, ACCOUNT, folder),
    };
    host = await start(kubeconfigs, true);
    await host.ready(60_000);
    await host.stop();
    await takeInstallRight(kubeconfigs.hub);
    host = await start(kubeconfigs, false);
    await host.ready(60_000);
    hub = await openKubernetes({ kubeconfig: fleet.hub.kubeconfigPath, workspace: WORKSPACE });
    member = await openKubernetes({ kubeconfig: memberServer.kubeconfigPath, workspace: MEMBER });
  }, 180_000);

  afterAll(async () => {
    await host?.stop();
    hub?.close();
    member?.close();
    await fleet?.stop();
    rmSync(folder, { recursive: true, force: true });
  }, 60_000);

  const start = (kubeconfigs: { readonly hub: string; readonly member: string }, installApis: boolean) =>
    startHost({
      hub: { kind: 'kubernetes', kubeconfig: kubeconfigs.hub, workspace: WORKSPACE, installApis, epoch: 0 },
      members: [
        { name: MEMBER, kubeconfig: kubeconfigs.member, syncTarget: { workspace: WORKSPACE, name: MEMBER }, epoch: 0 },
      ],
      state: { path: join(folder, 'state.db') },
      listen: { health: '127.0.0.1:0', metrics: '127.0.0.1:0' },
      heartbeat: { intervalMs: 1_000, thresholdMs: 15_000 },
      sourceClusterName: 'kcp-virtual',
      log: { level: process.env['TMC_DEBUG'] ? 'debug' : 'error' },
    });

  /** Removes the install binding and waits until the server refuses what it allowed. */
  async function takeInstallRight(kubeconfig: string): Promise<void> {
    await deleteManifests(
      fleet.hub,
      manifestsOf('hub-install').filter(({ kind }) => kind === 'ClusterRoleBinding'),
    );
    const account = await openKubernetes({ kubeconfig, workspace: WORKSPACE });
    const definition = {
      workspace: WORKSPACE,
      group: 'apiextensions.k8s.io',
      resource: 'customresourcedefinitions',
      namespace: '',
      name: 'synctargets.workload.kcp.io',
    };
    try {
      await eventually('the right to read our kinds is gone', () =>
        account.get(definition).then(
          () => 'it is there',
          (error: Error) => (error.message.includes('forbidden') ? undefined : error.message),
        ),
      );
    } finally {
      account.close();
    }
  }

  const web = hubKey('deployments', 'web', 'shop');
  const copyOf = (resource: string, name: string) => memberKey(MEMBER, resource, name, 'shop');

  async function place(): Promise<void> {
    await hub.create(hubKey('synctargets', MEMBER), {
      apiVersion: 'workload.kcp.io/v1alpha1',
      kind: 'SyncTarget',
      metadata: { name: MEMBER },
      spec: { workloadCluster: { name: MEMBER }, location: 'region-1', namespaceMapping: 'Preserve' },
    });
    await hub.create(hubKey('clusterworkloadplacements', 'shop'), {
      apiVersion: 'workload.kcp.io/v1alpha1',
      kind: 'ClusterWorkloadPlacement',
      metadata: { name: 'shop' },
      spec: { namespaceSelector: { matchLabels: { shop: 'yes' } }, minReplicas: 1 },
    });
    const shop = { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'shop', labels: { shop: 'yes' } } };
    await hub.create(hubKey('namespaces', 'shop'), shop);
  }

  const service = (name: string): KubeObject => ({
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name, namespace: 'shop' },
    spec: { selector: { app: 'web' }, ports: [{ port: 80 }] },
  });
  const settings: KubeObject = {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name: 'settings', namespace: 'shop' },
    data: { a: 'Yg==' },
  };

  it('places, syncs, shows status, repairs and removes', async () => {
    await place();
    await hub.create(web, deployment('shop', 'web', 2));
    await hub.create(hubKey('services', 'web', 'shop'), service('web'));
    await hub.create(hubKey('secrets', 'settings', 'shop'), settings);
    await eventually('2 ready in the hub', async () => {
      const ready = ((await hub.get(web))?.['status'] as { readyReplicas?: number } | undefined)?.readyReplicas;
      return ready === 2 ? undefined : `${ready} are`;
    });
    for (const [resource, name] of [
      ['services', 'web'],
      ['secrets', 'settings'],
    ] as const)
      await eventually(`${resource} arrive`, async () =>
        (await member.get(copyOf(resource, name))) ? undefined : 'there is no copy',
      );
    expect(conditionOf(await hub.get(hubKey('synctargets', MEMBER)), 'Ready')?.status).toBe('True');
    await member.patch(copyOf('deployments', 'web'), { spec: { replicas: 9 } });
    await eventually('replicas back at 2', async () => {
      const replicas = replicasOf(await member.get(copyOf('deployments', 'web')));
      return replicas === 2 ? undefined : `they are ${replicas}`;
    });
    await hub.delete(web);
    await eventually('gone in hub and member', async () => {
      if (await member.get(copyOf('deployments', 'web'))) return 'the copy is left';
      return (await hub.get(web)) ? 'the object is held' : undefined;
    });
  }, 120_000);

  it('names the right that is missing in an Event', async () => {
    const [memberServer] = fleet.members;
    const without = manifestsOf('member').map((manifest) => {
      const { rules = [] } = manifest as { rules?: { resources: string[] }[] };
      const reduced = rules.map((rule) => ({ ...rule, resources: rule.resources.filter((r) => r !== 'services') }));
      return rules.length > 0 ? { ...manifest, rules: [...reduced, READ_SERVICES] } : manifest;
    });
    await applyManifests(memberServer!, without);
    await hub.create(hubKey('services', 'refused', 'shop'), service('refused'));
    const told = async () => {
      const { items } = await hub.list({ group: '', resource: 'events' }, { workspace: WORKSPACE, namespace: 'shop' });
      return items.map((event) => String(event['message']));
    };
    await eventually(
      'an Event names the right',
      async () => {
        const messages = await told();
        const named = messages.some((text) => /cannot patch resource "services" in API group ""/.test(text));
        return named ? undefined : `the Events say: ${messages.join(' | ')}`;
      },
      60_000,
    );
  }, 90_000);
});

const READ_SERVICES = { apiGroups: [''], resources: ['services'], verbs: ['get', 'list', 'watch'] };
