import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openKubernetes } from '@tmc/adapters/fleet/kubeconfigs.ts';
import { downstreamNamespaceName, targetKey } from '@tmc/apis/hash.ts';
import { type Host, startHost } from '@tmc/host/host.ts';
import type { ResourceKey } from '@tmc/kernel/key.ts';
import type { HubApi } from '@tmc/kernel/ports.ts';
import { conditionOf, eventually } from './world.ts';

/** A kcp and member clusters, simulated or real, as its administrator reaches them. */
export type KcpServers = {
  /** Path of a kubeconfig file of the administrator at a workspace. */
  kubeconfig(workspacePath: string): string;
  createWorkspace(path: string, type: { path: string; name: string }): Promise<string>;
  /** Kills kcp and starts it again with its data. */
  restartKcp(): Promise<void>;
  readonly members: readonly { readonly name: string; readonly kubeconfig: string }[];
  stop(): Promise<void>;
};

/** One tenant: its workspace, what its own users see of it, and the uids of its SyncTargets by name. */
export type Tenant = {
  readonly name: TenantName;
  readonly id: string;
  readonly api: ClosableApi;
  readonly uids: Map<string, string>;
};

type ClosableApi = HubApi & { close(): void };

export type KcpWorld = {
  readonly servers: KcpServers;
  readonly tenants: Readonly<Record<TenantName, Tenant>>;
  /** Member clusters as their administrators see them, by name. */
  readonly members: Readonly<Record<string, HubApi>>;
  readonly host: Host;
  stop(): Promise<void>;
};

/** Workspaces and the SyncTargets they have: target name → member cluster. All but one are bound from birth. */
const TENANTS = {
  acme: { bound: true, targets: { east: 'member-1', west: 'member-2' } },
  globex: { bound: true, targets: { east: 'member-1' } },
  initech: { bound: false, targets: { only: 'member-2' } },
  umbrella: { bound: true, targets: { only: 'member-2' } },
} as const;
export type TenantName = keyof typeof TENANTS;
const NAMES = Object.keys(TENANTS) as TenantName[];

/** What a target of the world is configured as: a tenant's SyncTarget and the member cluster it stands for. */
export type TargetName = { readonly tenant: TenantName; readonly target: string; readonly member: string };

export const TARGETS: readonly TargetName[] = NAMES.flatMap((tenant) =>
  Object.entries(TENANTS[tenant].targets).map(([target, member]) => ({ tenant, target, member })),
);

const EXPORT = { path: 'root:tmc', name: 'tmc.kcp.io' };

/**
 * Sets kcp up by a host that may install APIs, makes four workspaces, and starts a host whose members are their SyncTargets:
 * both member clusters serve several tenants.
 */
