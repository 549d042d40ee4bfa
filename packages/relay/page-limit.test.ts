import { terminalError } from '@tmc/kernel/errors.ts';
import { createTestClock } from '@tmc/testkit/clock.ts';
import { configMap } from '@tmc/testkit/objects.ts';
import { describe, expect, it } from 'vitest';
import type { Relay } from './main.ts';
import { Bench } from './testing/harness.ts';

const MEAN_MS = 600_000;
const only = (relay: Relay) => relay.state()[0]!;

/** A server of which pages of more than `most` objects are too large for the reader, and the limits it was asked with. */
function serverOfLargeObjects(most: number, watchList: boolean) {
  const bench = new Bench(createTestClock(1_700_000_000_000));
  bench.server.watchList = watchList;
  for (let n = 0; n < 9; n += 1) bench.server.put(configMap({ name: `o${n}` }));
  const asked: { limit: number; metadataOnly: boolean }[] = [];
  const page = bench.server.source.page;
  bench.server.source.page = async (resource, options) => {
    const { limit = 0, metadataOnly = false } = options;
    asked.push({ limit, metadataOnly });
    if (Math.min(limit, 9) <= most) return page(resource, options);
    throw terminalError('the answer has more than 1 bytes', { type: 'ResourceValidation', component: 'answer-limit' });
  };
  return { bench, asked };
}

const HALVED = [500, 250, 125, 63, 32, 16, 8, 4];

describe('pages that are too large', () => {
  it('are asked for again with fewer objects, until the list is complete', async () => {
    const { bench, asked } = serverOfLargeObjects(4, false);
    const relay = bench.start();
    await bench.until('told', () => bench.queue.envelopes('upsert').length === 9);
    expect(asked.map(({ limit }) => limit)).toEqual([...HALVED, 4, 4]);
    expect(only(relay)).toMatchObject({ listed: true, counters: { lists: 1 } });
    expect(only(relay).entered.oversized ?? 0).toBe(0);
    await bench.stop(relay);
  });

  it('of metadata are compared all the same', async () => {
    const { bench, asked } = serverOfLargeObjects(4, true);
    const relay = bench.start({ antiEntropyMs: MEAN_MS });
    await bench.until('told', () => bench.queue.envelopes('upsert').length === 9);
    await bench.clock.advance(MEAN_MS);
    await bench.until('compared', () => only(relay).counters.comparisons === 1, 60_000);
    expect(asked).toEqual([...HALVED, 4, 4].map((limit) => ({ limit, metadataOnly: true })));
    await bench.stop(relay);
  });

  it('of a single object are a state of their own, with the reason', async () => {
    const { bench } = serverOfLargeObjects(0, false);
    const relay = bench.start();
    await bench.until('tried', () => (only(relay).entered.oversized ?? 0) > 0);
    expect(only(relay)).toMatchObject({ listed: false, lastError: expect.stringContaining('more than 1 bytes') });
    expect(bench.queue.envelopes('delete')).toEqual([]);
    await bench.stop(relay);
  });
});
