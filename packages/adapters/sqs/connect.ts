import { CreateQueueCommand, GetQueueAttributesCommand, type SQSClientConfig } from '@aws-sdk/client-sqs';
import { MAX_RECEIVES, type Queue } from '../queue/queue.ts';
import { sqsClient } from './client.ts';
import { createSqsQueue } from './queue.ts';

type QueueUrls = { readonly url: string; readonly deadLetterUrl: string };

export type QueueConnection = {
  /** The queue at these addresses, as an answer or a setting gave them: services form them differently. */
  readonly queue: (urls: QueueUrls) => Queue;
  /** The queue at this address for somebody who may only send. */
  readonly outlet: (url: string) => Pick<Queue, 'send'>;
  /** Makes a queue and its dead letters (`<name>-dead`) where they are missing. */
  readonly ensure: (name: string, limits?: { readonly maxReceives?: number }) => Promise<QueueUrls>;
  readonly close: () => void;
};

/** SQS on AWS or, with `settings.endpoint`, a service that speaks like it. Nothing is sent before the first call. */
export function connectQueues(settings: SQSClientConfig = {}): QueueConnection {
  // A relay is given the URL of a queue and need not be told again where that is.
  const client = sqsClient({ useQueueUrlAsEndpoint: true, ...settings });

  async function create(QueueName: string, Attributes: Record<string, string>): Promise<string> {
    const { QueueUrl } = await client.send(new CreateQueueCommand({ QueueName, Attributes }));
    if (!QueueUrl) throw new Error(`queue ${QueueName} was made without a URL`);
    return QueueUrl;
  }

  async function ensure(name: string, { maxReceives = MAX_RECEIVES } = {}): Promise<QueueUrls> {
    const deadLetterUrl = await create(`${name}-dead`, { MessageRetentionPeriod: DEAD_RETENTION_S });
    const asked = new GetQueueAttributesCommand({ QueueUrl: deadLetterUrl, AttributeNames: ['QueueArn'] });
    const { Attributes } = await client.send(asked);
    const policy = { deadLetterTargetArn: Attributes?.QueueArn, maxReceiveCount: maxReceives };
    const url = await create(name, { RedrivePolicy: JSON.stringify(policy), MaximumMessageSize: MAX_MESSAGE_BYTES });
    return { url, deadLetterUrl };
  }

  return {
    queue: (urls) => createSqsQueue({ client, ...urls }),
    outlet: (url) => createSqsQueue({ client, url, deadLetterUrl: '' }),
    ensure,
    close: () => client.destroy(),
  };
}

/** 14 days, the longest SQS keeps a message: dead letters wait for a person. */
const DEAD_RETENTION_S = String(14 * 24 * 3600);
/** Said explicitly: the default depends on how the queue is made. */
const MAX_MESSAGE_BYTES = String(1024 * 1024);
