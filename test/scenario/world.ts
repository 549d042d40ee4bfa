import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openKubernetes } from '@tmc/adapters/fleet/kubeconfigs.ts';
import { targetKey } from '@tmc/apis/hash.ts';
import { type Host, startHost } from '@tmc/host/host.ts';
import type { ResourceKey } from '@tmc/kernel/key.ts';
import type { Condition, JsonObject, KubeObject } from '@tmc/kernel/object.ts';
import type { HubApi } from '@tmc/kernel/ports.ts';

/** A hub, three members and a host over them, as scenarios use them: on simulated or real API servers alike. */
export type World = {
  readonly hub: HubApi;
  /** Members as their administrators see them, by name. */
  readonly members: Readonly<Record<string, HubApi>>;
  readonly host: Host;
  stop(): Promise<void>;
};

export type WorldServers = {
  readonly hub: string;
  readonly members: readonly { readonly name: string; readonly kubeconfig: string }[];
};

const WORKSPACE = 'acme';
/** A second target on the last member, with hashed namespaces; scenarios create its SyncTarget themselves. */
export const HASHED = 'hashed-target';
export const MEMBERS = ['member-1', 'member-2', 'member-3'] as const;

/** Starts a host over running servers and registers a SyncTarget for each member, `region-<n>` in order. */
export async function startWorld(servers: WorldServers): Promise<World> {
  const folder = mkdtempSync(join(tmpdir(), 'tmc-world-'));
  const host = await startHost({
    hub: { kind: 'kubernetes', kubeconfig: servers.hub, workspace: WORKSPACE, installApis: true, epoch: 0 },
    members: [...servers.members, { name: HASHED, kubeconfig: servers.members.at(-1)?.kubeconfig ?? '' }].map(
      ({ name, kubeconfig }) => ({ name, kubeconfig, syncTarget: { workspace: WORKSPACE, name }, epoch: 0 }),
    ),
    state: { path: join(folder, 'state.db') },
    listen: { health: '127.0.0.1:0', metrics: '127.0.0.1:0' },
    heartbeat: { intervalMs: 1000, thresholdMs: 15_000 },
    sourceClusterName: 'kcp-virtual',
    log: { level: process.env['TMC_DEBUG'] ? 'debug' : 'error' },
  });
  await host.ready(60_000);
  const open = (kubeconfig: string, workspace: string) => openKubernetes({ kubeconfig, workspace });
  const hub = await open(servers.hub, WORKSPACE);
  const members = await Promise.all(
    servers.members.map(async (m) => [m.name, await open(m.kubeconfig, m.name)] as const),
  );
  for (const [index, { name }] of servers.members.entries()) {
    await hub.create(hubKey('synctargets', name), {
      apiVersion: 'workload.kcp.io/v1alpha1',
      kind: 'SyncTarget',
      metadata: { name, labels: { zone: `zone-${index + 1}` } },
      spec: { workloadCluster: { name }, location: `region-${index + 1}`, namespaceMapping: 'Preserve' },
    });
  }
  return {
    hub,
    members: Object.fromEntries(members),
    host,
    async stop() {
      await host.stop();
      hub.close();
      for (const [, member] of members) member.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

const GROUPS: Readonly<Record<string, string>> = {
  deployments: 'apps',
  synctargets: 'workload.kcp.io',
  clusterworkloadplacements: 'workload.kcp.io',
};

/** Key of an object in the hub. */
export const hubKey = (resource: string, name: string, namespace = ''): ResourceKey => ({
  workspace: WORKSPACE,
  group: GROUPS[resource] ?? '',
  resource,
  namespace,
  name,
});

/** Key of an object in a member. */
export const memberKey = (member: string, resource: string, name: string, namespace = ''): ResourceKey => ({
  ...hubKey(resource, name, namespace),
  workspace: member,
});

export const keyOfTarget = (member: string): string => targetKey(WORKSPACE, member);

/** A namespace in the hub and a policy of its own that governs only it. */
export async function placeNamespace(world: World, name: string, spec: JsonObject = {}): Promise<void> {
  await world.hub.create(hubKey('clusterworkloadplacements', name), {
    apiVersion: 'workload.kcp.io/v1alpha1',
    kind: 'ClusterWorkloadPlacement',
    metadata: { name },
    spec: {
      namespaceSelector: { matchLabels: { scenario: name } },
      locationSelector: { requiredLocations: MEMBERS.map((_, index) => `region-${index + 1}`) },
      minReplicas: 1,
      ...spec,
    },
  });
  await world.hub.create(hubKey('namespaces', name), {
    apiVersion: 'v1',
    kind: 'Namespace',
    metadata: { name, labels: { scenario: name } },
  });
}

export function deployment(namespace: string, name: string, replicas = 3, image = 'nginx:1.27'): KubeObject {
  const labels = { app: name };
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name, namespace, labels },
    spec: {
      replicas,
      selector: { matchLabels: labels },
      template: { metadata: { labels }, spec: { containers: [{ name: 'app', image }] } },
    },
  };
}

export const configMap = (namespace: string, name: string, data: Record<string, string>): KubeObject => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name, namespace },
  data,
});

export const replicasOf = (object: KubeObject | undefined): number | undefined =>
  (object?.['spec'] as { replicas?: number } | undefined)?.replicas;

export const dataOf = (object: KubeObject | undefined): Record<string, string> | undefined =>
  object?.['data'] as Record<string, string> | undefined;

export function conditionOf(object: KubeObject | undefined, type: string): Condition | undefined {
  return (object?.['status'] as { conditions?: Condition[] } | undefined)?.conditions?.find((c) => c.type === type);
}

/** Asks until nothing is wrong any more; what is wrong is the reason a timeout reports. */
export async function eventually(
  what: string,
  ask: () => Promise<string | undefined>,
  deadlineMs = 20_000,
): Promise<void> {
  const startedAt = performance.now();
  for (;;) {
    const why = await ask().catch((error: unknown) => String(error));
    if (why === undefined) return;
    if (performance.now() - startedAt > deadlineMs) {
      throw new Error(`${what}: not within ${deadlineMs / 1000} s, because ${why}`);
    }
    await new Promise((settle) => setTimeout(settle, 10));
  }
}

/** Checks that something stays as it is for a while: several times the pace of anything that could change it. */
export async function staysTrue(what: string, ask: () => Promise<string | undefined>, forMs = 1_500): Promise<void> {
  const until = performance.now() + forMs;
  while (performance.now() < until) {
    const why = await ask();
    if (why !== undefined) throw new Error(`${what}: it did not stay, ${why}`);
    await new Promise((settle) => setTimeout(settle, 50));
  }
}
