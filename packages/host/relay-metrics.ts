import { isMissing } from '@tmc/relay/list-watch-status.ts';
import type { Relay } from '@tmc/relay/main.ts';
import type { RelayMetrics, SourceState } from '@tmc/relay/metrics.ts';
import { WATCH_STATES } from '@tmc/relay/watch-state.ts';
import type { Registry } from 'prom-client';
import { registerHistogram, registerSamples, type Sample } from './snapshot-metrics.ts';

type Relays = ReadonlyMap<string, Pick<Relay, 'ready' | 'state' | 'metrics'>>;
type Labels = Readonly<Record<string, string>>;
type Kind = 'counter' | 'gauge';
type PerRelay = { type: Kind; help: string; read: (metrics: RelayMetrics) => number | undefined };

/** One value of each relay; undefined leaves it out. */
const PER_RELAY: Readonly<Record<string, PerRelay>> = {
  tmc_relay_sources_missing: {
    type: 'gauge',
    help: 'Sources that are not listed yet or do not answer now',
    read: ({ sources }) => sources.filter(isMissing).length,
  },
  tmc_relay_objects: {
    type: 'gauge',
    help: 'Objects the relay knows',
    read: ({ sources }) => sources.reduce((sum, { objects }) => sum + objects, 0),
  },
  tmc_relay_epoch: {
    type: 'gauge',
    help: 'Epoch of the source: rises when its revisions start over',
    read: ({ epoch }) => epoch,
  },
  tmc_relay_heartbeats_total: { type: 'counter', help: 'Heartbeats sent', read: ({ heartbeats }) => heartbeats },
  tmc_relay_heartbeats_withheld_total: {
    type: 'counter',
    help: 'Heartbeats not sent because the member cluster did not answer',
    read: ({ heartbeatsWithheld }) => heartbeatsWithheld,
  },
  tmc_relay_ticks_total: { type: 'counter', help: 'Ticks sent', read: ({ ticks }) => ticks },
  tmc_relay_checkpoint_saves_total: {
    type: 'counter',
    help: 'Checkpoints written to the table',
    read: ({ checkpointSaves }) => checkpointSaves,
  },
  tmc_relay_checkpoint_failures_total: {
    type: 'counter',
    help: 'Checkpoints that could not be written; tried again at the next occasion',
    read: ({ checkpointFailures }) => checkpointFailures,
  },
  tmc_relay_outbox_messages: {
    type: 'gauge',
    help: 'Objects with a message that waits or travels',
    read: ({ outbox }) => outbox.entries,
  },
  tmc_relay_outbox_bytes: { type: 'gauge', help: 'Bytes of these messages', read: ({ outbox }) => outbox.bytes },
  tmc_relay_outbox_sends_in_flight: { type: 'gauge', help: 'Sends under way', read: ({ outbox }) => outbox.inFlight },
  tmc_relay_sends_total: {
    type: 'counter',
    help: 'Sends, each of up to ten messages',
    read: ({ outbox }) => outbox.sends,
  },
  tmc_relay_sent_total: { type: 'counter', help: 'Messages the queues accepted', read: ({ outbox }) => outbox.sent },
  tmc_relay_send_failures_total: {
    type: 'counter',
    help: 'Messages a queue refused; sent again until accepted',
    read: ({ outbox }) => outbox.sendFailures,
  },
  tmc_relay_coalesced_total: {
    type: 'counter',
    help: 'States replaced by a newer one of the same object before they were sent',
    read: ({ outbox }) => outbox.coalesced,
  },
  tmc_relay_blocked_total: {
    type: 'counter',
    help: 'Times reading waited because the outbox was full',
    read: ({ outbox }) => outbox.blocked,
  },
  tmc_relay_lightened_total: {
    type: 'counter',
    help: 'Messages taken without their body because the outbox was filling up',
    read: ({ outbox }) => outbox.lightened,
  },
  tmc_relay_last_accepted_timestamp_seconds: {
    type: 'gauge',
    help: 'When a queue last accepted a message',
    read: ({ outbox }) => seconds(outbox.lastAcceptedMs),
  },
  tmc_relay_last_refused_timestamp_seconds: {
    type: 'gauge',
    help: 'When a queue last refused a message or did not answer',
    read: ({ outbox }) => seconds(outbox.lastFailedMs),
  },
};

/** What one source told, by kind of observation. */
const OBSERVATIONS = [
  'events',
  'bookmarks',
  'lists',
  'upserts',
  'deletes',
  'unseen',
  'duplicates',
  'uninteresting',
  'acknowledgedBefore',
] as const;

/** Names of metrics that do not stand in `PER_RELAY`, with what they tell. */
const OTHERS = {
  tmc_relay_ready: '1 once every source was listed',
  tmc_relay_source_total: 'What a source told, by kind of observation',
  tmc_relay_source_state: '1 for the state the reading of a kind is in; at several endpoints the number of those',
  tmc_relay_state_entered_total: 'How often the reading of a kind entered a state',
  tmc_relay_comparisons_total: 'Anti-entropy: lists compared with what is known',
  tmc_relay_comparisons_failed_total:
    'Anti-entropy: comparisons that an error ended; a lost event is not found by those',
  tmc_relay_repaired_total: 'Anti-entropy: differences the stream should have told; above 0 is a bug or a lossy server',
  tmc_relay_clock_skew_seconds: "By how much the server's clock is ahead, where that is over a minute",
  tmc_relay_messages_total: 'Messages about objects accepted by the queues, by kind',
  tmc_relay_tenant_messages_total: 'The same by tenant (of a member relay its target); beyond a hundred names: other',
  tmc_relay_lag_seconds: 'Time from reading an event to its acknowledgement by the queue',
} as const;

