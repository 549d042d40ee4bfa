import { BatchProcessor, EventType, processPartialResponse } from '@aws-lambda-powertools/batch';
import middy from '@middy/core';
import { type Envelope, envelopeSchema, type QueueName } from '@tmc/kernel/envelope.ts';
import { isTmcError, malformedError, messageOf, retryError } from '@tmc/kernel/errors.ts';
import { formatKey } from '@tmc/kernel/key.ts';
import { again, type Outcome, park } from '@tmc/kernel/result.ts';
import type { Context, SQSBatchResponse, SQSEvent, SQSRecord } from 'aws-lambda';
import { MAX_RECEIVES, type Queue, type ReceivedMessage } from '../queue/queue.ts';
import type { Log, Meter } from './telemetry.ts';

/** A slice's handler: one envelope, how often its message was received so far, what to do with the message. */
export type Handle = (envelope: Envelope, receiveCount: number) => Promise<Outcome>;

export type SqsFunctionOptions = {
  /** The queue it consumes. */
  readonly queue: QueueName;
  readonly handle: Handle;
  /** Back-off and parking happen on the queue itself: a message is never re-sent. */
  readonly settle: Pick<Queue, 'changeVisibility' | 'park'>;
  /** Tells the user of a message given up on, before it is parked; may be absent. */
  readonly onParked?: (envelope: Envelope, reason: string) => Promise<void>;
  readonly log: Log;
  readonly meter: Meter;
  readonly now: () => number;
  readonly middlewares?: readonly middy.MiddlewareObj[];
};

export type SqsFunction = (event: SQSEvent, context: Context) => Promise<SQSBatchResponse>;

/** Left of an invocation's time to answer the queue when a handler waits for a server that says nothing. Chosen freely. */
const ANSWER_MS = 1_000;

/** Back-off between receives: 1, 4, 16, 64 s, so that a message lives about a minute and a half before it is parked. */
const backoffMs = (receiveCount: number): number => 1000 * 4 ** Math.min(receiveCount - 1, 3);

/**
 * A Lambda function over an SQS queue with partial batch responses. Each record is parsed and answered on its own; records of
 * one batch with the same key and change share one call. Nothing is thrown to the runtime: that would slow the queue for all.
 */
export function sqsFunction(options: SqsFunctionOptions): SqsFunction {
  const processor = () => new BatchProcessor(EventType.SQS);
  const handler = async (event: SQSEvent, context: Context): Promise<SQSBatchResponse> => {
    const calls = newestPerKey(event.Records);
    const running = new Map<string, Promise<Outcome>>();
    const deadline = startDeadline(context.getRemainingTimeInMillis() - ANSWER_MS);
    const onRecord = async (record: SQSRecord): Promise<void> => {
      const call = () => Promise.race([callOnce(options, { record, calls, running }), deadline.passed]);
      const settled = await settleRecord(options, record, call);
      if (!settled) throw new UnfinishedRecord(record.messageId);
    };
    try {
      const response = await processPartialResponse(event, onRecord, processor(), {
        context,
        throwOnFullBatchFailure: false,
      });
      return { batchItemFailures: response.batchItemFailures };
    } finally {
      deadline.cancel();
    }
  };
  // Time running out is answered per record, not by giving up the batch.
  const stack = middy<SQSEvent, SQSBatchResponse>({ timeoutEarlyInMillis: 0 });
  for (const middleware of options.middlewares ?? []) stack.use(middleware);
  return stack.handler(handler) as unknown as SqsFunction;
}

/** Rejects, as a retryable error, what has not come to its end in time; what it waits for may still take effect. */
function startDeadline(leftMs: number): { readonly passed: Promise<never>; cancel(): void } {
  let timer: NodeJS.Timeout | undefined;
  const passed = new Promise<never>((_, reject) => {
    const give = () => reject(retryError(`not finished within ${leftMs} ms`, { type: 'SyncTimeout' }));
    timer = setTimeout(give, Math.max(0, leftMs));
  });
  // Nobody may be waiting any more.
  passed.catch(() => undefined);
  return { passed, cancel: () => clearTimeout(timer) };
}

/** Marks a record whose message goes back to the queue; the batch processor turns it into an item failure. */
class UnfinishedRecord extends Error {
  override readonly name = 'UnfinishedRecord';
}

type Calls = {
  readonly record: SQSRecord;
  readonly calls: ReadonlyMap<string, SQSRecord>;
  readonly running: Map<string, Promise<Outcome>>;
};

/** Runs the handler once per collapse key, with the newest of the records that share it. */
function callOnce(options: SqsFunctionOptions, { record, calls, running }: Calls): Promise<Outcome> {
  const envelope = parseEnvelope(record);
  const key = collapseKey(envelope);
  const started = running.get(key);
  if (started !== undefined) return started;
  const newest = calls.get(key) ?? record;
  const call = options.handle(parseEnvelope(newest), receiveCountOf(newest));
  running.set(key, call);
  return call;
}

