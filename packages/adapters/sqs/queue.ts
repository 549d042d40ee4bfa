import { createHash } from 'node:crypto';
import {
  type BatchResultErrorEntry,
  ChangeMessageVisibilityBatchCommand,
  DeleteMessageBatchCommand,
  GetQueueAttributesCommand,
  type Message,
  type QueueAttributeName,
  ReceiveMessageCommand,
  SendMessageBatchCommand,
  SendMessageCommand,
  type SQSClient,
} from '@aws-sdk/client-sqs';
import { requestTimeoutMs } from '../aws/client-settings.ts';
import { isTransient, toRetry } from '../dynamo/errors.ts';
import { checkEntries, checkReceive, MAX_ENTRIES, planBatches } from '../queue/limits.ts';
import {
  DEAD_LIST_LIMIT,
  type DeadLetter,
  type Queue,
  type QueueDepth,
  type QueueEntry,
  type ReceivedMessage,
  type ReceiveOptions,
  type Redriven,
  type RedriveOptions,
  type VisibilityChange,
} from '../queue/queue.ts';
import { toDeadEntry, toDeadLetter, toEntry, toReceived, WANTED } from './message.ts';

export type SqsQueueOptions = {
  readonly client: SQSClient;
  /** For logs and metrics; the last part of the URL when absent. */
  readonly name?: string;
  readonly url: string;
  readonly deadLetterUrl: string;
};

/** SQS holds a long poll no longer. */
const MAX_WAIT_S = 20;
/** How long dead letters are hidden while they are listed or sent again. */
const DEAD_VISIBILITY_S = 30;
/** The shortest long poll: a short one asks some of the servers only, and finding nothing would not mean that nothing is there. */
const DEAD_WAIT_S = 1;

/** A standard queue of SQS, whose redrive policy names the dead letter queue and the receive limit. */
export function createSqsQueue(options: SqsQueueOptions): Queue {
  return new SqsQueue(options);
}

class SqsQueue implements Queue {
  readonly name: string;
  readonly #sqs: SQSClient;
  readonly #url: string;
  readonly #deadUrl: string;

  constructor({ client, name, url, deadLetterUrl }: SqsQueueOptions) {
    this.name = name ?? url.slice(url.lastIndexOf('/') + 1);
    this.#sqs = client;
    this.#url = url;
    this.#deadUrl = deadLetterUrl;
  }

