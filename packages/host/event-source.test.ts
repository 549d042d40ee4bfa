import type { SqsFunction } from '@tmc/adapters/lambda/sqs-function.ts';
import type { Log } from '@tmc/adapters/lambda/telemetry.ts';
import { createMemoryQueue } from '@tmc/adapters/memory/queue.ts';
import { systemClock } from '@tmc/kernel/clock.ts';
import { randomIds } from '@tmc/kernel/ids.ts';
import { describe, expect, it, vi } from 'vitest';
import { startEventSource } from './event-source.ts';

const log = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined } as Log;

/** A source whose invocations end when the test says so, per message body. */
function harness({ concurrency }: { concurrency: number }) {
  const queue = createMemoryQueue({ name: 'test', clock: systemClock, ids: randomIds });
  const running = new Map<string, PromiseWithResolvers<'ok' | 'failed' | 'thrown'>>();
  let most = 0;
  const handler: SqsFunction = async ({ Records }) => {
    const waits = Records.map(({ body, messageId }) => {
      const gate = Promise.withResolvers<'ok' | 'failed' | 'thrown'>();
      running.set(body, gate);
      return gate.promise.then((end) => ({ body, messageId, end }));
    });
    most = Math.max(most, running.size);
    const ends = await Promise.all(waits);
    for (const { body } of ends) running.delete(body);
    if (ends.some(({ end }) => end === 'thrown')) throw new Error('thrown');
    const failed = ends.filter(({ end }) => end === 'failed');
    return { batchItemFailures: failed.map(({ messageId }) => ({ itemIdentifier: messageId })) };
  };
  const source = startEventSource({ queue, handler, timeoutMs: 10_000, concurrency, log });
  const send = (bodies: readonly string[]) => queue.send(bodies.map((body) => ({ body, group: 'g' })));
  return { queue, source, send, running, most: () => most };
}

const names = (count: number, prefix: string) => Array.from({ length: count }, (_, i) => `${prefix}${i}`);

describe('an event source', () => {
  it('keeps as many messages under way as it may: a slow batch holds up nobody else', async () => {
    const { queue, source, send, running, most } = harness({ concurrency: 2 });
    await send(names(10, 'a'));
    await send(names(10, 'b'));
    await send(names(10, 'c'));
    await vi.waitFor(() => expect(running.size).toBe(20));
    const [slow, ...others] = [...running.keys()];
    for (const body of others) running.get(body)?.resolve('ok');
    await vi.waitFor(() => expect([...running.keys()].filter((body) => body.startsWith('c'))).toHaveLength(10));
    expect(most()).toBe(20);
    for (const gate of running.values()) gate.resolve('ok');
    await vi.waitFor(async () => expect(await queue.depth()).toMatchObject({ visible: 0, inFlight: 0 }));
    expect(running.has(slow ?? '')).toBe(false);
    await source.stop();
  });

  it('deletes what succeeded and leaves what failed, or was in an invocation that threw', async () => {
    const { queue, source, send, running } = harness({ concurrency: 1 });
    await send(['good', 'bad']);
    await vi.waitFor(() => expect(running.size).toBe(2));
    running.get('good')?.resolve('ok');
    running.get('bad')?.resolve('failed');
    await vi.waitFor(async () => expect(await queue.depth()).toMatchObject({ inFlight: 1 }));
    await send(['worse']);
    await vi.waitFor(() => expect(running.has('worse')).toBe(true));
    running.get('worse')?.resolve('thrown');
    await vi.waitFor(() => expect(running.size).toBe(0));
    expect(await queue.depth()).toMatchObject({ visible: 0, inFlight: 2 });
    await source.stop();
  });

  it('stops when the running invocations have ended, and receives no more', async () => {
    const { queue, source, send, running } = harness({ concurrency: 1 });
    await send(['last']);
    await vi.waitFor(() => expect(running.size).toBe(1));
    let stopped = false;
    const stopping = source.stop().then(() => {
      stopped = true;
    });
    await send(['after']);
    expect(stopped).toBe(false);
    running.get('last')?.resolve('ok');
    await stopping;
    expect(await queue.depth()).toMatchObject({ visible: 1, inFlight: 0 });
  });
});