/** Performs what the outcome asks of the queue; true when the message is finished with. */
async function settleRecord(
  options: SqsFunctionOptions,
  record: SQSRecord,
  call: () => Promise<Outcome>,
): Promise<boolean> {
  const { queue, log, meter } = options;
  const outcome = lastChance(await outcomeOf(options, record, call), receiveCountOf(record));
  meter.count('tmc_messages_handled_total', { queue, outcome: outcome.kind });
  meter.observe('tmc_message_age_seconds', { queue }, (options.now() - Number(record.attributes.SentTimestamp)) / 1000);
  if (outcome.kind === 'done') return true;
  const fields = { queue, messageId: record.messageId, attempt: receiveCountOf(record), reason: outcome.reason };
  if (outcome.kind === 'again') {
    log.debug({ ...fields, afterMs: outcome.afterMs }, 'message goes back to the queue');
    await options.settle.changeVisibility(record.receiptHandle, outcome.afterMs);
    return false;
  }
  log.warn(fields, 'message parked');
  await reportParked(options, record, outcome.reason);
  await options.settle.park(receivedMessage(record), outcome.reason);
  return true;
}

/** At the last receive a message that would go back is parked with its reason, so that its neighbours are not dragged along. */
function lastChance(outcome: Outcome, receiveCount: number): Outcome {
  if (outcome.kind !== 'again' || receiveCount < MAX_RECEIVES) return outcome;
  return park(`given up after ${receiveCount} attempts: ${outcome.reason}`);
}

/** The handler's outcome, or the one its error asks for. */
async function outcomeOf(
  { queue, log }: SqsFunctionOptions,
  record: SQSRecord,
  call: () => Promise<Outcome>,
): Promise<Outcome> {
  const waitMs = backoffMs(receiveCountOf(record));
  try {
    return await call();
  } catch (error) {
    if (!isTmcError(error)) {
      const stack = error instanceof Error ? error.stack : undefined;
      log.error({ queue, messageId: record.messageId, error: messageOf(error), stack }, 'handler failed unexpectedly');
      return again(waitMs, `internal error: ${messageOf(error)}`);
    }
    if (error.kind === 'terminal' || error.kind === 'malformed') return park(error.message);
    return again(Math.max(error.facts.retryAfterMs ?? 0, error.kind === 'conflict' ? 100 : waitMs), error.message);
  }
}

async function reportParked({ onParked, log }: SqsFunctionOptions, record: SQSRecord, reason: string): Promise<void> {
  if (!onParked) return;
  try {
    await onParked(parseEnvelope(record), reason);
  } catch (error) {
    // The dead letter still carries the reason; a user who cannot be told must not keep the message alive.
    log.warn({ messageId: record.messageId, error: messageOf(error) }, 'could not report a parked message');
  }
}

/** The envelope of a record; @throws TmcError malformed. */
function parseEnvelope(record: SQSRecord): Envelope {
  let json: unknown;
  try {
    json = JSON.parse(record.body);
  } catch (error) {
    throw malformedError(`message ${record.messageId} is not JSON`, error);
  }
  const parsed = envelopeSchema.safeParse(json);
  if (parsed.success) return parsed.data;
  const where = parsed.error.issues.map((issue) => `${issue.path.join('.') || 'message'}: ${issue.message}`).join('; ');
  throw malformedError(`message ${record.messageId} is not a version 1 envelope: ${where}`);
}

const collapseKey = (e: Envelope): string => `${e.change}|${e.drifted === true}|${formatKey(e.key)}`;

/** The newest record of each collapse key; records that do not parse are answered one by one later. */
function newestPerKey(records: readonly SQSRecord[]): ReadonlyMap<string, SQSRecord> {
  const newest = new Map<string, { record: SQSRecord; at: number }>();
  if (records.length < 2) return new Map();
  for (const record of records) {
    try {
      const envelope = parseEnvelope(record);
      const key = collapseKey(envelope);
      const known = newest.get(key);
      if (!known || known.at <= envelope.at) newest.set(key, { record, at: envelope.at });
    } catch {
      // Malformed: `callOnce` parses it again and its own record is parked.
    }
  }
  return new Map([...newest].map(([key, { record }]) => [key, record]));
}

const receiveCountOf = (record: SQSRecord): number => Number(record.attributes.ApproximateReceiveCount);

function receivedMessage(record: SQSRecord): ReceivedMessage {
  return {
    id: record.messageId,
    receipt: record.receiptHandle,
    body: record.body,
    group: record.attributes.MessageGroupId ?? '',
    receiveCount: receiveCountOf(record),
    sentAtMs: Number(record.attributes.SentTimestamp),
  };
}
