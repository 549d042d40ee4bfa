import { BatchProcessor, EventType, processPartialResponse } from '@aws-lambda-powertools/batch';
import middy from '@middy/core';
import type { Envelope, QueueName } from '@tmc/kernel/envelope.ts';
import { isTmcError, messageOf } from '@tmc/kernel/errors.ts';
import { again, type Outcome, park } from '@tmc/kernel/result.ts';
import type { Context, SQSBatchResponse, SQSEvent, SQSRecord } from 'aws-lambda';
import { MAX_RECEIVES, type Queue } from '../queue/queue.ts';
import { ANSWER_MS, type Deadlines, startDeadlines } from './deadline.ts';
import { createPutBack, type PutBack } from './put-back.ts';
import { collapseKey, type Item, newestPerKey, readRecords, receivedMessage } from './records.ts';
import { createWaiting, isEarlier, type Waiting } from './superseded.ts';
import type { Log, Meter } from './telemetry.ts';

/** A slice's handler: one envelope, how often its message was received so far, what to do with the message. */
export type Handle = (envelope: Envelope, receiveCount: number) => Promise<Outcome>;

export type SqsFunctionOptions = {
  /** The queue it consumes. */
  readonly queue: QueueName;
  readonly handle: Handle;
  /** Back-off and parking happen on the queue itself: a message is never re-sent. */
  readonly settle: Pick<Queue, 'changeVisibility' | 'delete' | 'park'>;
  /** Tells the user of a message given up on, before it is parked; may be absent. */
  readonly onParked?: (envelope: Envelope, reason: string) => Promise<void>;
  readonly log: Log;
  readonly meter: Meter;
  readonly now: () => number;
  readonly middlewares?: readonly middy.MiddlewareObj[];
};

export type SqsFunction = (event: SQSEvent, context: Context) => Promise<SQSBatchResponse>;

/** Back-off between receives: 1, 4, 16, 64 s, so that a message lives about a minute and a half before it is parked. */
const backoffMs = (receiveCount: number): number => 1000 * 4 ** Math.min(receiveCount - 1, 3);

/**
 * A Lambda function over an SQS queue with partial batch responses. Each record is parsed and answered on its own; records of
 * one batch with the same key and change share one call. Nothing is thrown to the runtime: that would slow the queue for all.
 * In the last second of an invocation no call is started: its record goes back at once, for another invocation.
 */
export function sqsFunction(options: SqsFunctionOptions): SqsFunction {
  const waiting = createWaiting(options.now);
  const processor = () => new BatchProcessor(EventType.SQS);
  const handler = async (event: SQSEvent, context: Context): Promise<SQSBatchResponse> => {
    const deadlines = startDeadlines(context.getRemainingTimeInMillis());
    const items = readRecords(event.Records, options.queue);
    const batch: Batch = {
      newest: newestPerKey(items.values()),
      running: new Map(),
      outcomes: [],
      deadlines,
      waiting,
      superseded: [],
      putBack: createPutBack(options.settle, event.Records.length),
      isLate: () => context.getRemainingTimeInMillis() <= ANSWER_MS,
    };
    const onRecord = async ({ messageId }: SQSRecord): Promise<void> => {
      const item = items.get(messageId);
      const settled = item !== undefined && (await settleInTime(options, item, batch));
      if (!settled) throw new UnfinishedRecord(messageId);
    };
    try {
      const response = await processPartialResponse(event, onRecord, processor(), {
        context,
        throwOnFullBatchFailure: false,
      });
      await forget(options, batch);
      return { batchItemFailures: response.batchItemFailures };
    } finally {
      deadlines.cancel();
      tellMetrics(options, items.values(), batch.outcomes);
    }
  };
  // Time running out is answered per record, not by giving up the batch.
  const stack = middy<SQSEvent, SQSBatchResponse>({ timeoutEarlyInMillis: 0 });
  for (const middleware of options.middlewares ?? []) stack.use(middleware);
  return stack.handler(handler) as unknown as SqsFunction;
}

/** Marks a record whose message goes back to the queue; the batch processor turns it into an item failure. */
class UnfinishedRecord extends Error {
  override readonly name = 'UnfinishedRecord';
}

/** What the records of one invocation share. */
type Batch = {
  /** Of each collapse key the item with the newest state. */
  readonly newest: ReadonlyMap<string, Item>;
  /** Calls made, by collapse key. */
  readonly running: Map<string, Promise<Outcome>>;
  /** What became of each record, as far as it was decided. */
  readonly outcomes: Outcome['kind'][];
  readonly deadlines: Deadlines;
  readonly putBack: PutBack;
  /** What earlier invocations gave back to wait. */
  readonly waiting: Waiting;
  /** Receipts of those that need not come back. */
  readonly superseded: string[];
  /** True when no call is to be started any more. */
  readonly isLate: () => boolean;
};

/** Once for a batch, not for each record: on Lambda a metric is a line of the log. Ages are those when the batch was done. */
function tellMetrics(
  { queue, meter, now }: SqsFunctionOptions,
  items: Iterable<Item>,
  outcomes: readonly Outcome['kind'][],
): void {
  for (const outcome of new Set(outcomes)) {
    const count = outcomes.filter((one) => one === outcome).length;
    meter.count('tmc_messages_handled_total', { queue, outcome }, count);
  }
  const ages = Array.from(items, ({ record }) => (now() - Number(record.attributes.SentTimestamp)) / 1000);
  meter.observe('tmc_message_age_seconds', { queue }, ages);
}

