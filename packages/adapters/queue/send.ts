import type { Envelope, OutgoingMessage, QueueName, SendMessages } from '@tmc/kernel/envelope.ts';
import { messageOf, retryError } from '@tmc/kernel/errors.ts';
import { planBatches } from './limits.ts';
import type { Queue, QueueEntry } from './queue.ts';

type Outgoing = { readonly index: number; readonly entry: QueueEntry };

/**
 * Sends envelopes as JSON to their queues, in calls of at most 10 messages and 1 MiB, queues in parallel. Resolves with the
 * indexes that were not accepted, too large ones among them.
 * @throws TmcError retry when calls failed and nothing at all was accepted, so that the reason is not lost.
 */
export function createSender(queues: Readonly<Record<QueueName, Pick<Queue, 'send'>>>): SendMessages {
  return async (messages) => {
    const errors: unknown[] = [];
    const byQueue = Map.groupBy(messages.map(toOutgoing), ({ index }) => (messages[index] as OutgoingMessage).queue);
    const results = await Promise.all(
      [...byQueue].map(([name, outgoing]) => sendAll((entries) => queues[name].send(entries), outgoing, errors)),
    );
    const failed = results.flat().sort((a, b) => a - b);
    if (errors.length > 0 && failed.length === messages.length) throw sendFailed(messages.length, errors[0]);
    return { failed };
  };
}

function toOutgoing({ group, envelope, delayMs }: OutgoingMessage, index: number): Outgoing {
  const body = wireText(envelope);
  return { index, entry: { body, group, ...(delayMs !== undefined && { delayMs }) } };
}

/**
 * JSON of characters that SQS takes: it refuses a call for one message with others. Control characters and lone surrogates JSON
 * escapes by itself, which leaves these two.
 */
function wireText(envelope: Envelope): string {
  return JSON.stringify(envelope).replaceAll(/[\uFFFE\uFFFF]/g, (character) =>
    character === '\uFFFE' ? '\\ufffe' : '\\uffff',
  );
}

type Send = (entries: readonly QueueEntry[]) => Promise<{ readonly failed: readonly number[] }>;

/** One call after another; a call that throws fails its own messages only. */
async function sendAll(send: Send, outgoing: readonly Outgoing[], errors: unknown[]): Promise<number[]> {
  const { batches, tooLarge } = planBatches(outgoing.map(({ entry }) => entry));
  const at = (position: number): Outgoing => outgoing[position] as Outgoing;
  const failed = tooLarge.map((position) => at(position).index);
  for (const positions of batches) {
    try {
      const result = await send(positions.map((position) => at(position).entry));
      failed.push(...result.failed.map((which) => at(positions[which] as number).index));
    } catch (error) {
      errors.push(error);
      failed.push(...positions.map((position) => at(position).index));
    }
  }
  return failed;
}

function sendFailed(count: number, cause: unknown): Error {
  return retryError(`could not send any of ${count} messages: ${messageOf(cause)}`, {
    type: 'NetworkConnectivity',
    component: 'queue',
    cause,
  });
}