/** Every metric of relays, for the documentation and its test. */
export const RELAY_METRICS: readonly string[] = [...Object.keys(PER_RELAY), ...Object.keys(OTHERS)];

const seconds = (ms: number | undefined): number | undefined => (ms === undefined ? undefined : ms / 1_000);

/** Registers what relays count; a relay that comes or goes does so in the next scrape. */
export function exposeRelays(registry: Registry, relays: Relays): Registry {
  for (const [name, { type, help, read }] of Object.entries(PER_RELAY)) {
    registerSamples(registry, { name, help, type }, () =>
      [...relays].flatMap(([relay, running]) => sample({ relay }, read(running.metrics()))),
    );
  }
  const perSource = (name: keyof typeof OTHERS, type: Kind, read: (source: SourceState) => Sample[]) =>
    registerSamples(registry, { name, help: OTHERS[name], type }, () => addUp(eachSource(relays, read)));
  const perTraffic = (
    name: keyof typeof OTHERS,
    label: string,
    read: (m: RelayMetrics) => Readonly<Record<string, number>>,
  ) =>
    registerSamples(registry, { name, help: OTHERS[name], type: 'counter' }, () =>
      [...relays].flatMap(([relay, running]) =>
        Object.entries(read(running.metrics())).map(([key, value]) => ({ labels: { relay, [label]: key }, value })),
      ),
    );
  registerSamples(registry, { name: 'tmc_relay_ready', help: OTHERS.tmc_relay_ready, type: 'gauge' }, () =>
    [...relays].map(([relay, running]) => ({ labels: { relay }, value: running.ready() ? 1 : 0 })),
  );
  perSource('tmc_relay_source_total', 'counter', ({ counters }) =>
    OBSERVATIONS.map((kind) => ({ labels: { kind }, value: counters[kind] })),
  );
  perSource('tmc_relay_source_state', 'gauge', ({ state: present }) =>
    WATCH_STATES.map((state) => ({ labels: { state }, value: state === present ? 1 : 0 })),
  );
  perSource('tmc_relay_state_entered_total', 'counter', ({ entered }) =>
    WATCH_STATES.map((state) => ({ labels: { state }, value: entered[state] ?? 0 })),
  );
  perSource('tmc_relay_comparisons_total', 'counter', ({ counters }) => sample({}, counters.comparisons));
  perSource('tmc_relay_comparisons_failed_total', 'counter', ({ counters }) => sample({}, counters.comparisonsFailed));
  perSource('tmc_relay_repaired_total', 'counter', ({ counters }) => sample({}, counters.repaired));
  registerSamples(
    registry,
    { name: 'tmc_relay_clock_skew_seconds', help: OTHERS.tmc_relay_clock_skew_seconds, type: 'gauge' },
    () => skews(relays),
  );
  perTraffic('tmc_relay_messages_total', 'resource', ({ outbox }) => outbox.traffic.kinds);
  perTraffic('tmc_relay_tenant_messages_total', 'tenant', ({ outbox }) => outbox.traffic.tenants);
  exposeLag(registry, relays);
  return registry;
}

function exposeLag(registry: Registry, relays: Relays): void {
  registerHistogram(registry, { name: 'tmc_relay_lag_seconds', help: OTHERS.tmc_relay_lag_seconds }, () =>
    [...relays].map(([relay, running]) => {
      const { boundsMs, counts, sumMs } = running.metrics().lag;
      return { labels: { relay }, bounds: boundsMs.map((ms) => ms / 1_000), counts, sum: sumMs / 1_000 };
    }),
  );
}

function* eachSource(relays: Relays, read: (source: SourceState) => Sample[]): Generator<Sample> {
  for (const [relay, running] of relays) {
    for (const source of running.state()) {
      for (const { labels, value } of read(source))
        yield { labels: { relay, resource: source.resource, ...labels }, value };
    }
  }
}

/** One series for each set of labels: a kind that is read at several endpoints counts together. */
function addUp(samples: Iterable<Sample>): Iterable<Sample> {
  const sums = new Map<string, Sample>();
  for (const { labels, value } of samples) {
    const id = JSON.stringify(labels);
    sums.set(id, { labels, value: value + (sums.get(id)?.value ?? 0) });
  }
  return sums.values();
}

/** By endpoint: all its kinds see one clock. */
function* skews(relays: Relays): Generator<Sample> {
  for (const [relay, running] of relays) {
    const byEndpoint = new Map(running.state().map(({ endpoint, clockSkewMs }) => [endpoint, clockSkewMs]));
    for (const [endpoint, skewMs] of byEndpoint) yield* sample({ relay, endpoint }, seconds(skewMs ?? 0));
  }
}

const sample = (labels: Labels, value: number | undefined): Sample[] =>
  value === undefined ? [] : [{ labels, value }];
