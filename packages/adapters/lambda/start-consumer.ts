import type { QueueName } from '@tmc/kernel/envelope.ts';
import { kindOf, messageOf, retryError } from '@tmc/kernel/errors.ts';
import type { Context, SQSBatchResponse, SQSEvent } from 'aws-lambda';
import type { Queues } from '../queue/queue.ts';
import { ANSWER_MS } from './deadline.ts';
import type { Environment } from './environment.ts';
import { consumes } from './runtime.ts';
import type { SqsFunction } from './sqs-function.ts';
import { handlerFromEnvironment, type LambdaHandler, type Start } from './start.ts';
import { openQueues } from './start-queues.ts';

/** The functions that consume a queue, and which one. */
const CONSUMED = { place: 'placement', 'sync-down': 'sync', 'sync-up': 'status', recover: 'recovery' } as const;
type ConsumerName = keyof typeof CONSUMED;

/** Left to give a batch back when the start takes too long: beside the answer itself, some calls of the queue. Chosen freely. */
const GIVE_BACK_MS = 1_000;

/**
 * The Lambda handler of a function that consumes a queue, made from the environment at the first invocation. While it cannot be made
 * because hub or secrets do not answer, each record is answered all the same: given back with its back-off, at its last receive
 * parked with the reason. Queues need neither.
 * @throws TmcError ConfigurationError, and what else no retry mends: the operator must act, and the alarm for errors says so.
 */
export function consumerFromEnvironment<Name extends ConsumerName>(
  name: Name,
  make: (start: Start<Environment<Name>>) => Promise<SqsFunction>,
): LambdaHandler<SQSEvent, SQSBatchResponse> {
  return handlerFromEnvironment(name, (start: Start<Environment<Name>>) => {
    const { TMC_QUEUES } = start.env as Environment<ConsumerName>;
    return startedConsumer(CONSUMED[name], { ...start, queues: openQueues(TMC_QUEUES) }, () => make(start));
  });
}

/** The part that reads no environment. `make` is called until it has succeeded once; one that is under way is waited for, not repeated. */
export function startedConsumer(
  queue: QueueName,
  start: Omit<Start<unknown>, 'env'> & { readonly queues: Queues },
  make: () => Promise<SqsFunction>,
): SqsFunction {
  let made: Promise<SqsFunction> | undefined;
  const makeOnce = (): Promise<SqsFunction> => {
    made ??= make().catch((error: unknown) => {
      made = undefined;
      throw error;
    });
    return made;
  };
  return async (event: SQSEvent, context: Context) => {
    const consumer = await inTime(makeOnce(), context).catch((error: unknown) => {
      if (kindOf(error) !== 'retry' && kindOf(error) !== 'conflict') throw error;
      start.log.warn({ queue, error: messageOf(error) }, 'the function could not start: its messages go back');
      return consumes(queue, start, () => Promise.reject(error));
    });
    return consumer(event, context);
  };
}

/** What is started, or a retryable error while there is still time to answer. */
async function inTime<T>(starting: Promise<T>, context: Context): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const waitMs = Math.max(0, context.getRemainingTimeInMillis() - ANSWER_MS - GIVE_BACK_MS);
  const late = new Promise<never>((_, reject) => {
    const give = () =>
      reject(retryError(`the function did not start within ${waitMs} ms`, { type: 'NetworkConnectivity' }));
    timer = setTimeout(give, waitMs);
  });
  try {
    return await Promise.race([starting, late]);
  } finally {
    clearTimeout(timer);
  }
}