  async send(entries: readonly QueueEntry[]): Promise<{ failed: number[] }> {
    checkEntries(entries);
    const { batches, tooLarge } = planBatches(entries);
    const failed = [...tooLarge];
    for (const batch of batches) {
      const Entries = batch.map((index) => toEntry(entries[index] as QueueEntry, index));
      const command = new SendMessageBatchCommand({ QueueUrl: this.#url, Entries });
      const { Failed = [] } = await this.#attempt('send', () => this.#sqs.send(command));
      failed.push(...Failed.map(({ Id }) => Number(Id)));
    }
    return { failed: failed.sort((a, b) => a - b) };
  }

  async receive(options: ReceiveOptions): Promise<readonly ReceivedMessage[]> {
    checkReceive(options);
    const { max, visibilityMs, waitMs, signal } = options;
    const command = new ReceiveMessageCommand({
      QueueUrl: this.#url,
      MaxNumberOfMessages: max,
      VisibilityTimeout: Math.ceil(visibilityMs / 1000),
      WaitTimeSeconds: Math.min(MAX_WAIT_S, Math.ceil(waitMs / 1000)),
      MessageSystemAttributeNames: [...WANTED.MessageSystemAttributeNames],
      MessageAttributeNames: [...WANTED.MessageAttributeNames],
    });
    try {
      const requestTimeout = requestTimeoutMs(waitMs);
      const { Messages = [] } = await this.#sqs.send(command, { abortSignal: signal, requestTimeout });
      return Messages.map(toReceived);
    } catch (error) {
      if (signal.aborted) return [];
      throw this.#toError(error, 'receive');
    }
  }

  async delete(receipts: readonly string[]): Promise<void> {
    await this.#deleteFrom(this.#url, receipts);
  }

  /** What SQS refuses for a stale receipt is ignored; what it failed to do itself is tried again. */
  async changeVisibility(changes: readonly VisibilityChange[]): Promise<void> {
    const seconds = new Map(changes.map(({ receipt, afterMs }) => [receipt, Math.ceil(afterMs / 1000)]));
    await this.#changeOn(this.#url, seconds, 'change the visibility');
  }

  /** Sent to the dead letters first: a crash between the two leaves it in both, not in none. */
  async park(message: ReceivedMessage, reason: string): Promise<void> {
    const command = new SendMessageCommand({ QueueUrl: this.#deadUrl, ...toDeadEntry(message, reason) });
    await this.#attempt('park', () => this.#sqs.send(command));
    await this.delete([message.receipt]);
  }

  async depth(): Promise<QueueDepth> {
    const [live, dead] = await Promise.all([this.#count(this.#url), this.#count(this.#deadUrl)]);
    return { ...live, dead: dead.visible + dead.inFlight + dead.delayed };
  }

  async listDead({ limit = DEAD_LIST_LIMIT }: { readonly limit?: number } = {}): Promise<readonly DeadLetter[]> {
    const found = new Map<string, Message>();
    while (found.size < limit) {
      const some = await this.#receiveDead(limit - found.size);
      const isNews = some.some(({ MessageId = '' }) => !found.has(MessageId));
      for (const message of some) found.set(message.MessageId ?? '', message);
      if (!isNews) break;
    }
    const messages = [...found.values()];
    await this.#releaseDead(messages);
    return messages.map(toDeadLetter);
  }

  async redrive({ ids, limit = Number.POSITIVE_INFINITY, signal }: RedriveOptions = {}): Promise<Redriven> {
    const most = Math.min(limit, ids ? new Set(ids).size : limit);
    const choose = chooser(ids);
    const others = new Map<string, Message>();
    let [count, refused] = [0, 0];
    while (count < most && !signal?.aborted) {
      const found = await this.#receiveDead(ids ? MAX_ENTRIES : most - count);
      const wanted = choose(found);
      const rest = found.filter((message) => !wanted.includes(message));
      const isNews = wanted.length > 0 || rest.some(({ MessageId = '' }) => !others.has(MessageId));
      if (!isNews) break;
      for (const message of rest) others.set(message.MessageId ?? '', message);
      const sent = await this.#revive(wanted);
      count += sent;
      refused += wanted.length - sent;
    }
    await this.#releaseDead([...others.values()]);
    return { count, left: signal?.aborted === true || refused > 0 || (!ids && count >= most) };
  }

  /** Sends dead letters to the queue and removes those that were accepted; resolves with their number. */
  async #revive(messages: readonly Message[]): Promise<number> {
    if (messages.length === 0) return 0;
    const { failed } = await this.send(messages.map(toReceived));
    const accepted = messages.filter((_, index) => !failed.includes(index));
    await this.#deleteFrom(this.#deadUrl, accepted.map(receiptOf));
    return accepted.length;
  }

  /** Up to ten and `limit`; none when there are none that others do not look at. */
  async #receiveDead(limit: number): Promise<readonly Message[]> {
    const command = new ReceiveMessageCommand({
      QueueUrl: this.#deadUrl,
      MaxNumberOfMessages: Math.min(MAX_ENTRIES, limit),
      VisibilityTimeout: DEAD_VISIBILITY_S,
      WaitTimeSeconds: DEAD_WAIT_S,
      MessageSystemAttributeNames: [...WANTED.MessageSystemAttributeNames],
      MessageAttributeNames: [...WANTED.MessageAttributeNames],
    });
    const { Messages = [] } = await this.#attempt('read the dead letters', () => this.#sqs.send(command));
    return Messages;
  }

  /** Visible again at once, so that a listing hides nothing from the next one. */
  async #releaseDead(messages: readonly Message[]): Promise<void> {
    const seconds = new Map(messages.map((message) => [receiptOf(message), 0]));
    await this.#changeOn(this.#deadUrl, seconds, 'release the dead letters');
  }

  /** All tens are asked, also when one of them fails; then the first failure is thrown. */
  async #changeOn(url: string, seconds: ReadonlyMap<string, number>, what: string): Promise<void> {
    const asked = inTens([...seconds]).map(async (batch) => {
      const Entries = batch.map(([ReceiptHandle, VisibilityTimeout], index) => ({
        Id: String(index),
        ReceiptHandle,
        VisibilityTimeout,
      }));
      const command = new ChangeMessageVisibilityBatchCommand({ QueueUrl: url, Entries });
      const { Failed } = await this.#attempt(what, () => this.#sqs.send(command));
      this.#checkFailed(Failed, what);
    });
    const failure = (await Promise.allSettled(asked)).find(({ status }) => status === 'rejected');
    if (failure?.status === 'rejected') throw failure.reason;
  }

  /** What SQS refuses for a stale receipt is ignored; what it failed to do itself is tried again. */
  async #deleteFrom(url: string, receipts: readonly string[]): Promise<void> {
    for (const batch of inTens([...new Set(receipts)])) {
      const Entries = batch.map((ReceiptHandle, index) => ({ Id: String(index), ReceiptHandle }));
      const command = new DeleteMessageBatchCommand({ QueueUrl: url, Entries });
      const { Failed } = await this.#attempt('delete', () => this.#sqs.send(command));
      this.#checkFailed(Failed, 'delete');
    }
  }

  #checkFailed(entries: readonly BatchResultErrorEntry[] = [], what: string): void {
    const fault = entries.find(({ SenderFault }) => !SenderFault);
    if (fault) throw this.#toRetry(new Error(`${fault.Code}: ${fault.Message}`), what);
  }

