import type { Fleet } from '@tmc/adapters/fleet/connect.ts';
import { createCheckpointStore } from '@tmc/adapters/table/checkpoint-store.ts';
import type { Table } from '@tmc/adapters/table/table.ts';
import { CONTROL_RESOURCES, NAMESPACES, SYNCED_RESOURCES } from '@tmc/apis/resources.ts';
import { type Clock, systemSleep } from '@tmc/kernel/clock.ts';
import type { SendMessages } from '@tmc/kernel/envelope.ts';
import type { Ids, Random } from '@tmc/kernel/ids.ts';
import { isMissing } from '@tmc/relay/list-watch-status.ts';
import { type Relay, type RelayPorts, type RelaySource, startRelay } from '@tmc/relay/main.ts';
import type { Registry } from 'prom-client';
import type { HostConfig } from './config.ts';
import { exposeRelays } from './relay-metrics.ts';

export type RelaysOptions = {
  readonly config: HostConfig;
  readonly fleet: Fleet;
  readonly table: Table;
  readonly send: SendMessages;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly random: Random;
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
  relays.set('hub', startHubRelay(options));
  for (const member of fleet.members) {
    const { targetKey: id, epoch, syncTarget: target } = member;
    const source: RelaySource = { kind: 'member', id, epoch, target };
    const config = {
      relay: `member-${member.name}`,
      source,
      resources: SYNCED_RESOURCES,
      heartbeatMs: options.config.heartbeat.intervalMs,
    };
    relays.set(member.name, startRelay(config, portsOf(options, [member.source])));
  }
  return {
    notReady: () => [...relays].flatMap(([name, relay]) => missing(name, relay)),
    describe: () => Object.fromEntries([...relays].map(([name, relay]) => [name, relay.state()])),
    register: (registry) => exposeRelays(registry, relays),
    stop: async () => {
      fleet.onSources(() => undefined);
      await Promise.all([...relays.values()].map((relay) => relay.stop()));
    },
  };
}

function startHubRelay(options: RelaysOptions): Relay {
  const { fleet } = options;
  const config = {
    relay: 'hub',
    source: { kind: 'hub', id: fleet.hubId, epoch: fleet.epoch } as const,
    resources: [...CONTROL_RESOURCES, NAMESPACES, ...SYNCED_RESOURCES],
    // What was deleted while nobody watched is found by comparing facts with the complete list.
    listMarks: 'control' as const,
  };
  const relay = startRelay(config, portsOf(options, fleet.sources()));
  fleet.onSources((sources) => relay.setSources(sources));
  return relay;
}

function portsOf(
  { fleet, table, send, clock, ids, random }: RelaysOptions,
  sources: RelayPorts['sources'],
): RelayPorts {
  const checkpoints = createCheckpointStore(table);
  return {
    sources,
    send,
    checkpoints,
    workspaceOf: (obj) => fleet.hub.workspaceOf(obj),
    clock,
    sleep: systemSleep,
    ids,
    random,
  };
}

/** Which sources of a relay are not listed yet or do not answer now, and why. */
function missing(name: string, relay: Relay): string[] {
  const sources = relay.state();
  if (sources.length === 0) return [`relay ${name}: no source yet`];
  return sources.filter(isMissing).map(({ resource, endpoint, state, lastError }) => {
    const why = lastError === undefined ? '' : `: ${lastError}`;
    return `relay ${name}: ${resource} at ${endpoint} is ${state}${why}`;
  });
}