/** Runs the handler once per collapse key, with the newest of the items that share it. @throws TmcError malformed, however late it is. */
async function callOnce(options: SqsFunctionOptions, item: Item, batch: Batch): Promise<Outcome> {
  const { envelope, receiveCount } = item;
  if (!envelope) throw item.malformed;
  const key = collapseKey(envelope);
  const started = batch.running.get(key);
  if (started !== undefined) return started;
  if (batch.isLate()) return again(0, `not started in the last ${ANSWER_MS} ms of an invocation`);
  const newest = batch.newest.get(key);
  const call = options.handle(newest?.envelope ?? envelope, newest?.receiveCount ?? receiveCount);
  batch.running.set(key, call);
  return call;
}

/** As {@link settleItem}; what the queue did not take, or not in time, is logged and comes back by its visibility time-out. */
async function settleInTime(options: SqsFunctionOptions, item: Item, batch: Batch): Promise<boolean> {
  try {
    return await Promise.race([settleItem(options, item, batch), batch.deadlines.settle]);
  } catch (error) {
    options.log.warn({ ...item.fields, error: messageOf(error) }, 'message could not be settled');
    return false;
  }
}

/** Performs what the outcome asks of the queue; true when the message is finished with. */
async function settleItem(options: SqsFunctionOptions, item: Item, batch: Batch): Promise<boolean> {
  const { log } = options;
  const { record, fields } = item;
  const call = () => Promise.race([callOnce(options, item, batch), batch.deadlines.work]);
  const outcome = inBatch(lastChance(await outcomeOf(options, item, call), item.receiveCount), item, batch);
  batch.outcomes.push(outcome.kind);
  if (outcome.kind !== 'again') batch.putBack.pass();
  if (outcome.kind === 'done') {
    log.debug({ ...fields, ...(outcome.note && { note: outcome.note }) }, 'message handled');
    return true;
  }
  if (outcome.kind === 'again') {
    const { reason, afterMs } = outcome;
    log.debug({ ...fields, reason, afterMs }, 'message goes back to the queue');
    await batch.putBack.add({ receipt: record.receiptHandle, afterMs });
    if (outcome.supersedes && item.envelope) batch.waiting.add(item.envelope, record.receiptHandle, afterMs);
    return false;
  }
  log.warn({ ...fields, reason: outcome.reason }, 'message parked');
  // First, so that a crash between the two tells twice, not never; not for long, for the hub may be why it is parked.
  await tellOfParked(options, item, { reason: outcome.reason, deadline: batch.deadlines.tell });
  await options.settle.park(receivedMessage(item), outcome.reason);
  return true;
}

/** At the last receive a message that would go back is parked with its reason, so that its neighbours are not dragged along. */
function lastChance(outcome: Outcome, receiveCount: number): Outcome {
  if (outcome.kind !== 'again' || receiveCount < MAX_RECEIVES) return outcome;
  return park(`given up after ${receiveCount} attempts: ${outcome.reason}`);
}

/** What an outcome means for a record whose batch has a later state of its key, and for earlier ones that wait. */
function inBatch(outcome: Outcome, { envelope }: Item, { newest, waiting, superseded }: Batch): Outcome {
  if (!envelope || outcome.kind === 'park' || !outcome.supersedes) return outcome;
  superseded.push(...waiting.takeBefore(envelope));
  const latest = newest.get(collapseKey(envelope))?.envelope;
  return latest && isEarlier(envelope, latest) ? { kind: 'done', note: 'a later state of it is known' } : outcome;
}

/** Takes back what need not come back; what is not taken back in time does, and finds the same. */
async function forget({ queue, settle, log }: SqsFunctionOptions, { superseded, deadlines }: Batch): Promise<void> {
  if (superseded.length === 0) return;
  try {
    await Promise.race([settle.delete(superseded), deadlines.settle]);
  } catch (error) {
    log.warn({ queue, error: messageOf(error) }, 'superseded messages could not be deleted');
  }
}

/** The handler's outcome, or the one its error asks for. */
async function outcomeOf({ log }: SqsFunctionOptions, item: Item, call: () => Promise<Outcome>): Promise<Outcome> {
  const waitMs = backoffMs(item.receiveCount);
  try {
    return await call();
  } catch (error) {
    if (!isTmcError(error)) {
      const stack = error instanceof Error ? error.stack : undefined;
      log.error({ ...item.fields, error: messageOf(error), stack }, 'handler failed unexpectedly');
      return again(waitMs, `internal error: ${messageOf(error)}`);
    }
    if (error.kind === 'terminal' || error.kind === 'malformed') return park(error.message);
    return again(Math.max(error.facts.retryAfterMs ?? 0, error.kind === 'conflict' ? 100 : waitMs), error.message);
  }
}

/** Tells the user of a message given up on, if it can be read, until the deadline; never rejects: the dead letter carries the reason. */
async function tellOfParked(
  { onParked, log }: SqsFunctionOptions,
  { envelope, fields }: Item,
  { reason, deadline }: { reason: string; deadline: Promise<never> },
): Promise<void> {
  if (!onParked || !envelope) return;
  try {
    await Promise.race([onParked(envelope, reason), deadline]);
  } catch (error) {
    log.warn({ ...fields, error: messageOf(error) }, 'could not report a parked message');
  }
}
