import { createTestClock } from '@tmc/testkit/clock.ts';
import { sequentialIds } from '@tmc/testkit/ids.ts';
import { describe, expect, it } from 'vitest';
import { queueContract } from '../queue/queue.contract.ts';
import type { ReceivedMessage } from '../queue/queue.ts';
import { createMemoryQueue } from './queue.ts';

function open(maxReceives = 3) {
  const clock = createTestClock(1_700_000_000_000);
  const queue = createMemoryQueue({
    name: 'test',
    clock: clock.now,
    ids: sequentialIds(),
    maxReceives,
    sleep: clock.sleep,
  });
  return { queue, clock };
}

queueContract({
  name: 'memory',
  fair: true,
  open: () => {
    const { queue, clock } = open();
    return { queue, after: (ms) => clock.advance(ms).then(() => 0) };
  },
});

describe('long polls', () => {
  const { signal } = new AbortController();
  const poll = (visibilityMs = 1_000) => ({ max: 1, visibilityMs, waitMs: 60_000, signal });

  it('one wakes when a visibility timeout passes that began while it slept', async () => {
    const { queue, clock } = open();
    const startMs = clock.now();
    const received = (messages: readonly ReceivedMessage[]) => [messages[0]?.receiveCount, clock.now() - startMs];
    const both = Promise.all([queue.receive(poll()).then(received), queue.receive(poll()).then(received)]);
    await clock.advance(10);
    await queue.send([{ body: 'a', group: 'g' }]);
    await clock.advance(5_000);
    expect((await both).sort()).toEqual([
      [1, 10],
      [2, 1_010],
    ]);
  });

  it('one wakes for a delayed message at its instant, and gives up at its deadline', async () => {
    const { queue, clock } = open();
    const startMs = clock.now();
    const sleeping = queue.receive(poll()).then((messages) => ({ messages, atMs: clock.now() }));
    await queue.send([{ body: 'a', group: 'g', delayMs: 5_000 }]);
    await clock.advance(20_000);
    expect(await sleeping).toMatchObject({ messages: [{ body: 'a' }], atMs: startMs + 5_000 });
    const empty = open();
    const waiting = empty.queue.receive(poll());
    await empty.clock.advance(60_000);
    expect(await waiting).toEqual([]);
    expect(empty.clock.waiting()).toBe(0);
  });
});
