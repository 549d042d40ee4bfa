import type { Fleet } from '@tmc/adapters/fleet/connect.ts';
import type { FleetMember } from '@tmc/adapters/fleet/fleet.ts';
import type { Log } from '@tmc/adapters/lambda/telemetry.ts';
import { createCheckpointStore } from '@tmc/adapters/table/checkpoint-store.ts';
import type { Table } from '@tmc/adapters/table/table.ts';
import { type ResourceType, SYNCED_RESOURCES } from '@tmc/apis/resources.ts';
import { type Clock, systemSleep } from '@tmc/kernel/clock.ts';
import type { SendMessages } from '@tmc/kernel/envelope.ts';
import type { Ids, Random } from '@tmc/kernel/ids.ts';
import { type Relay, type RelayPorts, startRelay } from '@tmc/relay/main.ts';
import type { Registry } from 'prom-client';
import type { HostConfig } from './config.ts';
import { missingSources } from './relay/readiness.ts';
import { followTargetKinds } from './relay-kinds.ts';
import { exposeRelays } from './relay-metrics.ts';
import { reportTo } from './relay-reports.ts';

export type RelaysOptions = {
  readonly config: HostConfig;
  readonly fleet: Fleet;
  readonly table: Table;
  readonly send: SendMessages;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly random: Random;
  readonly log: Log;
};

export type RunningRelays = {
  notReady(): readonly string[];
  describe(): unknown;
  /** Adds the relays' counters to a registry and returns it. */
  register(registry: Registry): Registry;
  stop(): Promise<void>;
};

/** Starts the hub relay and one relay per member. */
export function startRelays(options: RelaysOptions): RunningRelays {
  const { fleet } = options;
  const relays = new Map<string, Relay>();
  const ended = new AbortController();
  relays.set('hub', startHubRelay(options));
  for (const member of fleet.members) relays.set(member.name, startMemberRelay(member, options, ended.signal));
  return {
    notReady: () => [
      ...[...relays].flatMap(([name, relay]) => missingSources(name, relay)),
      ...[fleet.sourcesError(), fleet.resourcesError()].filter((e) => e !== undefined).map((e) => `relay hub: ${e}`),
    ],
    describe: () => Object.fromEntries([...relays].map(([name, relay]) => [name, relay.state()])),
    register: (registry) => exposeRelays(registry, relays),
    stop: async () => {
      ended.abort();
      fleet.onSources(() => undefined);
      fleet.onResources(() => undefined);
      await Promise.all([...relays.values()].map((relay) => relay.stop()));
    },
  };
}

function startHubRelay(options: RelaysOptions): Relay {
  const { fleet } = options;
  const config = {
    relay: 'hub',
    source: { kind: 'hub', id: fleet.hubId, epoch: fleet.epoch } as const,
    resources: fleet.resources(),
    // What was deleted while nobody watched is found by comparing facts with the complete list.
    listMarks: 'control' as const,
  };
  const relay = startRelay(config, portsOf(options, { relay: 'hub', sources: fleet.sources() }));
  fleet.onSources((sources) => relay.setSources(sources));
  fleet.onResources((resources) => relay.setResources(resources));
  return relay;
}

function startMemberRelay(member: FleetMember, options: RelaysOptions, ended: AbortSignal): Relay {
  const { name, targetKey: id, epoch, syncTarget: target } = member;
  const { table, log } = options;
  const config = {
    relay: `member-${name}`,
    source: { kind: 'member', id, epoch, target } as const,
    resources: SYNCED_RESOURCES,
    heartbeatMs: options.config.heartbeat.intervalMs,
  };
  const relay = startRelay(config, portsOf(options, { relay: name, sources: [member.source] }));
  const apply = (resources: readonly ResourceType[]) => relay.setResources(resources);
  void followTargetKinds({ table, targetKey: id, apply, log, sleep: systemSleep }, ended);
  return relay;
}

function portsOf(
  { fleet, table, send, clock, ids, random, log }: RelaysOptions,
  { relay, sources }: { readonly relay: string; readonly sources: RelayPorts['sources'] },
): RelayPorts {
  const checkpoints = createCheckpointStore(table);
  return {
    sources,
    send,
    checkpoints,
    workspaceOf: (obj) => fleet.hub.workspaceOf(obj),
    report: reportTo(log, relay),
    clock,
    sleep: systemSleep,
    ids,
    random,
  };
}
