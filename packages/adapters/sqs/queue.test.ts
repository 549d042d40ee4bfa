import type { SQSClient } from '@aws-sdk/client-sqs';
import { describe, expect, it } from 'vitest';
import { createSqsQueue } from './queue.ts';

type Sent = { readonly name: string; readonly input: Record<string, unknown> };

/** What an emulator never does: refused entries, faults of the service, messages SQS moved to the dead letters itself. */
function queueAnswering(...answers: readonly unknown[]) {
  const sent: Sent[] = [];
  const send = async (command: { input: Record<string, unknown> }): Promise<unknown> => {
    sent.push({ name: command.constructor.name, input: command.input });
    const answer = answers[sent.length - 1] ?? {};
    if (answer instanceof Error) throw answer;
    return answer;
  };
  const queue = createSqsQueue({
    client: { send } as unknown as SQSClient,
    url: 'http://sqs/1/sync',
    deadLetterUrl: 'http://sqs/1/sync-dead',
  });
  return { queue, sent };
}

const named = (name: string): Error => Object.assign(new Error('from AWS'), { name });
const entries = (count: number) => Array.from({ length: count }, (_, n) => ({ body: `m${n}`, group: 'g' }));

describe('the SQS queue', () => {
  it('is named by its URL', () => {
    expect(queueAnswering().queue.name).toBe('sync');
  });

  it('an accepted batch with refused entries names those', async () => {
    const { queue } = queueAnswering({ Failed: [{ Id: '2' }, { Id: '0' }] });
    expect(await queue.send(entries(3))).toEqual({ failed: [0, 2] });
  });

  it('sends whole seconds, rounded up, and the group as the fair group', async () => {
    const { queue, sent } = queueAnswering();
    await queue.send([{ body: 'a', group: 'tenant', delayMs: 1_200 }]);
    await queue.changeVisibility([{ receipt: 'receipt', afterMs: 1 }]);
    expect(sent[0]?.input['Entries']).toMatchObject([{ DelaySeconds: 2, MessageGroupId: 'tenant' }]);
    expect(sent[1]?.input['Entries']).toEqual([{ Id: '0', ReceiptHandle: 'receipt', VisibilityTimeout: 1 }]);
  });

  it('parks and sends again what came without a group, without empty texts, which SQS refuses', async () => {
    const stray = { id: 'm', receipt: 'r', body: 'no message', group: '', receiveCount: 1, sentAtMs: 0 };
    const { queue, sent } = queueAnswering();
    await queue.park(stray, 'is not JSON');
    await queue.send([stray]);
    expect(sent[0]?.input).not.toHaveProperty('MessageGroupId');
    expect(Object.keys(sent[0]?.input['MessageAttributes'] as object)).toEqual(['reason', 'receives']);
    expect(sent[2]?.input['Entries']).toEqual([{ Id: '0', MessageBody: 'no message', MessageAttributes: {} }]);
  });

  it('redrives a message once a call: one that is given up again at once stays for the next', async () => {
    const dead = (id: string) => ({ Messages: [{ MessageId: id, ReceiptHandle: `r-${id}`, Body: 'never right' }] });
    const { queue, sent } = queueAnswering(dead('1'), {}, {}, dead('2'));
    expect(await queue.redrive()).toEqual({ count: 1, left: false });
    const entriesOf = ({ input }: Sent) => input['Entries'] as { ReceiptHandle?: string }[];
    expect(sent.filter(({ name }) => name === 'SendMessageBatchCommand')).toHaveLength(1);
    const released = sent.filter(({ name }) => name === 'ChangeMessageVisibilityBatchCommand');
    expect(released.flatMap(entriesOf)).toMatchObject([{ ReceiptHandle: 'r-2', VisibilityTimeout: 0 }]);
  });

  it('waits for dead letters before it takes none for all: a short poll asks some of the servers only', async () => {
    const { queue, sent } = queueAnswering();
    await queue.listDead();
    await queue.redrive();
    expect(sent.map(({ input }) => input['WaitTimeSeconds'])).toEqual([1, 1]);
  });

  it('ends when it finds only what it has seen, also when those that are asked for are gone', async () => {
    const found = { Messages: [{ MessageId: 'other', ReceiptHandle: 'r', Body: 'b' }] };
    const { queue, sent } = queueAnswering(...Array(50).fill(found));
    expect(await queue.redrive({ ids: ['gone'] })).toEqual({ count: 0, left: false });
    expect(await queue.listDead()).toHaveLength(1);
    expect(sent).toHaveLength(6);
  });

  it('reads no more dead letters when its time is over, and says that there may be more', async () => {
    const found = (n: number) => ({ Messages: [{ MessageId: `m${n}`, ReceiptHandle: `r${n}`, Body: `b${n}` }] });
    const time = new AbortController();
    const { queue, sent } = queueAnswering(found(1), {}, {}, found(2));
    const redriven = queue.redrive({ signal: time.signal });
    time.abort();
    expect(await redriven).toEqual({ count: 1, left: true });
    expect(sent.filter(({ name }) => name === 'ReceiveMessageCommand')).toHaveLength(1);
  });

  it.each(['RequestThrottled', 'OverLimit', 'ServiceUnavailable'])('%s is a retry', async (name) => {
    const { queue } = queueAnswering(named(name));
    await expect(queue.send(entries(1))).rejects.toMatchObject({ kind: 'retry', facts: { component: 'queue' } });
  });

  it('deleting: a stale receipt is ignored, a fault of the service is a retry', async () => {
    const stale = { Failed: [{ Id: '0', SenderFault: true, Code: 'ReceiptHandleIsInvalid' }] };
    await queueAnswering(stale).queue.delete(['r']);
    const fault = { Failed: [{ Id: '0', SenderFault: false, Code: 'InternalError', Message: 'later' }] };
    await expect(queueAnswering(fault).queue.delete(['r'])).rejects.toMatchObject({ kind: 'retry' });
  });

  it('giving back: many in calls of ten, and what fails keeps none of the others from theirs', async () => {
    const stale = { Failed: [{ Id: '0', SenderFault: true, Code: 'ReceiptHandleIsInvalid' }] };
    await queueAnswering(stale).queue.changeVisibility([{ receipt: 'r', afterMs: 0 }]);
    const fault = { Failed: [{ Id: '0', SenderFault: false, Code: 'InternalError', Message: 'later' }] };
    const { queue, sent } = queueAnswering(fault);
    const changes = Array.from({ length: 12 }, (_, n) => ({ receipt: `r${n}`, afterMs: n * 1_000 }));
    await expect(queue.changeVisibility(changes)).rejects.toMatchObject({ kind: 'retry' });
    expect(sent.map(({ name }) => name)).toEqual(Array(2).fill('ChangeMessageVisibilityBatchCommand'));
    expect(sent[1]?.input['Entries']).toEqual([
      { Id: '0', ReceiptHandle: 'r10', VisibilityTimeout: 10 },
      { Id: '1', ReceiptHandle: 'r11', VisibilityTimeout: 11 },
    ]);
  });

  it('deletes many in calls of ten, each receipt once', async () => {
    const { queue, sent } = queueAnswering();
    const receipts = Array.from({ length: 23 }, (_, n) => `r${n}`);
    await queue.delete([...receipts, 'r0']);
    expect(sent.map(({ input }) => (input['Entries'] as unknown[]).length)).toEqual([10, 10, 3]);
    await queue.delete([]);
    expect(sent).toHaveLength(3);
  });

  it('a parked message reaches the dead letters before it leaves the queue', async () => {
    const message = { id: 'm', receipt: 'r', body: 'b', group: 'g', receiveCount: 4, sentAtMs: 1 };
    const { queue, sent } = queueAnswering();
    await queue.park(message, 'unknown version\u0000\uFFFE 😀');
    expect(sent.map(({ name }) => name)).toEqual(['SendMessageCommand', 'DeleteMessageBatchCommand']);
    expect(sent[0]?.input).toMatchObject({ QueueUrl: 'http://sqs/1/sync-dead', MessageBody: 'b' });
    // SQS refuses a message for a character it does not take.
    expect(sent[0]?.input).toMatchObject({
      MessageAttributes: { reason: { StringValue: 'unknown version\uFFFD\uFFFD 😀' } },
    });
    const lost = queueAnswering(named('ServiceUnavailable'));
    await expect(lost.queue.park(message, 'unknown version')).rejects.toMatchObject({ kind: 'retry' });
    expect(lost.sent).toHaveLength(1);
  });

  it('a dead letter that cannot be sent again stays', async () => {
    const dead = (n: number) => ({ MessageId: `m${n}`, ReceiptHandle: `r${n}`, Body: `b${n}`, Attributes: {} });
    const received = { Messages: [dead(0), dead(1)] };
    const { queue, sent } = queueAnswering(received, { Failed: [{ Id: '0' }] });
    expect(await queue.redrive()).toEqual({ count: 1, left: true });
    const deletes = sent.filter(({ name }) => name === 'DeleteMessageBatchCommand');
    expect(deletes.map(({ input }) => input['Entries'])).toEqual([[{ Id: '0', ReceiptHandle: 'r1' }]]);
  });

  it('one that SQS moved itself says how often it was received', async () => {
    const Attributes = { ApproximateReceiveCount: '6', SentTimestamp: '5', MessageGroupId: 'g' };
    const moved = { MessageId: 'm', ReceiptHandle: 'r', Body: 'b', Attributes };
    const { queue } = queueAnswering({ Messages: [moved] });
    expect(await queue.listDead()).toEqual([
      { id: 'm', body: 'b', group: 'g', sentAtMs: 5, receiveCount: 5, reason: 'not handled in 5 receives' },
    ]);
  });
});
