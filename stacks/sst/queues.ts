import type { QueueSpec, Topology } from '../topology.ts';
import { componentName } from './names.ts';

export type DeployedQueue = { readonly live: sst.aws.Queue; readonly dead: sst.aws.Queue };

/** Every queue with its dead letters, by name. */
export function createQueues({ queues }: Topology): ReadonlyMap<string, DeployedQueue> {
  return new Map(queues.map((spec) => [spec.name, createQueue(spec)]));
}

function createQueue(spec: QueueSpec): DeployedQueue {
  const name = componentName(spec.name);
  const shared = { maxMessageSize: spec.maximumMessageBytes, sqsManagedSseEnabled: true };
  const dead = new sst.aws.Queue(`${name}Dead`, {
    transform: { queue: { ...shared, messageRetentionSeconds: spec.deadRetentionS } },
  });
  const live = new sst.aws.Queue(name, {
    visibilityTimeout: `${spec.visibilityS} seconds`,
    dlq: { queue: dead.arn, retry: spec.maxReceiveCount },
    transform: { queue: { ...shared, messageRetentionSeconds: spec.retentionS } },
  });
  refusePlainHttp(name, live);
  refusePlainHttp(`${name}Dead`, dead);
  return { live, dead };
}

/** The only thing that the policy of a queue says: who may use it is said by the roles. */
function refusePlainHttp(name: string, queue: sst.aws.Queue): void {
  new aws.sqs.QueuePolicy(`${name}Policy`, {
    queueUrl: queue.url,
    policy: $util.jsonStringify({
      Version: '2012-10-17',
      Statement: [
        {
          Effect: 'Deny',
          Principal: '*',
          Action: 'sqs:*',
          Resource: queue.arn,
          Condition: { Bool: { 'aws:SecureTransport': 'false' } },
        },
      ],
    }),
  });
}