export async function startKcpWorld(servers: KcpServers): Promise<KcpWorld> {
  const folder = mkdtempSync(join(tmpdir(), 'tmc-kcp-world-'));
  const bootstrap = await startHost(hostConfig(servers, join(folder, 'bootstrap.db'), []));
  await bootstrap.stop();
  const tenants = {} as Record<TenantName, Tenant>;
  for (const name of NAMES) tenants[name] = await createTenant(servers, name);
  const members: Record<string, ClosableApi> = {};
  for (const { name, kubeconfig } of servers.members) {
    members[name] = await openKubernetes({ kubeconfig, workspace: name });
  }
  const host = await startHost(hostConfig(servers, join(folder, 'state.db'), TARGETS));
  await host.ready(60_000);
  for (const target of TARGETS) await registerTarget(tenants[target.tenant], target);
  return {
    servers,
    tenants,
    members,
    host,
    async stop() {
      await host.stop();
      for (const api of [...Object.values(members), ...Object.values(tenants).map((tenant) => tenant.api)]) api.close();
      await servers.stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

function hostConfig(servers: KcpServers, statePath: string, targets: readonly TargetName[]) {
  const kubeconfigOf = (member: string) => servers.members.find(({ name }) => name === member)?.kubeconfig ?? '';
  return {
    hub: {
      kind: 'kcp' as const,
      kubeconfig: servers.kubeconfig('root'),
      export: { workspace: EXPORT.path, name: EXPORT.name },
      installApis: true,
      epoch: 0,
    },
    members: targets.map(({ tenant, target, member }) => ({
      name: `${member}-${tenant}`,
      kubeconfig: kubeconfigOf(member),
      syncTarget: { workspace: `root:${tenant}`, name: target },
      epoch: 0,
    })),
    state: { path: statePath },
    listen: { health: '127.0.0.1:0', metrics: '127.0.0.1:0' },
    heartbeat: { intervalMs: 1000, thresholdMs: 60_000 },
    sourceClusterName: 'kcp-virtual',
    log: { level: process.env['TMC_DEBUG'] ? ('debug' as const) : ('silent' as const) },
  };
}

async function createTenant(servers: KcpServers, name: TenantName): Promise<Tenant> {
  const path = `root:${name}`;
  const { bound } = TENANTS[name];
  const type = bound ? { path: EXPORT.path, name: 'tmc-tenant' } : { path: 'root', name: 'universal' };
  const id = await servers.createWorkspace(path, type);
  const api = await openKubernetes({ kubeconfig: servers.kubeconfig(path), workspace: id });
  const tenant = { name, id, api, uids: new Map<string, string>() };
  if (!bound) await bindByHand(tenant);
  return tenant;
}

const BINDING = { group: 'apis.kcp.io', resource: 'apibindings', namespace: '' } as const;

/** Accepts what the export claims, as a user with a workspace of another type does. */
async function bindByHand(tenant: Tenant): Promise<void> {
  await tenant.api.create(bindingKey(tenant), {
    apiVersion: 'apis.kcp.io/v1alpha2',
    kind: 'APIBinding',
    metadata: { name: EXPORT.name },
    spec: { reference: { export: EXPORT }, permissionClaims: claims(CLAIMED) },
  });
  await eventually(`${tenant.name} is bound`, async () => {
    const { phase } = ((await tenant.api.get(bindingKey(tenant)))?.['status'] ?? {}) as { phase?: string };
    return phase === 'Bound' ? undefined : `the binding is ${phase ?? 'new'}`;
  });
}

const VERBS = ['get', 'list', 'watch', 'create', 'update', 'patch', 'delete'];
export const CLAIMED = ['configmaps', 'secrets', 'namespaces', 'serviceaccounts', 'events'] as const;

/** Claims of our export as a binding states them; those not accepted are rejected. */
export function claims(accepted: readonly string[]) {
  return CLAIMED.map((resource) => ({
    group: '',
    resource,
    verbs: VERBS,
    selector: { matchAll: true },
    state: accepted.includes(resource) ? 'Accepted' : 'Rejected',
  }));
}

export const bindingKey = (tenant: Tenant): ResourceKey => ({ ...BINDING, workspace: tenant.id, name: EXPORT.name });

/** The tenant's binding to our export, whatever kcp called it. */
export async function findBinding(tenant: Tenant): Promise<ResourceKey | undefined> {
  const { items } = await tenant.api.list(BINDING, { workspace: tenant.id });
  const ours = items.find((item) => {
    const { reference } = item['spec'] as { reference?: { export?: { name?: string } } };
    return reference?.export?.name === EXPORT.name;
  });
  return ours && { ...bindingKey(tenant), name: ours.metadata.name };
}

async function registerTarget(tenant: Tenant, { target, member }: TargetName): Promise<void> {
  const key = tenantKey(tenant, 'synctargets', target);
  const { metadata } = await tenant.api.create(key, {
    apiVersion: 'workload.kcp.io/v1alpha1',
    kind: 'SyncTarget',
    metadata: { name: target },
    // Names of namespaces are hashed by default: that is what keeps tenants apart on one member cluster.
    spec: { workloadCluster: { name: member }, location: target },
  });
  tenant.uids.set(target, metadata.uid ?? '');
  await eventually(`target ${target} of ${tenant.name} is Ready`, async () => {
    const ready = conditionOf(await tenant.api.get(key), 'Ready');
    return ready?.status === 'True' ? undefined : (ready?.message ?? 'it has no Ready condition');
  });
}

const GROUPS: Readonly<Record<string, string>> = {
  deployments: 'apps',
  synctargets: 'workload.kcp.io',
  clusterworkloadplacements: 'workload.kcp.io',
};

/** Key of an object in a tenant's workspace. */
export const tenantKey = (tenant: Tenant, resource: string, name: string, namespace = ''): ResourceKey => ({
  workspace: tenant.id,
  group: GROUPS[resource] ?? '',
  resource,
  namespace,
  name,
});

/** The namespace in member clusters that stands for a tenant's namespace on one of its targets. */
export function namespaceOf(tenant: Tenant, target: string, namespace: string): string {
  const syncTarget = { cluster: tenant.id, name: target, uid: tenant.uids.get(target) ?? '' };
  return downstreamNamespaceName({ syncTarget, cluster: tenant.id, namespace });
}

export const ownerOf = (tenant: Tenant, target: string): string => targetKey(tenant.id, target);
