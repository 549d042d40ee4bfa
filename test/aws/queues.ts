import { randomUUID } from 'node:crypto';
import { GetQueueAttributesCommand, SendMessageBatchCommand, SendMessageCommand } from '@aws-sdk/client-sqs';
import { WORKSPACE } from '@tmc/cli/demo/manifests.ts';
import type { Change, Envelope, QueueName } from '@tmc/kernel/envelope.ts';
import type { ResourceKey } from '@tmc/kernel/key.ts';
import type { KubeObject } from '@tmc/kernel/object.ts';
import type { Deployment } from '../../stacks/outputs.ts';
import { until } from '../real/harness/process.ts';
import type { Clients } from './clients.ts';

/** The deployed queues, seen and fed by the test. */

type Queues = Pick<Clients, 'queues'>;

export type Counts = { readonly visible: number; readonly inFlight: number };

export async function countOf({ queues }: Queues, QueueUrl: string): Promise<Counts> {
  const asked = new GetQueueAttributesCommand({
    QueueUrl,
    AttributeNames: [
      'ApproximateNumberOfMessages',
      'ApproximateNumberOfMessagesNotVisible',
      'ApproximateNumberOfMessagesDelayed',
    ],
  });
  const { Attributes: all = {} } = await queues.send(asked);
  const number = (name: '' | 'NotVisible' | 'Delayed') => Number(all[`ApproximateNumberOfMessages${name}`] ?? 0);
  return { visible: number(''), inFlight: number('NotVisible') + number('Delayed') };
}

/** Dead letters of each queue. */
export async function deadLetters(clients: Queues, { queues }: Deployment): Promise<Record<QueueName, number>> {
  const counted = Object.entries(queues).map(async ([name, { deadLetterUrl }]) => {
    const { visible, inFlight } = await countOf(clients, deadLetterUrl);
    return [name, visible + inFlight] as const;
  });
  return Object.fromEntries(await Promise.all(counted)) as Record<QueueName, number>;
}

/** Waits until nothing waits in a queue or is worked on. */
export async function drained(clients: Queues, url: string, deadlineMs: number): Promise<void> {
  await until(
    `${url} to be empty`,
    async () => {
      const { visible, inFlight } = await countOf(clients, url);
      return visible + inFlight === 0 ? undefined : `${visible} messages wait, ${inFlight} are worked on`;
    },
    deadlineMs,
  );
}

/** The message the hub's relay sends about a state of an object. */
export function messageOf(key: ResourceKey, object: KubeObject, change: Change = 'upsert'): Envelope {
  const { managedFields: _dropped, ...metadata } = object.metadata;
  return {
    v: 1,
    id: randomUUID(),
    at: Date.now(),
    source: { kind: 'hub', id: WORKSPACE, relay: 'relay-hub', epoch: 0 },
    key,
    uid: metadata.uid ?? '',
    rv: metadata.resourceVersion ?? '',
    change,
    body: { ...object, metadata },
  };
}

/** Sends messages in this order, ten at a time. @throws Error when one was not accepted. */
export async function sendAll({ queues }: Queues, QueueUrl: string, envelopes: readonly Envelope[]): Promise<void> {
  for (let from = 0; from < envelopes.length; from += 10) {
    const Entries = envelopes.slice(from, from + 10).map((envelope, at) => ({
      Id: String(at),
      MessageBody: JSON.stringify(envelope),
      MessageGroupId: envelope.key.workspace,
    }));
    const { Failed = [] } = await queues.send(new SendMessageBatchCommand({ QueueUrl, Entries }));
    if (Failed.length > 0) throw new Error(`${QueueUrl} refused ${JSON.stringify(Failed)}`);
  }
}

/** Sends a text that is no message of this project. */
export async function sendText({ queues }: Queues, QueueUrl: string, MessageBody: string): Promise<void> {
  await queues.send(new SendMessageCommand({ QueueUrl, MessageBody }));
}
