import type { ElectionState } from '@tmc/leases/election-runner.ts';
import { isMissing } from '@tmc/relay/list-watch-status.ts';
import type { Relay } from '@tmc/relay/main.ts';
import type { OutletState } from './outlets.ts';

/** What readiness is judged by. */
export type ReadinessView = {
  readonly name: string;
  readonly nowMs: number;
  /** Whether the source is connected, and why not. */
  readonly connected: boolean;
  readonly connectError: string | undefined;
  /** Why endpoints or kinds may not be those of now. */
  readonly sourceErrors: readonly string[];
  /** Undefined when there is no election. */
  readonly election: ElectionState | undefined;
  /** Undefined while it does not relay. */
  readonly relay: Pick<Relay, 'state' | 'metrics'> | undefined;
  readonly queues: readonly OutletState[];
  readonly table: OutletState;
};

/** A relay sends a tick or a heartbeat every few seconds: with nothing accepted for so long the queues are out of reach. */
const QUEUE_SILENCE_MS = 60_000;

/** What is missing before a relay does its work, one line each; empty when nothing is. A replica that stands by is ready. */
export function missingOf(view: ReadinessView): readonly string[] {
  const { name, relay, connected, connectError, election } = view;
  if (!connected) return [`relay ${name}: not connected yet${because(connectError)}`];
  if (relay) return [...missingSources(name, relay), ...missingQueues(view), ...atSource(view)];
  return election?.error === undefined ? [] : [`relay ${name}: cannot stand for election: ${election.error}`];
}

const because = (reason: string | undefined): string => (reason === undefined ? '' : `: ${reason}`);

const atSource = ({ name, sourceErrors }: ReadinessView) => sourceErrors.map((error) => `relay ${name}: ${error}`);

/** Which sources of a relay are not listed yet or do not answer now, and why. */
export function missingSources(name: string, relay: Pick<Relay, 'state'>): string[] {
  const sources = relay.state();
  if (sources.length === 0) return [`relay ${name}: no source yet`];
  return sources.filter(isMissing).map(({ resource, endpoint, state, lastError }) => {
    return `relay ${name}: ${resource} at ${endpoint} is ${state}${because(lastError)}`;
  });
}

function missingQueues({ name, nowMs, queues }: ReadinessView): string[] {
  const failing = queues.filter(({ error }) => error !== undefined);
  if (failing.length > 0)
    return failing.map((queue) => `relay ${name}: ${queue.name} refuses messages: ${queue.error}`);
  const lastOkMs = Math.max(...queues.map((queue) => queue.lastOkMs ?? Number.NEGATIVE_INFINITY));
  if (lastOkMs === Number.NEGATIVE_INFINITY) return [`relay ${name}: no queue has accepted a message yet`];
  const silentMs = nowMs - lastOkMs;
  return silentMs <= QUEUE_SILENCE_MS
    ? []
    : [`relay ${name}: no queue has accepted a message for ${Math.round(silentMs / 1_000)} s`];
}
