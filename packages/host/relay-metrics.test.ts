import { zeroCounters } from '@tmc/relay/list-watch-status.ts';
import type { Relay } from '@tmc/relay/main.ts';
import { LagHistogram, type RelayMetrics, type SourceState } from '@tmc/relay/metrics.ts';
import { WATCH_STATES } from '@tmc/relay/watch-state.ts';
import { Registry } from 'prom-client';
import { describe, expect, it } from 'vitest';
import { exposeRelays, RELAY_METRICS } from './relay-metrics.ts';

function sourceState(endpoint: string, more: Partial<SourceState> = {}): SourceState {
  return {
    endpoint,
    resource: 'deployments.apps',
    state: 'streaming',
    sinceMs: 0,
    listed: true,
    objects: 3,
    rv: '7',
    failures: 0,
    lastError: undefined,
    lastHint: undefined,
    clockSkewMs: undefined,
    pagedBecause: undefined,
    entered: { streaming: 2, expired: 1 },
    counters: { ...zeroCounters(), upserts: 5, comparisonsFailed: 2, repaired: 1 },
    ...more,
  };
}

function relay(sources: SourceState[]): Pick<Relay, 'ready' | 'state' | 'metrics'> {
  const lag = new LagHistogram();
  for (const ms of [0.5, 15, 40_000]) lag.record(ms);
  const outbox = {
    entries: 1,
    bytes: 700,
    inFlight: 1,
    sent: 9,
    sends: 3,
    coalesced: 0,
    sendFailures: 2,
    blocked: 0,
    lightened: 0,
    lastError: 'away',
    lastAcceptedMs: 1_500,
    lastFailedMs: undefined,
    traffic: { tenants: { 'ws-1': 4 }, kinds: { 'deployments.apps': 4 } },
  };
  const counts = { heartbeats: 0, heartbeatsWithheld: 0, ticks: 4, checkpointSaves: 6, checkpointFailures: 1 };
  const metrics: RelayMetrics = { outbox, lag: lag.snapshot(), sources, epoch: 3, ...counts };
  return { ready: () => true, state: () => sources, metrics: () => metrics };
}

async function scrape(sources: SourceState[]): Promise<string[]> {
  const text = await exposeRelays(new Registry(), new Map([['hub', relay(sources)]])).metrics();
  return text.split('\n');
}

describe('metrics of relays', () => {
  it('names every state of a watch, with the present one at 1 and how often each was entered', async () => {
    const lines = await scrape([sourceState('hub')]);
    for (const state of WATCH_STATES) {
      const labels = `{relay="hub",resource="deployments.apps",state="${state}"}`;
      expect(lines).toContain(`tmc_relay_source_state${labels} ${state === 'streaming' ? 1 : 0}`);
      const entered = { streaming: 2, expired: 1 }[state as string] ?? 0;
      expect(lines).toContain(`tmc_relay_state_entered_total${labels} ${entered}`);
    }
  });

  it('adds up a kind that is read at several endpoints, and shows the clock of each', async () => {
    const lines = await scrape([sourceState('shard-1'), sourceState('shard-2', { clockSkewMs: 7_200_000 })]);
    expect(lines).toContain('tmc_relay_source_total{relay="hub",resource="deployments.apps",kind="upserts"} 10');
    expect(lines).toContain('tmc_relay_repaired_total{relay="hub",resource="deployments.apps"} 2');
    expect(lines).toContain('tmc_relay_comparisons_failed_total{relay="hub",resource="deployments.apps"} 4');
    expect(lines).toContain('tmc_relay_objects{relay="hub"} 6');
    expect(lines).toContain('tmc_relay_clock_skew_seconds{relay="hub",endpoint="shard-2"} 7200');
  });

  it('the lag is a histogram with cumulative buckets', async () => {
    const lines = await scrape([sourceState('hub')]);
    expect(lines).toContain('# TYPE tmc_relay_lag_seconds histogram');
    expect(lines).toContain('tmc_relay_lag_seconds_bucket{relay="hub",le="0.001"} 1');
    expect(lines).toContain('tmc_relay_lag_seconds_bucket{relay="hub",le="0.02"} 2');
    expect(lines).toContain('tmc_relay_lag_seconds_bucket{relay="hub",le="30"} 2');
    expect(lines).toContain('tmc_relay_lag_seconds_bucket{relay="hub",le="+Inf"} 3');
    expect(lines).toContain('tmc_relay_lag_seconds_count{relay="hub"} 3');
  });

  it('tells outbox, epoch, checkpoints, tenants and kinds; what never happened is left out', async () => {
    const lines = await scrape([sourceState('hub')]);
    for (const line of [
      'tmc_relay_epoch{relay="hub"} 3',
      'tmc_relay_outbox_bytes{relay="hub"} 700',
      'tmc_relay_checkpoint_failures_total{relay="hub"} 1',
      'tmc_relay_last_accepted_timestamp_seconds{relay="hub"} 1.5',
      'tmc_relay_messages_total{relay="hub",resource="deployments.apps"} 4',
      'tmc_relay_tenant_messages_total{relay="hub",tenant="ws-1"} 4',
    ]) {
      expect(lines).toContain(line);
    }
    expect(lines.filter((line) => line.startsWith('tmc_relay_last_refused'))).toEqual([]);
  });

  it('registers exactly the metrics that are documented', async () => {
    const lines = await scrape([sourceState('hub')]);
    const names = lines.filter((line) => line.startsWith('# TYPE')).map((line) => line.split(' ')[2]);
    expect(names.sort()).toEqual([...RELAY_METRICS].sort());
  });
});
