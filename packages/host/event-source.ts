import type { SqsFunction } from '@tmc/adapters/lambda/sqs-function.ts';
import type { Log } from '@tmc/adapters/lambda/telemetry.ts';
import type { Queue, ReceivedMessage } from '@tmc/adapters/queue/queue.ts';
import { messageOf } from '@tmc/kernel/errors.ts';
import type { Context, SQSEvent, SQSRecord } from 'aws-lambda';

export type EventSourceOptions = {
  readonly queue: Queue;
  readonly handler: SqsFunction;
  /** Time one invocation may take; messages stay invisible for six times as long, as on Lambda. */
  readonly timeoutMs: number;
  /** Invocations at once. */
  readonly concurrency: number;
  readonly log: Log;
};

export type EventSource = {
  /** Receives no more and waits for the running invocations. */
  stop(): Promise<void>;
};

/** How long a receive waits for a first message, as long as SQS allows. */
const LONG_POLL_MS = 20_000;

/**
 * Feeds a function from a queue the way a Lambda event source mapping does: batches of at most ten, SQS-shaped events, deletion
 * of what the response does not name as failed. A batch whose invocation throws comes back whole after the visibility timeout.
 */
export function startEventSource(options: EventSourceOptions): EventSource {
  const stopping = new AbortController();
  const loops = Array.from({ length: options.concurrency }, () => poll(options, stopping.signal));
  return {
    async stop() {
      stopping.abort();
      await Promise.all(loops);
    },
  };
}

async function poll(options: EventSourceOptions, signal: AbortSignal): Promise<void> {
  const { queue, timeoutMs, log } = options;
  while (!signal.aborted) {
    try {
      const messages = await queue.receive({ max: 10, visibilityMs: timeoutMs * 6, waitMs: LONG_POLL_MS, signal });
      if (messages.length > 0) await invoke(options, messages);
    } catch (error) {
      if (signal.aborted) return;
      log.error({ queue: queue.name, error: messageOf(error) }, 'batch failed, its messages come back');
      await new Promise((resolve) => setTimeout(resolve, 1000));
    }
  }
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