  async #count(url: string): Promise<Omit<QueueDepth, 'dead'>> {
    const AttributeNames: QueueAttributeName[] = [
      'ApproximateNumberOfMessages',
      'ApproximateNumberOfMessagesNotVisible',
      'ApproximateNumberOfMessagesDelayed',
    ];
    const command = new GetQueueAttributesCommand({ QueueUrl: url, AttributeNames });
    const { Attributes: counts = {} } = await this.#attempt('count', () => this.#sqs.send(command));
    const [visible, inFlight, delayed] = AttributeNames.map((name) => Number(counts[name] ?? 0));
    return { visible: visible ?? 0, inFlight: inFlight ?? 0, delayed: delayed ?? 0 };
  }

  async #attempt<T>(what: string, call: () => Promise<T>): Promise<T> {
    try {
      return await call();
    } catch (error) {
      throw this.#toError(error, what);
    }
  }

  #toError(error: unknown, what: string): unknown {
    return isTransient(error) ? this.#toRetry(error, what) : error;
  }

  #toRetry(error: unknown, what: string): Error {
    return toRetry(error, { attempted: `${what} on queue ${this.name}`, component: 'queue' });
  }
}

/**
 * Which of the dead letters found are to be sent again: those of the ids, each but once; without ids each text once, for what is given
 * up again meanwhile is another dead letter of the same text.
 */
function chooser(ids: readonly string[] | undefined): (found: readonly Message[]) => readonly Message[] {
  const chosen = new Set<string>();
  return (found) =>
    found.filter(({ MessageId = '', Body = '' }) => {
      const mark = ids ? MessageId : createHash('sha256').update(Body).digest('hex');
      if (chosen.has(mark) || (ids && !ids.includes(MessageId))) return false;
      chosen.add(mark);
      return true;
    });
}

const receiptOf = ({ ReceiptHandle = '' }: Message): string => ReceiptHandle;

function inTens<T>(items: readonly T[]): T[][] {
  const tens: T[][] = [];
  for (let from = 0; from < items.length; from += MAX_ENTRIES) tens.push(items.slice(from, from + MAX_ENTRIES));
  return tens;
}
