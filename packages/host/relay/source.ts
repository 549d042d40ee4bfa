import { connectHub, type HubPlan } from '@tmc/adapters/fleet/connect.ts';
import type { KubeConnection } from '@tmc/adapters/kube/connection.ts';
import { connectionFrom } from '@tmc/adapters/kube/kubeconfig.ts';
import { createWatchSource } from '@tmc/adapters/kube/watch.ts';
import { targetKey } from '@tmc/apis/hash.ts';
import { CONTROL_RESOURCES, NAMESPACES, type ResourceType, SYNCED_RESOURCES } from '@tmc/apis/resources.ts';
import type { Clock } from '@tmc/kernel/clock.ts';
import type { WatchSource } from '@tmc/kernel/ports.ts';
import type { RelayPorts, RelaySource } from '@tmc/relay/main.ts';
import type { RelayProcessConfig } from './config.ts';

/** The servers of one relay, connected: what it reads, and who it is. */
export type ConnectedSource = {
  readonly source: RelaySource;
  readonly resources: readonly ResourceType[];
  readonly workspaceOf: RelayPorts['workspaceOf'];
  sources(): readonly WatchSource[];
  /** Tells whenever the endpoints changed; a later listener replaces the earlier one. */
  onSources(listener: (sources: readonly WatchSource[]) => void): void;
  close(): void | Promise<void>;
};

/**
 * Reads the kubeconfig and gives the function that connects, to be tried until it succeeds.
 * @throws TmcError ConfigurationError when the kubeconfig cannot be used.
 */
export async function planSource(config: RelayProcessConfig, clock: Clock): Promise<() => Promise<ConnectedSource>> {
  const { hub, member } = config;
  if (hub) {
    const plan: HubPlan = { ...hub, connection: await connectionOf(hub) };
    return () => connectHubSource(plan, clock);
  }
  if (!member) throw new RangeError('a checked configuration names a hub or a member');
  const connection = await connectionOf(member);
  return async () => memberSource(member, connection, clock);
}

function connectionOf({ kubeconfig: path, context }: { kubeconfig: string; context?: string | undefined }) {
  return connectionFrom({ path, ...(context === undefined ? {} : { context }) });
}

async function connectHubSource(plan: HubPlan, clock: Clock): Promise<ConnectedSource> {
  const hub = await connectHub(plan, clock);
  return {
    source: { kind: 'hub', id: hub.hubId, epoch: hub.epoch },
    resources: [...CONTROL_RESOURCES, NAMESPACES, ...SYNCED_RESOURCES],
    workspaceOf: (upstreamObj) => hub.hub.workspaceOf(upstreamObj),
    sources: () => hub.sources(),
    onSources: (listener) => hub.onSources(listener),
    close: () => hub.close(),
  };
}

type MemberConfig = NonNullable<RelayProcessConfig['member']>;

function memberSource(member: MemberConfig, connection: KubeConnection, clock: Clock): ConnectedSource {
  const { name, epoch, syncTarget: target } = member;
  const watched = createWatchSource({ connection, clock, endpoint: name });
  const id = targetKey(target.workspace, target.name);
  return {
    source: { kind: 'member', id, epoch, target },
    resources: SYNCED_RESOURCES,
    workspaceOf: () => id,
    sources: () => [watched],
    onSources: () => undefined,
    close: () => watched.close(),
  };
}
