import { isMissing } from '@tmc/relay/list-watch-status.ts';
import type { Relay } from '@tmc/relay/main.ts';
import { Gauge, type Registry } from 'prom-client';

/** Per relay, read at scrape time: nothing is counted twice and an idle relay costs nothing. */
const PER_RELAY: Readonly<Record<string, { help: string; read: (relay: Relay) => number }>> = {
  tmc_relay_ready: { help: '1 once every source was listed', read: (relay) => (relay.ready() ? 1 : 0) },
  tmc_relay_sources_missing: {
    help: 'Sources that are not listed yet or do not answer now',
    read: (relay) => relay.state().filter(isMissing).length,
  },
  tmc_relay_heartbeats: {
    help: 'Heartbeats sent because nothing else was',
    read: (relay) => relay.metrics().heartbeats,
  },
  tmc_relay_lag_milliseconds_sum: {
    help: 'Time from reading an event to its acknowledgement by the queue, summed',
    read: (relay) => relay.metrics().lag.sumMs,
  },
  tmc_relay_lag_count: { help: 'Events acknowledged by the queue', read: (relay) => relay.metrics().lag.count },
};

const PER_SOURCE = ['events', 'lists', 'upserts', 'deletes', 'unseen', 'duplicates', 'uninteresting'] as const;

/** Registers gauges over the relays of a host. */
export function exposeRelays(registry: Registry, relays: ReadonlyMap<string, Relay>): Registry {
  for (const [name, { help, read }] of Object.entries(PER_RELAY)) {
    new Gauge({
      name,
      help,
      labelNames: ['relay'],
      registers: [registry],
      collect() {
        for (const [relayName, relay] of relays) this.set({ relay: relayName }, read(relay));
      },
    });
  }
  new Gauge({
    name: 'tmc_relay_source_total',
    help: 'What a source told, by kind of observation',
    labelNames: ['relay', 'resource', 'kind'],
    registers: [registry],
    collect() {
      this.reset();
      for (const [relay, running] of relays) {
        for (const { resource, counters } of running.state()) {
          for (const kind of PER_SOURCE) this.inc({ relay, resource, kind }, counters[kind]);
        }
      }
    },
  });
  return registry;
}
