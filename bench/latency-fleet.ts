import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openKubernetes } from '@tmc/adapters/fleet/kubeconfigs.ts';
import type { KubeConnection } from '@tmc/adapters/kube/connection.ts';
import { connectionFrom } from '@tmc/adapters/kube/kubeconfig.ts';
import { createMember } from '@tmc/adapters/kube/member.ts';
import { createWatchSource } from '@tmc/adapters/kube/watch.ts';
import type { HostConfig } from '@tmc/host/config.ts';
import type { HubApi, MemberApi, WatchSource } from '@tmc/kernel/ports.ts';
import { ended, nextMessage, startChild } from './child.ts';
import { poll } from './poll.ts';
import type { Servers } from './servers.ts';
import type { StageTimes } from './stages.ts';

/** One member: as a user sees it, as the host writes it, and as a watch source. */
export type BenchMember = {
  readonly name: string;
  readonly api: HubApi;
  readonly direct: MemberApi;
  readonly source: WatchSource;
};

/** What the host's process says of itself since it was asked last. */
export type HostNotes = { readonly stages: ReadonlyMap<string, StageTimes>; readonly cpuMs: number };

/** A hub and three members with a host that serves them; every namespace labelled for it goes to all three. */
export type BenchFleet = {
  readonly workspace: string;
  readonly namespace: string;
  readonly hub: HubApi;
  readonly hubConnection: KubeConnection;
  readonly members: readonly BenchMember[];
  notes(): Promise<HostNotes>;
  /** See {@link Servers}. */
  serversCpuMs(): number | undefined;
  /** Deletes the Deployments of a run and waits until hub and members are clean. */
  removeAll(): Promise<void>;
  close(): Promise<void>;
};

const WORKSPACE = 'bench';
const NAMESPACE = 'bench';
const DEPLOYMENTS = { group: 'apps', resource: 'deployments' };

export type ServeOptions = {
  /** Where the host's process leaves its CPU profile when it ends; none when absent. */
  readonly profileFolder?: string | undefined;
};

/** Starts a host on these servers, in a process of its own: this one only writes the load and watches. */
export async function serve(servers: Servers, { profileFolder }: ServeOptions = {}): Promise<BenchFleet> {
  const nodeFlags = profileFolder === undefined ? [] : ['--cpu-prof', `--cpu-prof-dir=${profileFolder}`];
  const host = startChild('host-process.ts', { nodeFlags });
  host.send(hostConfig(servers));
  await nextMessage(host);
  const hub = await openKubernetes({ kubeconfig: servers.hub, workspace: WORKSPACE });
  const hubConnection = await connectionFrom({ path: servers.hub });
  const opened = await Promise.all(servers.members.map(openMember));
  const members = opened.map(({ member }) => member);
  await placeEverywhere(
    hub,
    members.map(({ name }) => name),
  );
  return {
    workspace: WORKSPACE,
    namespace: NAMESPACE,
    hub,
    hubConnection,
    members,
    notes: () => {
      host.send('stages');
      return nextMessage<HostNotes>(host);
    },
    serversCpuMs: () => servers.cpuMs(),
    removeAll: () => removeAll([{ name: WORKSPACE, api: hub }, ...members]),
    close: async () => {
      await ended(host);
      hub.close();
      for (const { close } of opened) close();
      await servers.stop();
    },
  };
}

function hostConfig(servers: Servers): HostConfig {
  return {
    hub: { kind: 'kubernetes', kubeconfig: servers.hub, workspace: WORKSPACE, installApis: true, epoch: 0 },
    members: servers.members.map(({ name, kubeconfig }) => ({
      name,
      kubeconfig,
      syncTarget: { workspace: WORKSPACE, name },
      epoch: 0,
    })),
    state: { path: join(mkdtempSync(join(tmpdir(), 'tmc-bench-state-')), 'state.db') },
    listen: { health: '127.0.0.1:0', metrics: '127.0.0.1:0' },
    heartbeat: { intervalMs: 1000, thresholdMs: 15_000 },
    sourceClusterName: 'bench',
    log: { level: 'warn' },
  };
}

async function openMember({ name, kubeconfig }: Servers['members'][number]) {
  const connection = await connectionFrom({ path: kubeconfig });
  const api = await openKubernetes({ kubeconfig, workspace: name });
  const direct = createMember({ connection });
  const source = createWatchSource({ connection });
  const close = () => {
    for (const each of [api, direct, source]) each.close();
  };
  return { member: { name, api, direct, source } satisfies BenchMember, close };
}

async function placeEverywhere(hub: HubApi, names: readonly string[]): Promise<void> {
  const ours = (resource: string, name: string) => ({
    workspace: WORKSPACE,
    group: 'workload.kcp.io',
    resource,
    namespace: '',
    name,
  });
  for (const name of names) {
    await hub.create(ours('synctargets', name), {
      apiVersion: 'workload.kcp.io/v1alpha1',
      kind: 'SyncTarget',
      metadata: { name },
      spec: { workloadCluster: { name }, namespaceMapping: 'Preserve' },
    });
  }
  await hub.create(ours('clusterworkloadplacements', 'everywhere'), {
    apiVersion: 'workload.kcp.io/v1alpha1',
    kind: 'ClusterWorkloadPlacement',
    metadata: { name: 'everywhere' },
    spec: {
      minReplicas: names.length,
      maxReplicas: names.length,
      namespaceSelector: { matchLabels: { bench: 'yes' } },
    },
  });
  const namespace = { workspace: WORKSPACE, group: '', resource: 'namespaces', namespace: '', name: NAMESPACE };
  await hub.create(namespace, {
    apiVersion: 'v1',
    kind: 'Namespace',
    metadata: { name: NAMESPACE, labels: { bench: 'yes' } },
  });
  await poll('a decision for the namespace', async () => {
    const labels = (await hub.get(namespace))?.metadata.labels ?? {};
    return Object.keys(labels).filter((label) => label.startsWith('state.workload.kcp.io/')).length === names.length;
  });
}

async function removeAll(servers: readonly { name: string; api: HubApi }[]): Promise<void> {
  const left = () =>
    Promise.all(servers.map(({ name, api }) => api.list(DEPLOYMENTS, { workspace: name, namespace: NAMESPACE })));
  const [hub] = servers;
  const [upstream] = await left();
  await Promise.all(
    (upstream?.items ?? []).map(({ metadata: { name } }) =>
      hub?.api.delete({ ...DEPLOYMENTS, workspace: WORKSPACE, namespace: NAMESPACE, name }),
    ),
  );
  await poll('hub and members without Deployments', async () =>
    (await left()).every((list) => list.items.length === 0),
  );
}
