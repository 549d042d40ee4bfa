import type middy from '@middy/core';
import type { Clock } from '@tmc/kernel/clock.ts';
import type { QueueName, SendMessages } from '@tmc/kernel/envelope.ts';
import type { Ids, Random } from '@tmc/kernel/ids.ts';
import type { HubApi, MemberApi } from '@tmc/kernel/ports.ts';
import type { Queue, Queues } from '../queue/queue.ts';
import type { Table } from '../table/table.ts';
import { type Handle, type SqsFunction, type SqsFunctionOptions, sqsFunction } from './sqs-function.ts';
import type { Log, Meter } from './telemetry.ts';

/** What a function that reaches the hub is wired from: the same set on Lambda and in the embedded host. */
export type HubRuntime = {
  readonly hub: HubApi;
  /** Name of a workspace as users know it, its id when unknown. */
  readonly workspaceName: (workspace: string) => string;
  readonly table: Table;
  readonly queues: Queues;
  readonly send: SendMessages;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly random: Random;
  readonly log: Log;
  readonly meter: Meter;
  readonly settings: RuntimeSettings;
  readonly middlewares?: readonly middy.MiddlewareObj[];
};

/** What a function that reaches members too is wired from. */
export type FunctionRuntime = HubRuntime & {
  /** The member behind a target key; undefined when this installation knows none. */
  readonly member: (targetKey: string) => MemberApi | undefined;
};

export type RuntimeSettings = {
  /** Value of `workload.kcp.io/source-cluster` on copies. */
  readonly sourceClusterName: string;
  /** Rises when the hub's resourceVersions start over. */
  readonly epoch: number;
  readonly heartbeatThresholdMs: number;
};

/** A slice's handler as the function that consumes a queue. */
export function consumes(
  queue: QueueName,
  runtime: Pick<HubRuntime, 'queues' | 'log' | 'meter' | 'clock' | 'middlewares'>,
  handle: Handle,
  onParked?: SqsFunctionOptions['onParked'],
): SqsFunction {
  const settle: Pick<Queue, 'changeVisibility' | 'delete' | 'park'> = runtime.queues[queue];
  return sqsFunction({
    queue,
    handle,
    settle,
    log: runtime.log,
    meter: runtime.meter,
    now: runtime.clock,
    ...(onParked ? { onParked } : {}),
    ...(runtime.middlewares ? { middlewares: runtime.middlewares } : {}),
  });
}
