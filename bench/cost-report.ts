import type { Deployment } from '../stacks/outputs.ts';
import { installationsOf } from './cost-fleet.ts';
import { added, bill, crossover, NOTHING, scaled, total, type Usage } from './cost-model.ts';
import { atRest, hubRelay, karmada, kcp, type Pace, type Rest, relayPods } from './cost-rest.ts';
import { type Counted, nameOf } from './cost-run.ts';
import { relayed, split, tableWrites, usageOf } from './cost-usage.ts';
import { printTable } from './print.ts';

/** Says what was counted, and what it costs. */

/** One part of the run. */
export type Phase = {
  readonly name: string;
  /** Messages that relays sent, or that were delivered again. */
  readonly events: number;
  readonly invocations: number;
  /** Mean time of an invocation on this machine. */
  readonly meanMs: number;
  /** Table writes by functions. */
  readonly writes: number;
  /** With {@link PLAN_MS} for each invocation. */
  readonly usage: Usage;
  /** Calls by who made them and the action. */
  readonly calls: Readonly<Record<string, number>>;
};

/** Time of an invocation that is priced: what an emulator on a busy machine takes tells nothing of AWS. */
const PLAN_MS = 150;
/** The same for a sign of life, which reaches no API server. */
const LIFE_MS = 50;
const MEMORY_GB = 0.5;
const MILLION = 1e6;

export function phaseOf(name: string, counted: Counted, { queues }: Deployment, delivered = 0): Phase {
  const { events } = split(counted, nameOf(queues.recovery.url));
  const { recover: _life, sweep: _too, ...bytes } = counted.logBytes;
  const logBytes = Object.values(bytes).reduce((sum, one) => sum + one, 0);
  const invocations = events.invocations.map((one) => ({ ...one, durationMs: PLAN_MS }));
  const tookMs = events.invocations.reduce((sum, { durationMs }) => sum + durationMs, 0);
  const calls: Record<string, number> = {};
  for (const { identity, action } of events.calls) {
    calls[`${identity} ${action}`] = (calls[`${identity} ${action}`] ?? 0) + 1;
  }
  return {
    name,
    events: relayed(events.calls) + delivered,
    invocations: invocations.length,
    meanMs: tookMs / Math.max(1, invocations.length),
    writes: tableWrites(events.calls),
    usage: usageOf({ calls: events.calls, invocations, logBytes, memoryGb: MEMORY_GB }),
    calls,
  };
}

/** Several phases as one: a mix of what happens. */
export function mixOf(name: string, phases: readonly Phase[]): Phase {
  const sum = (of: (phase: Phase) => number) => phases.reduce((all, phase) => all + of(phase), 0);
  const invocations = sum((phase) => phase.invocations);
  return {
    name,
    events: sum(({ events }) => events),
    invocations,
    meanMs: sum((phase) => phase.meanMs * phase.invocations) / Math.max(1, invocations),
    writes: sum(({ writes }) => writes),
    usage: added(...phases.map(({ usage }) => usage)),
    calls: {},
  };
}

/** Dollars of one event. */
export const priceOf = ({ usage, events }: Phase): number => total(usage) / Math.max(1, events);

export function printPhases(phases: readonly Phase[]): void {
  const dollars = (value: number) => value.toFixed(2);
  const perMillion = ({ usage, events }: Phase) => bill(scaled(usage, MILLION / Math.max(1, events)));
  console.log(`\nDollars per million events, ${PLAN_MS} ms for each invocation`);
  printTable(phases, {
    phase: ({ name }) => name,
    events: ({ events }) => String(events),
    invocations: ({ invocations }) => String(invocations),
    'writes of functions': ({ writes }) => String(writes),
    'ms here': ({ meanMs }) => meanMs.toFixed(0),
    send: (phase) => dollars(perMillion(phase).send),
    receive: (phase) => dollars(perMillion(phase).receive),
    lambda: (phase) => dollars(perMillion(phase).lambda),
    writes: (phase) => dollars(perMillion(phase).writes),
    reads: (phase) => dollars(perMillion(phase).reads),
    logs: (phase) => dollars(perMillion(phase).logs),
    total: (phase) => dollars(priceOf(phase) * MILLION),
  });
  for (const { name, calls } of phases) {
    const counted = Object.entries(calls).map(([what, times]) => `${times} ${what}`);
    if (counted.length > 0) console.log(`  ${name}: ${counted.join(', ')}`);
  }
}

