import { connectTable } from '@tmc/adapters/dynamo/connect.ts';
import type { Queue } from '@tmc/adapters/queue/queue.ts';
import { connectQueues } from '@tmc/adapters/sqs/connect.ts';
import type { Table } from '@tmc/adapters/table/table.ts';
import { QUEUES, type QueueName } from '@tmc/kernel/envelope.ts';
import { terminalError } from '@tmc/kernel/errors.ts';
import type { RelayProcessConfig } from './config.ts';

/**
 * A connection that was cut without a word must not hold its messages for ever. A long answer time, because what was cut off may
 * have been accepted and is then sent twice; sockets a few more than sends.
 */
const HANDLER = {
  connectionTimeout: 3_000,
  requestTimeout: 10_000,
  throwOnRequestTimeout: true,
  httpAgent: { maxSockets: 64 },
  httpsAgent: { maxSockets: 64 },
};

type Credentials = { accessKeyId: string; secretAccessKey: string; sessionToken?: string };

/** What a relay of its own writes to. */
export type AwsOutlets = {
  readonly queues: Readonly<Record<QueueName, Pick<Queue, 'send'>>>;
  readonly table: Table;
  readonly close: () => void;
};

/** Queues and table of AWS or of services that speak like them. Nothing is asked before the first call. */
export function connectAws({ aws, queues, table }: RelayProcessConfig): AwsOutlets {
  const { sessionToken, ...key } = aws.credentials ?? {};
  const credentials = { ...key, ...(sessionToken !== undefined && { sessionToken }) } as Credentials;
  const at = (endpoint: string | undefined) => ({
    region: aws.region,
    requestHandler: HANDLER,
    ...(aws.credentials && { credentials }),
    ...(endpoint !== undefined && { endpoint }),
  });
  const sqs = connectQueues(at(queues.endpoint));
  const dynamo = connectTable(table.name, at(table.endpoint));
  const outlet = (name: QueueName): Pick<Queue, 'send'> => {
    const url = queues.urls[name];
    return url === undefined ? unconfigured(name) : sqs.outlet(url);
  };
  return {
    queues: Object.fromEntries(QUEUES.map((name) => [name, outlet(name)])) as Record<QueueName, Pick<Queue, 'send'>>,
    table: dynamo.table,
    close: () => {
      sqs.close();
      dynamo.close();
    },
  };
}

/** This kind of relay sends nothing there; if it ever does, that must come to light. */
function unconfigured(name: QueueName): Pick<Queue, 'send'> {
  return {
    send: async () => {
      throw terminalError(`queue ${name} has no URL in the configuration`, { type: 'ConfigurationError' });
    },
  };
}
