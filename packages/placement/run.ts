/** What handling one message has at hand. */
import type { Clock } from '@tmc/kernel/clock.ts';
import type { Envelope, OutgoingMessage, QueueName, SendMessages } from '@tmc/kernel/envelope.ts';
import { retryError } from '@tmc/kernel/errors.ts';
import type { Ids } from '@tmc/kernel/ids.ts';
import type { HubApi } from '@tmc/kernel/ports.ts';
import type { PlacementStore } from './commit.ts';

export type PlaceDeps = {
  readonly hub: Pick<HubApi, 'get' | 'list' | 'patch'>;
  readonly store: PlacementStore;
  readonly send: SendMessages;
  readonly clock: Clock;
  readonly ids: Ids;
};

export type Run = {
  readonly deps: PlaceDeps;
  readonly envelope: Envelope;
  /** True when the message may be the second try of one that stopped half-way: then nothing is taken as done. */
  readonly resumed: boolean;
  readonly nowMs: number;
};

export function startRun(deps: PlaceDeps, envelope: Envelope, receiveCount: number): Run {
  return {
    deps,
    envelope,
    resumed: receiveCount > 1 || envelope.change !== 'upsert',
    nowMs: deps.clock(),
  };
}

/** An `evaluate` message for an object, in the fair group of its workspace. */
export function evaluateMessage(
  { deps, envelope }: Run,
  queue: QueueName,
  to: { readonly key: Envelope['key']; readonly uid: string; readonly delayMs?: number },
): OutgoingMessage {
  const { source, traceparent } = envelope;
  return {
    queue,
    group: to.key.workspace,
    envelope: {
      v: 1,
      id: deps.ids(),
      at: deps.clock(),
      source: { kind: 'function', id: 'place', relay: '', epoch: source.epoch },
      key: to.key,
      uid: to.uid,
      rv: '',
      change: 'evaluate',
      ...(traceparent ? { traceparent } : {}),
    },
    ...(to.delayMs === undefined ? {} : { delayMs: to.delayMs }),
  };
}

/** Sends all or throws a retry error. */
export async function sendAll({ deps }: Run, messages: readonly OutgoingMessage[]): Promise<void> {
  if (messages.length === 0) return;
  const { failed } = await deps.send(messages);
  if (failed.length === 0) return;
  throw retryError(`sending ${messages.length} messages: the queue did not accept ${failed.length} of them`, {
    type: 'NetworkConnectivity',
    component: 'placement',
  });
}