/** What one heartbeat and one tick use, by the calls and log lines of a time without events. */
export type Life = { readonly heartbeats: number; readonly ticks: number; readonly reads: number; readonly pace: Pace };

export function lifeOf(counted: Counted, { queues }: Deployment): Life {
  const { life } = split(counted, nameOf(queues.recovery.url));
  const sent = life.calls.filter(({ action }) => action === 'sqs:SendMessage');
  const count = (isHub: boolean) =>
    sent.filter(({ identity }) => (identity === 'hub-relay') === isHub).reduce((sum, { items }) => sum + items, 0);
  const messages = count(true) + count(false);
  const logBytes = (counted.logBytes['recover'] ?? 0) / Math.max(1, messages);
  const one: Usage = {
    ...NOTHING,
    sends: 1,
    queueRequests: 2,
    invocations: 1,
    gbSeconds: (MEMORY_GB * LIFE_MS) / 1000,
    logBytes,
  };
  const sweep: Usage = { ...NOTHING, invocations: 1, gbSeconds: one.gbSeconds, logBytes };
  return {
    heartbeats: count(false),
    ticks: count(true),
    reads: life.calls.reduce((sum, { readUnits = 0 }) => sum + readUnits, 0),
    // At its ordinary pace each heartbeat is recorded; those of the run are closer together.
    pace: {
      heartbeatS: 10,
      tickS: 5,
      sweepS: 60,
      heartbeat: { ...one, readUnits: 1, writeUnits: 1 },
      tick: one,
      sweep,
    },
  };
}

function sumOf(rests: readonly Rest[]): Rest {
  const keys = ['polling', 'heartbeats', 'ticks', 'alarms', 'secrets', 'metrics'] as const;
  const sums = keys.map((key) => [key, rests.reduce((sum, rest) => sum + rest[key], 0)]);
  return Object.fromEntries(sums) as Rest;
}

const FLEETS = [10, 100, 1000] as const;

/** A month of fleets of three sizes, and where it meets the price of one that is always on. */
export function printFleets(perEvent: number, { pace }: Life): object[] {
  const rows = FLEETS.map((clusters) => {
    const parts = installationsOf(clusters);
    const rest = sumOf(parts.map((part) => atRest(part, pace)));
    const serverless = Object.values(rest).reduce((sum, line) => sum + line, 0);
    const relays = relayPods(clusters) + parts.length * hubRelay(2);
    const { plane, agents } = karmada(clusters);
    const ours = serverless + relays + kcp();
    const fixed = { ours, theirs: plane + agents };
    return { clusters, ...rest, relays, kcp: kcp(), ours, karmada: plane + agents, meet: crossover(fixed, perEvent) };
  });
  const dollars = (value: number) => value.toFixed(0);
  console.log('\nDollars a month at rest, and events a second from which Karmada is cheaper');
  printTable(rows, {
    clusters: (row) => String(row.clusters),
    polling: (row) => row.polling.toFixed(2),
    heartbeats: (row) => dollars(row.heartbeats),
    ticks: (row) => row.ticks.toFixed(2),
    alarms: (row) => dollars(row.alarms),
    secrets: (row) => row.secrets.toFixed(2),
    metrics: (row) => dollars(row.metrics),
    relays: (row) => dollars(row.relays),
    kcp: (row) => dollars(row.kcp),
    'all of ours': (row) => dollars(row.ours),
    Karmada: (row) => dollars(row.karmada),
    'same at /s': (row) => dollars(row.meet),
    'a million events': () => (perEvent * MILLION).toFixed(2),
  });
  return rows;
}
