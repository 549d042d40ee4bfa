import { type Envelope, envelopeSchema } from '@tmc/kernel/envelope.ts';
import { malformedError, type TmcError } from '@tmc/kernel/errors.ts';
import { formatKey } from '@tmc/kernel/key.ts';
import type { SQSRecord } from 'aws-lambda';
import type { ReceivedMessage } from '../queue/queue.ts';

/** A record of a batch, read once: its envelope, or why it has none. */
export type Item = {
  readonly record: SQSRecord;
  readonly receiveCount: number;
  readonly envelope: Envelope | undefined;
  readonly malformed: TmcError | undefined;
  /** What every line of the log about it tells: where it came from and what it is about, never its body. */
  readonly fields: Readonly<Record<string, unknown>>;
};

/** The records of a batch, each read for itself. */
export function readRecords(records: readonly SQSRecord[], queue: string): ReadonlyMap<string, Item> {
  return new Map(records.map((record) => [record.messageId, readRecord(record, queue)]));
}

function readRecord(record: SQSRecord, queue: string): Item {
  const receiveCount = Number(record.attributes.ApproximateReceiveCount);
  const envelope = parseEnvelope(record);
  const fields = { queue, messageId: record.messageId, attempt: receiveCount };
  if (envelope instanceof Error) return { record, receiveCount, envelope: undefined, malformed: envelope, fields };
  const { workspace } = envelope.key;
  const about = { workspace, key: formatKey(envelope.key), change: envelope.change };
  return { record, receiveCount, envelope, malformed: undefined, fields: { ...fields, ...about } };
}

function parseEnvelope({ messageId, body }: SQSRecord): Envelope | TmcError {
  let json: unknown;
  try {
    json = JSON.parse(body);
  } catch (error) {
    return malformedError(`message ${messageId} is not JSON`, error);
  }
  const parsed = envelopeSchema.safeParse(json);
  if (parsed.success) return parsed.data;
  const where = parsed.error.issues.map((issue) => `${issue.path.join('.') || 'message'}: ${issue.message}`).join('; ');
  return malformedError(`message ${messageId} is not a version 1 envelope: ${where}`);
}

/** What messages share that need one call only: the key and why they were sent. */
export const collapseKey = (e: Envelope): string => `${e.change}|${e.drifted === true}|${formatKey(e.key)}`;

/** Of each collapse key the item with the newest state. */
export function newestPerKey(items: Iterable<Item>): ReadonlyMap<string, Item> {
  const newest = new Map<string, Item>();
  for (const item of items) {
    if (!item.envelope) continue;
    const key = collapseKey(item.envelope);
    const known = newest.get(key)?.envelope;
    if (!known || known.at <= item.envelope.at) newest.set(key, item);
  }
  return newest;
}

/** The message of an item, as the queue's port knows it; one that was sent without a group has the empty one. */
export function receivedMessage({ record, receiveCount }: Item): ReceivedMessage {
  return {
    id: record.messageId,
    receipt: record.receiptHandle,
    body: record.body,
    group: record.attributes.MessageGroupId ?? '',
    receiveCount,
    sentAtMs: Number(record.attributes.SentTimestamp),
  };
}
