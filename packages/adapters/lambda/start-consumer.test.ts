import { retryError, terminalError } from '@tmc/kernel/errors.ts';
import { done } from '@tmc/kernel/result.ts';
import { createTestClock } from '@tmc/testkit/clock.ts';
import { sequentialIds } from '@tmc/testkit/ids.ts';
import type { Context, SQSEvent } from 'aws-lambda';
import { describe, expect, it } from 'vitest';
import { createMemoryQueue } from '../memory/queue.ts';
import { consumes } from './runtime.ts';
import type { SqsFunction } from './sqs-function.ts';
import { startedConsumer } from './start-consumer.ts';

const key = { workspace: 'shop', group: '', resource: 'configmaps', namespace: 'ns', name: 'a' };
const source = { kind: 'hub', id: 'hub', relay: 'r', epoch: 0 };
const body = JSON.stringify({ v: 1, id: 'm', at: 0, source, key, uid: 'u', rv: '1', change: 'upsert' });
const hubAway = () => retryError('GET root:tmc: no answer', { type: 'ClusterUnreachable' });

/** A consumer of `sync` with one message in its queue, started by `make`; `invoke` receives what is visible and hands it over. */
async function world(make: (works: SqsFunction) => Promise<SqsFunction>) {
  const clock = createTestClock(1_000);
  const queueOf = (name: string) =>
    createMemoryQueue({ name, clock: clock.now, ids: sequentialIds(), sleep: clock.sleep });
  const sync = queueOf('sync');
  const queues = { sync, placement: queueOf('placement'), status: queueOf('status'), recovery: queueOf('recovery') };
  const warned: string[] = [];
  const quiet = () => undefined;
  const log = { debug: quiet, info: quiet, warn: (_: unknown, text: string) => void warned.push(text), error: quiet };
  const start = { queues, log, meter: { count: quiet, observe: quiet }, clock: clock.now, middlewares: [] };
  const works = consumes('sync', start, async () => done);
  const consumer = startedConsumer('sync', start, () => make(works));
  await sync.send([{ body, group: 'shop' }]);
  const receive = () =>
    sync.receive({ max: 1, visibilityMs: 120_000, waitMs: 0, signal: new AbortController().signal });
  const invoke = async (leftMs = 10_000) => {
    const [message] = await receive();
    if (!message) throw new Error('no message is visible');
    const attributes = { ApproximateReceiveCount: String(message.receiveCount), SentTimestamp: '0' };
    const record = { messageId: message.id, receiptHandle: message.receipt, body: message.body, attributes };
    const answer = consumer(
      { Records: [record] } as unknown as SQSEvent,
      {
        getRemainingTimeInMillis: () => leftMs,
      } as Context,
    );
    const { batchItemFailures } = await answer;
    return { isBack: batchItemFailures.length === 1, receives: message.receiveCount };
  };
  return { sync, clock, invoke, warned };
}

describe('a consumer whose start fails', () => {
  it('gives its messages back with back-off, parks them at their last receive, and starts when it can', async () => {
    let isHubUp = false;
    const { sync, clock, invoke, warned } = await world(async (works) => {
      if (!isHubUp) throw hubAway();
      return works;
    });
    for (const backoffMs of [1_000, 4_000, 16_000, 64_000]) {
      expect(await invoke()).toMatchObject({ isBack: true });
      await clock.advance(backoffMs - 1);
      expect(await sync.depth()).toMatchObject({ visible: 0, inFlight: 1 });
      await clock.advance(1);
    }
    expect(await invoke()).toEqual({ isBack: false, receives: 5 });
    expect(await sync.listDead()).toMatchObject([{ reason: 'given up after 5 attempts: GET root:tmc: no answer' }]);
    expect(warned).toContain('the function could not start: its messages go back');
    isHubUp = true;
    await sync.redrive();
    expect(await invoke()).toEqual({ isBack: false, receives: 1 });
    expect(await sync.depth()).toMatchObject({ dead: 0 });
  });

  it('answers before its time-out while the start hangs, and goes on with that start', async () => {
    let starts = 0;
    let finish: (consumer: SqsFunction) => void = () => undefined;
    let works: SqsFunction | undefined;
    const { clock, invoke } = await world((consumer) => {
      starts += 1;
      works = consumer;
      return new Promise((settle) => {
        finish = settle;
      });
    });
    expect(await invoke(2_010)).toMatchObject({ isBack: true });
    await clock.advance(1_000);
    if (works) finish(works);
    expect(await invoke()).toEqual({ isBack: false, receives: 2 });
    expect(starts).toBe(1);
  });

  it('for a reason the operator must mend throws it, for Lambda to count', async () => {
    const { invoke } = await world(async () => {
      throw terminalError('no such export', { type: 'ConfigurationError' });
    });
    await expect(invoke()).rejects.toThrow('no such export');
  });
});
