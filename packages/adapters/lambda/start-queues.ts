import type { QueueName } from '@tmc/kernel/envelope.ts';
import type { Queue, Queues } from '../queue/queue.ts';
import { sqsClient } from '../sqs/client.ts';
import { createSqsQueue } from '../sqs/queue.ts';
import type { Environment } from './environment.ts';

/** The queues of a function's environment, on one client. */
export function openQueues(urls: Environment<'redrive'>['TMC_QUEUES']): Queues {
  const client = sqsClient();
  const open = (name: QueueName): Queue => createSqsQueue({ client, name, ...urls[name] });
  return { placement: open('placement'), sync: open('sync'), status: open('status'), recovery: open('recovery') };
}
