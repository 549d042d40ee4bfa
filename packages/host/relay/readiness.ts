import { isMissing } from '@tmc/relay/list-watch-status.ts';
import type { Relay } from '@tmc/relay/main.ts';
import type { OutletState } from './outlets.ts';

/** What readiness is judged by. */
export type ReadinessView = {
  readonly name: string;
  readonly nowMs: number;
  /** Undefined until the source is connected. */
  readonly relay: Pick<Relay, 'state' | 'metrics'> | undefined;
  /** Why the source cannot be connected. */
  readonly connectError: string | undefined;
  readonly queues: readonly OutletState[];
  readonly table: OutletState;
};

/** A relay sends a tick or a heartbeat every few seconds: with nothing accepted for so long the queues are out of reach. */
const QUEUE_SILENCE_MS = 60_000;

/** What is missing before a relay does its work, one line each; empty when nothing is. */
export function missingOf(view: ReadinessView): readonly string[] {
  const { name, relay, connectError } = view;
  if (!relay) {
    const why = connectError === undefined ? '' : `: ${connectError}`;
    return [`relay ${name}: not connected yet${why}`];
  }
  return [...missingSources(name, relay), ...missingQueues(view)];
}

/** Which sources of a relay are not listed yet or do not answer now, and why. */
export function missingSources(name: string, relay: Pick<Relay, 'state'>): string[] {
  const sources = relay.state();
  if (sources.length === 0) return [`relay ${name}: no source yet`];
  return sources.filter(isMissing).map(({ resource, endpoint, state, lastError }) => {
    const why = lastError === undefined ? '' : `: ${lastError}`;
    return `relay ${name}: ${resource} at ${endpoint} is ${state}${why}`;
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
