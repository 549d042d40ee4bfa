import { createHash } from 'node:crypto';
import type { Message, MessageAttributeValue, SendMessageBatchRequestEntry } from '@aws-sdk/client-sqs';
import { type DeadLetter, exhaustedReason, type QueueEntry, type ReceivedMessage } from '../queue/queue.ts';

/** How messages of the port look in SQS. */

/** What a receive must ask for. */
export const WANTED = {
  MessageSystemAttributeNames: ['ApproximateReceiveCount', 'SentTimestamp', 'MessageGroupId'],
  MessageAttributeNames: ['All'],
} as const;

/** The group itself, where SQS would not take it as a name. */
const GROUP_ATTRIBUTE = 'group';
const REASON_ATTRIBUTE = 'reason';
const RECEIVES_ATTRIBUTE = 'receives';

/** The alphabet of MessageGroupId. */
const GROUP_NAME = /^[\w!"#$%&'()*+,\-./:;<=>?@[\\\]^`{|}~]{1,128}$/;

type Attributes = Record<string, MessageAttributeValue>;

const text = (value: string): MessageAttributeValue => ({ DataType: 'String', StringValue: value });

/** Characters SQS refuses in texts; a reason may quote what a server said. */
const REFUSED = /[^\t\n\r\u0020-\uD7FF\uE000-\uFFFD\u{10000}-\u{10FFFF}]/gu;

const taken = (value: string): string => value.replaceAll(REFUSED, '\uFFFD');

/** A message without a group is somebody else's; SQS takes no empty texts. */
function grouping(group: string): { MessageGroupId?: string; MessageAttributes: Attributes } {
  if (group === '') return { MessageAttributes: {} };
  if (GROUP_NAME.test(group)) return { MessageGroupId: group, MessageAttributes: {} };
  const name = createHash('sha256').update(group).digest('hex');
  return { MessageGroupId: name, MessageAttributes: { [GROUP_ATTRIBUTE]: text(group) } };
}

export function toEntry({ body, group, delayMs = 0 }: QueueEntry, index: number): SendMessageBatchRequestEntry {
  const delay = delayMs > 0 && { DelaySeconds: Math.ceil(delayMs / 1000) };
  return { Id: String(index), MessageBody: body, ...grouping(group), ...delay };
}

/** A message given up: its body and group, with the reason and how often it was received. */
export function toDeadEntry({ body, group, receiveCount }: ReceivedMessage, reason: string) {
  const { MessageAttributes, ...fairGroup } = grouping(group);
  const facts = { [REASON_ATTRIBUTE]: text(taken(reason)), [RECEIVES_ATTRIBUTE]: text(String(receiveCount)) };
  return { MessageBody: body, ...fairGroup, MessageAttributes: { ...MessageAttributes, ...facts } };
}

export function toReceived(message: Message): ReceivedMessage {
  const system = message.Attributes ?? {};
  return {
    id: message.MessageId ?? '',
    receipt: message.ReceiptHandle ?? '',
    body: message.Body ?? '',
    group: attribute(message, GROUP_ATTRIBUTE) ?? system.MessageGroupId ?? '',
    receiveCount: Number(system.ApproximateReceiveCount ?? 1),
    sentAtMs: Number(system.SentTimestamp ?? 0),
  };
}

/** A dead letter; those SQS moved by itself carry no reason, and one more receive than they had: this one. */
export function toDeadLetter(message: Message): DeadLetter {
  const { receipt: _, receiveCount, ...rest } = toReceived(message);
  const recorded = attribute(message, RECEIVES_ATTRIBUTE);
  const receives = recorded === undefined ? receiveCount - 1 : Number(recorded);
  return { ...rest, receiveCount: receives, reason: attribute(message, REASON_ATTRIBUTE) ?? exhaustedReason(receives) };
}

function attribute(message: Message, name: string): string | undefined {
  return message.MessageAttributes?.[name]?.StringValue;
}
