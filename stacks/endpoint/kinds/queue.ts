import {
  CreateQueueCommand,
  DeleteQueueCommand,
  GetQueueAttributesCommand,
  GetQueueUrlCommand,
  type QueueAttributeName,
  SetQueueAttributesCommand,
  type SQSClient,
} from '@aws-sdk/client-sqs';
import * as z from 'zod';
import type { Clients } from '../clients.ts';
import { orAbsent } from '../failure.ts';
import {
  document,
  type Fields,
  fromJson,
  type Identity,
  type Kind,
  kind,
  part,
  physicalName,
  type Where,
} from '../kind.ts';

const inputs = z.strictObject({
  name: z.string().optional(),
  fifoQueue: z.boolean().default(false),
  contentBasedDeduplication: z.boolean().default(false),
  delaySeconds: z.number().default(0),
  maxMessageSize: z.number().default(262_144),
  messageRetentionSeconds: z.number().default(345_600),
  receiveWaitTimeSeconds: z.number().default(0),
  visibilityTimeoutSeconds: z.number().default(30),
  redrivePolicy: document.default(''),
  redriveAllowPolicy: document.optional(),
  sqsManagedSseEnabled: z.boolean().optional(),
});
type Inputs = z.infer<typeof inputs>;

const POLICY = z.strictObject({ queueUrl: z.string(), policy: document });

/** Queues, and the policies that say who may send to them. */
export function queueKinds({ sqs }: Pick<Clients, 'sqs'>, where: Where): Kind[] {
  return [queues(sqs, where), queuePolicies(sqs)];
}

function queues(sqs: SQSClient, where: Where): Kind {
  return kind<Inputs>({
    type: 'aws:sqs/queue:Queue',
    noun: 'queue',
    fixed: ['FifoQueue'],
    holdsData: true,
    inputs,
    identify: ({ name, fifoQueue }, logical) => ({
      queue: name ?? physicalName(where, logical, fifoQueue ? 75 : 80) + (fifoQueue ? '.fifo' : ''),
    }),
    fields: (said) => ({
      ...Object.fromEntries(Object.entries(attributesOf(said)).map(([key, value]) => [key, fromJson(value)])),
      FifoQueue: said.fifoQueue,
    }),
    async read(identity) {
      const url = await urlOf(sqs, identity);
      if (url === undefined) return undefined;
      const { Attributes = {} } = await sqs.send(
        new GetQueueAttributesCommand({ QueueUrl: url, AttributeNames: ['All'] }),
      );
      const fields: Fields = Object.fromEntries(Object.entries(Attributes).map(([key, text]) => [key, fromJson(text)]));
      return { fields, outputs: { url, arn: String(Attributes['QueueArn'] ?? arnOf(where, identity)) } };
    },
    async create(identity, said) {
      const Attributes = { ...attributesOf(said), ...(said.fifoQueue && { FifoQueue: 'true' }) };
      await sqs.send(new CreateQueueCommand({ QueueName: part(identity, 'queue'), Attributes: stated(Attributes) }));
    },
    async update(identity, said, changed) {
      const QueueUrl = await urlOf(sqs, identity);
      const Attributes = { ...takenAway(changed), ...attributesOf(said) };
      await sqs.send(new SetQueueAttributesCommand({ QueueUrl, Attributes }));
    },
    async remove(identity) {
      const QueueUrl = await urlOf(sqs, identity);
      if (QueueUrl !== undefined) await orAbsent(sqs.send(new DeleteQueueCommand({ QueueUrl })));
    },
    outputs(identity, said, live) {
      const name = part(identity, 'queue');
      const url = live?.outputs?.['url'] ?? `${where.endpoint}/${where.account}/${name}`;
      return { ...said, name, id: url, url, arn: live?.outputs?.['arn'] ?? arnOf(where, identity) };
    },
  });
}

function queuePolicies(sqs: SQSClient): Kind {
  const set = async (identity: Identity, Policy: string): Promise<void> => {
    await sqs.send(new SetQueueAttributesCommand({ QueueUrl: part(identity, 'url'), Attributes: { Policy } }));
  };
  return kind<z.infer<typeof POLICY>>({
    type: 'aws:sqs/queuePolicy:QueuePolicy',
    noun: 'queue policy',
    adopts: 'setting',
    inputs: POLICY,
    identify: ({ queueUrl }) => ({ url: queueUrl }),
    fields: ({ policy }) => ({ policy: fromJson(policy) }),
    async read(identity) {
      const QueueUrl = part(identity, 'url');
      const answer = await orAbsent(sqs.send(new GetQueueAttributesCommand({ QueueUrl, AttributeNames: ['Policy'] })));
      const policy = answer?.Attributes?.Policy;
      return policy ? { fields: { policy: fromJson(policy) } } : undefined;
    },
    create: (identity, { policy }) => set(identity, policy),
    update: (identity, { policy }) => set(identity, policy),
    async remove(identity) {
      await orAbsent(set(identity, ''));
    },
    outputs: (identity, said) => ({ ...said, id: part(identity, 'url') }),
  });
}

function attributesOf(said: Inputs): Partial<Record<QueueAttributeName, string>> {
  return {
    DelaySeconds: String(said.delaySeconds),
    MaximumMessageSize: String(said.maxMessageSize),
    MessageRetentionPeriod: String(said.messageRetentionSeconds),
    ReceiveMessageWaitTimeSeconds: String(said.receiveWaitTimeSeconds),
    VisibilityTimeout: String(said.visibilityTimeoutSeconds),
    RedrivePolicy: said.redrivePolicy,
    ...(said.redriveAllowPolicy !== undefined && { RedriveAllowPolicy: said.redriveAllowPolicy }),
    ...(said.sqsManagedSseEnabled !== undefined && { SqsManagedSseEnabled: String(said.sqsManagedSseEnabled) }),
    ...(said.fifoQueue && { ContentBasedDeduplication: String(said.contentBasedDeduplication) }),
  };
}

/** What a queue has of which nothing is said, as it is on AWS. */
const UNSAID = { RedriveAllowPolicy: '', SqsManagedSseEnabled: 'true' };

/** For what the program says no more; what it still says comes over it. */
function takenAway(changed: readonly string[]): Partial<typeof UNSAID> {
  return Object.fromEntries(Object.entries(UNSAID).filter(([name]) => changed.includes(name)));
}

/** A new queue has no policy to take away. */
function stated<T extends Record<string, string | undefined>>(attributes: T): T {
  return Object.fromEntries(Object.entries(attributes).filter(([, value]) => value !== '')) as T;
}

async function urlOf(sqs: SQSClient, identity: Identity): Promise<string | undefined> {
  return (await orAbsent(sqs.send(new GetQueueUrlCommand({ QueueName: part(identity, 'queue') }))))?.QueueUrl;
}

function arnOf({ region, account }: Where, identity: Identity): string {
  return `arn:aws:sqs:${region}:${account}:${part(identity, 'queue')}`;
}
