import { connectHub, type HubPlan } from '@tmc/adapters/fleet/connect.ts';
import type { KubeConnection } from '@tmc/adapters/kube/connection.ts';
import { connectionFrom } from '@tmc/adapters/kube/kubeconfig.ts';
import { createWatchSource } from '@tmc/adapters/kube/watch.ts';
import type { Log } from '@tmc/adapters/lambda/telemetry.ts';
import type { Table } from '@tmc/adapters/table/table.ts';
import { targetKey } from '@tmc/apis/hash.ts';
import { type ResourceType, SYNCED_RESOURCES } from '@tmc/apis/resources.ts';
import { type Clock, systemSleep } from '@tmc/kernel/clock.ts';
import type { WatchSource } from '@tmc/kernel/ports.ts';
import type { Relay, RelayPorts, RelaySource } from '@tmc/relay/main.ts';
import { followTargetKinds } from '../relay-kinds.ts';
import type { RelayProcessConfig } from './config.ts';

/** The servers of one relay, connected: what it reads, and who it is. */
export type ConnectedSource = {
  readonly source: RelaySource;
  readonly workspaceOf: RelayPorts['workspaceOf'];
  sources(): readonly WatchSource[];
  resources(): readonly ResourceType[];
  /** Keeps a relay's endpoints and kinds what they are now, until the returned function is called. */
  follow(relay: Pick<Relay, 'setSources' | 'setResources'>): () => void;
  /** Why endpoints or kinds may not be those of now; empty when they are. */
  problems(): readonly string[];
  close(): void | Promise<void>;
};

type Ports = { readonly clock: Clock; readonly log: Log; readonly table: Table };

/**
 * Reads the kubeconfig and gives the function that connects, to be tried until it succeeds.
 * @throws TmcError ConfigurationError when the kubeconfig cannot be used.
 */
export async function planSource(config: RelayProcessConfig, ports: Ports): Promise<() => Promise<ConnectedSource>> {
  const { hub, member } = config;
  if (hub) {
    const plan: HubPlan = { ...hub, connection: await connectionOf(hub) };
    return () => connectHubSource(plan, ports.clock);
  }
  if (!member) throw new RangeError('a checked configuration names a hub or a member');
  const connection = await connectionOf(member);
  return async () => memberSource({ member, connection }, ports);
}

type KubeconfigRef = {
  readonly kubeconfig?: string | undefined;
  readonly kubeconfigData?: string | undefined;
  readonly context?: string | undefined;
};

function connectionOf({ kubeconfig: path, kubeconfigData, context }: KubeconfigRef): Promise<KubeConnection> {
  if (path === undefined && kubeconfigData === undefined)
    throw new RangeError('a checked configuration has a kubeconfig');
  const where = path === undefined ? { text: kubeconfigData ?? '' } : { path };
  return connectionFrom({ ...where, ...(context !== undefined && { context }) });
}

async function connectHubSource(plan: HubPlan, clock: Clock): Promise<ConnectedSource> {
  const hub = await connectHub(plan, clock);
  return {
    source: { kind: 'hub', id: hub.hubId, epoch: hub.epoch },
    workspaceOf: (upstreamObj) => hub.hub.workspaceOf(upstreamObj),
    sources: () => hub.sources(),
    resources: () => hub.resources(),
    follow: (relay) => {
      hub.onSources((sources) => relay.setSources(sources));
      hub.onResources((resources) => relay.setResources(resources));
      return () => {
        hub.onSources(() => undefined);
        hub.onResources(() => undefined);
      };
    },
    problems: () => [hub.sourcesError(), hub.resourcesError()].filter((error) => error !== undefined),
    close: () => hub.close(),
  };
}

type Member = {
  readonly member: NonNullable<RelayProcessConfig['member']>;
  readonly connection: KubeConnection;
};

function memberSource({ member, connection }: Member, { clock, log, table }: Ports): ConnectedSource {
  const { name, epoch, syncTarget: target } = member;
  const watched = createWatchSource({ connection, clock, endpoint: name });
  const id = targetKey(target.workspace, target.name);
  return {
    source: { kind: 'member', id, epoch, target },
    workspaceOf: () => id,
    sources: () => [watched],
    resources: () => SYNCED_RESOURCES,
    follow: (relay) => {
      const ended = new AbortController();
      const apply = (resources: readonly ResourceType[]) => relay.setResources(resources);
      void followTargetKinds({ table, targetKey: id, apply, log, sleep: systemSleep }, ended.signal);
      return () => ended.abort();
    },
    problems: () => [],
    close: () => watched.close(),
  };
}
