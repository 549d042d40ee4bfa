import type { SqsFunction } from '@tmc/adapters/lambda/sqs-function.ts';
import type { Log } from '@tmc/adapters/lambda/telemetry.ts';
import type { Queue, ReceivedMessage } from '@tmc/adapters/queue/queue.ts';
import { systemSleep } from '@tmc/kernel/clock.ts';
import { messageOf } from '@tmc/kernel/errors.ts';
import type { Context, SQSEvent, SQSRecord } from 'aws-lambda';

export type EventSourceOptions = {
  readonly queue: Queue;
  readonly handler: SqsFunction;
  /** Time one invocation may take; messages stay invisible for six times as long, as on Lambda. */
  readonly timeoutMs: number;
  /** How many full batches may be under way; smaller ones are more. */
  readonly concurrency: number;
  readonly log: Log;
};

export type EventSource = {
  /** Receives no more and waits for the running invocations. */
  stop(): Promise<void>;
};

/** How long a receive waits for a first message, as long as SQS allows. */
const LONG_POLL_MS = 20_000;
/** After a receive that failed. */
const PAUSE_MS = 1_000;
const BATCH = 10;

/**
 * Feeds a function from a queue the way a Lambda event source mapping does: batches of at most ten, SQS-shaped events, deletion
 * of what the response does not name as failed. A batch whose invocation throws comes back whole after the visibility timeout.
 * What is under way is counted in messages, and every batch that ends makes room at once: none waits for the slowest of others.
 */
export function startEventSource(options: EventSourceOptions): EventSource {
  const stopping = new AbortController();
  const polling = poll(options, stopping.signal);
  return {
    async stop() {
      stopping.abort();
      await polling;
    },
  };
}

async function poll(options: EventSourceOptions, signal: AbortSignal): Promise<void> {
  const { queue, timeoutMs, concurrency, log } = options;
  const running = new Set<Promise<void>>();
  let room = concurrency * BATCH;
  const start = (messages: readonly ReceivedMessage[]) => {
    room -= messages.length;
    const invocation = invoke(options, messages)
      .catch((error) =>
        log.error({ queue: queue.name, error: messageOf(error) }, 'batch failed, its messages come back'),
      )
      .finally(() => {
        room += messages.length;
        running.delete(invocation);
      });
    running.add(invocation);
  };
  while (!signal.aborted) {
    if (room === 0) await Promise.race(running);
    try {
      const max = Math.min(BATCH, room);
      const messages = await queue.receive({ max, visibilityMs: timeoutMs * 6, waitMs: LONG_POLL_MS, signal });
      if (messages.length > 0) start(messages);
    } catch (error) {
      if (signal.aborted) break;
      log.error({ queue: queue.name, error: messageOf(error) }, 'receive failed');
      await systemSleep(PAUSE_MS, signal);
    }
  }
  await Promise.all(running);
}

async function invoke(options: EventSourceOptions, messages: readonly ReceivedMessage[]): Promise<void> {
  const { queue, handler, timeoutMs } = options;
  const event: SQSEvent = { Records: messages.map((message) => toRecord(queue.name, message)) };
  const response = await handler(event, invocationContext(queue.name, timeoutMs));
  const failed = new Set(response.batchItemFailures.map((failure) => failure.itemIdentifier));
  const finished = messages.filter((message) => !failed.has(message.id));
  if (finished.length > 0) await queue.delete(finished.map((message) => message.receipt));
}

/** A message as Lambda would hand it to the function. */
function toRecord(queueName: string, message: ReceivedMessage): SQSRecord {
  return {
    messageId: message.id,
    receiptHandle: message.receipt,
    body: message.body,
    attributes: {
      ApproximateReceiveCount: String(message.receiveCount),
      SentTimestamp: String(message.sentAtMs),
      SenderId: 'embedded',
      ApproximateFirstReceiveTimestamp: String(message.sentAtMs),
      MessageGroupId: message.group,
    },
    messageAttributes: {},
    md5OfBody: '',
    eventSource: 'aws:sqs',
    eventSourceARN: `arn:aws:sqs:local:000000000000:${queueName}`,
    awsRegion: 'local',
  };
}

/** The part of Lambda's context that handlers and middlewares read. */
function invocationContext(name: string, timeoutMs: number): Context {
  const deadlineMs = Date.now() + timeoutMs;
  return {
    callbackWaitsForEmptyEventLoop: false,
    functionName: name,
    functionVersion: 'embedded',
    invokedFunctionArn: `arn:aws:lambda:local:000000000000:function:${name}`,
    memoryLimitInMB: '512',
    awsRequestId: crypto.randomUUID(),
    logGroupName: name,
    logStreamName: 'embedded',
    getRemainingTimeInMillis: () => Math.max(0, deadlineMs - Date.now()),
    done: () => undefined,
    fail: () => undefined,
    succeed: () => undefined,
  };
}
