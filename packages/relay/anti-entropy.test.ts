import { retryError } from '@tmc/kernel/errors.ts';
import type { PageOptions } from '@tmc/kernel/ports.ts';
import { createTestClock } from '@tmc/testkit/clock.ts';
import { configMap } from '@tmc/testkit/objects.ts';
import { describe, expect, it } from 'vitest';
import type { Relay, RelayConfig } from './main.ts';
import { StateDigest } from './state-digest.ts';
import { Bench } from './testing/harness.ts';

const MEAN_MS = 600_000;
const only = (relay: Relay) => relay.state()[0]!;
const told = (bench: Bench) =>
  bench.queue
    .envelopes()
    .filter((e) => e.change !== 'tick')
    .map((e) => `${e.change} ${e.key.name}`);

/** A relay that streams a, b and c, and the pages it asked for. */
async function streaming(
  config: Partial<RelayConfig> = {},
): Promise<{ bench: Bench; relay: Relay; pages: PageOptions[] }> {
  const bench = new Bench(createTestClock(1_700_000_000_000));
  bench.server.watchList = true;
  for (const name of ['a', 'b', 'c']) bench.server.put(configMap({ name }));
  const pages: PageOptions[] = [];
  const page = bench.server.source.page;
  bench.server.source.page = (resource, options) => {
    pages.push(options);
    return page(resource, options);
  };
  const relay = bench.start({ antiEntropyMs: MEAN_MS, ...config });
  await bench.until('told', () => told(bench).length === 3);
  return { bench, relay, pages };
}

/** The comparison begins at its mean time here, as random is 0.5; differences get up to half a minute. */
async function compared(bench: Bench, relay: Relay, times = 1): Promise<void> {
  await bench.clock.advance(MEAN_MS);
  await bench.until('compared', () => only(relay).counters.comparisons === times, 60_000);
}

describe('anti-entropy', () => {
  it('reads metadata once in a while and sends nothing when all agree', async () => {
    const { bench, relay, pages } = await streaming();
    await bench.clock.advance(MEAN_MS * 3);
    expect(pages.map(({ metadataOnly }) => metadataOnly)).toEqual([true, true, true]);
    expect(only(relay).counters).toMatchObject({ comparisons: 3, repaired: 0, lists: 1 });
    expect(told(bench)).toHaveLength(3);
    await bench.stop(relay);
  });

  it('finds an update, a creation and a deletion that the stream lost, and has them told', async () => {
    const { bench, relay } = await streaming();
    bench.server.lose(() => {
      bench.server.put(configMap({ name: 'a' }, { value: 'new' }));
      bench.server.remove('default/b');
      bench.server.put(configMap({ name: 'd' }));
    });
    await compared(bench, relay);
    await bench.until('told', () => told(bench).length === 6);
    expect(told(bench).slice(3).sort()).toEqual(['delete b', 'upsert a', 'upsert d']);
    expect(only(relay).counters).toMatchObject({ repaired: 3, lists: 2 });
    await compared(bench, relay, 2);
    expect(only(relay).counters.repaired).toBe(3);
    await bench.stop(relay);
  });

  it('gives the stream time: what is written while the list is read is no difference', async () => {
    const { bench, relay } = await streaming();
    const page = bench.server.source.page;
    let lists = 0;
    bench.server.source.page = async (resource, options) => {
      lists += 1;
      if (lists > 1) return page(resource, options);
      const release = bench.server.hold();
      bench.server.put(configMap({ name: 'a' }, { value: 'new' }));
      bench.server.put(configMap({ name: 'd' }));
      bench.server.remove('default/b');
      const listed = await page(resource, options);
      bench.server.remove('default/d');
      bench.server.put(configMap({ name: 'b' }));
      void bench.clock.sleep(5_000, options.signal).then(release);
      return listed;
    };
    await compared(bench, relay);
    expect(only(relay).counters).toMatchObject({ repaired: 0, lists: 1 });
    await bench.until('told', () => only(relay).rv === bench.server.rv);
    await bench.stop(relay);
  });

  it('a reader that waits for room in the outbox has lost nothing', async () => {
    const { bench, relay } = await streaming({ limits: { maxBytes: 4_000 }, tickMs: 3_600_000 });
    bench.queue.hanging = true;
    for (let i = 0; i < 100; i += 1) bench.server.put(configMap({ name: `o${i}` }));
    await bench.clock.advance(MEAN_MS + 60_000);
    expect(relay.metrics().outbox.blocked).toBeGreaterThan(0);
    expect(only(relay).counters).toMatchObject({ comparisons: 0, repaired: 0, lists: 1 });
    bench.queue.release();
    await bench.until('all told', () => bench.queue.view().size === 103);
    await bench.stop(relay);
  });

  it('a list that fails proves nothing, and the next comparison comes', async () => {
    const { bench, relay } = await streaming();
    bench.server.pageFaults.push(retryError('connection reset', { type: 'ClusterUnreachable' }));
    await bench.clock.advance(MEAN_MS + 1_000);
    expect(only(relay).counters).toMatchObject({ comparisons: 0, comparisonsFailed: 1, repaired: 0 });
    await bench.clock.advance(MEAN_MS);
    expect(only(relay).counters).toMatchObject({ comparisons: 1, comparisonsFailed: 1 });
    await bench.stop(relay);
  });

  it('reads nothing with an interval of 0', async () => {
    const bench = new Bench(createTestClock(1_700_000_000_000));
    bench.server.watchList = true;
    const relay = bench.start({ antiEntropyMs: 0 });
    await bench.clock.advance(MEAN_MS * 10);
    expect(bench.server.pages).toBe(0);
    await bench.stop(relay);
  });
});

describe('a digest of states', () => {
  const states = Array.from({ length: 50 }, (_, i) => [`uid-${i}`, BigInt(i * 7)] as const);

  it('is the same in any order, and after adding and removing', () => {
    const one = new StateDigest();
    const other = new StateDigest();
    for (const [uid, rv] of states) one.add(uid, rv);
    for (const [uid, rv] of [...states].reverse()) other.add(uid, rv);
    other.add('more', 3n);
    expect([one.value, one.count]).not.toEqual([other.value, other.count]);
    other.remove('more', 3n);
    expect([one.value, one.count]).toEqual([other.value, other.count]);
  });

  it('differs when revisions are swapped between objects', () => {
    const [a, b] = [new StateDigest(), new StateDigest()];
    for (const [digest, first, second] of [
      [a, 1n, 2n],
      [b, 2n, 1n],
    ] as const) {
      digest.add('x', first);
      digest.add('y', second);
    }
    expect(a.value).not.toBe(b.value);
  });
});
