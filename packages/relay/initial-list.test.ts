import { retryError, TmcError } from '@tmc/kernel/errors.ts';
import { createTestClock } from '@tmc/testkit/clock.ts';
import { configMap } from '@tmc/testkit/objects.ts';
import { describe, expect, it } from 'vitest';
import { mustUsePages } from './list-method.ts';
import type { Relay } from './main.ts';
import { Bench } from './testing/harness.ts';
import { expired } from './testing/scripted-server.ts';
import { WATCH_STATES } from './watch-state.ts';

const cut = () => retryError('connection reset', { type: 'ClusterUnreachable' });
const only = (relay: Relay) => relay.state()[0]!;
const told = (bench: Bench, change: 'upsert' | 'delete') => bench.queue.envelopes(change).map((e) => e.key.name);

function streamingBench(...names: string[]): Bench {
  const bench = new Bench(createTestClock(1_700_000_000_000));
  bench.server.watchList = true;
  for (const name of names) bench.server.put(configMap({ name }));
  return bench;
}

describe('a list as the first events of a stream', () => {
  it('is complete at its annotated bookmark, and the same stream goes on live', async () => {
    const bench = streamingBench('a', 'b');
    const relay = bench.start();
    await bench.until('listed', () => relay.ready());
    bench.server.put(configMap({ name: 'c' }));
    await bench.until('told', () => told(bench, 'upsert').length === 3);
    expect([bench.server.pages, bench.server.watches]).toEqual([0, 1]);
    expect(bench.server.lastWatch).toMatchObject({ sendInitialEvents: true });
    expect(bench.server.lastWatch?.resourceVersion).toBeUndefined();
    expect(only(relay)).toMatchObject({
      entered: { 'list-streaming': 1, open: 1 },
      pagedBecause: undefined,
      rv: bench.server.rv,
    });
    await bench.stop(relay);
    expect(bench.checkpoints.last('configmaps')?.rv).toBe(bench.server.rv);
  });

  it('is what follows a 410: what went in the gap is told once it is complete', async () => {
    const bench = streamingBench('a', 'b', 'c');
    const relay = bench.start();
    await bench.until('told', () => told(bench, 'upsert').length === 3);
    bench.server.end(cut(), { lose: true });
    await bench.clock.advance(0);
    bench.server.remove('default/b');
    bench.server.compact();
    await bench.until('deletion told', () => told(bench, 'delete').length === 1);
    expect([told(bench, 'delete'), told(bench, 'upsert').length, bench.server.pages]).toEqual([['b'], 3, 0]);
    await bench.stop(relay);
  });

  it('deletes nothing while it is incomplete, and is read by pages when it broke twice', async () => {
    const bench = streamingBench('a', 'b', 'c');
    const relay = bench.start();
    await bench.until('told', () => told(bench, 'upsert').length === 3);
    bench.server.end(expired(), { lose: true });
    bench.server.cutInitialAfter = 1;
    await bench.until('list begun', () => only(relay).state === 'list-streaming');
    bench.server.end(cut());
    await bench.until('list begun again', () => bench.server.watches === 3);
    expect([bench.server.pages, only(relay).counters.lists]).toEqual([0, 1]);
    bench.server.end(cut());
    await bench.until('listed by pages', () => only(relay).counters.lists === 2 && bench.server.streams === 1);
    expect([told(bench, 'delete'), bench.server.pages]).toEqual([[], 1]);
    expect(only(relay).pagedBecause).toBe('connection reset');
    await bench.stop(relay);
  });

  it('that falls silent is given up, and read by pages the second time', async () => {
    const bench = streamingBench('a', 'b');
    bench.server.cutInitialAfter = 1;
    const relay = bench.start();
    await bench.until('listed', () => relay.ready(), 70_000);
    expect([only(relay).entered.quiet, bench.server.pages, only(relay).pagedBecause]).toEqual([
      2,
      1,
      expect.stringContaining('fell silent'),
    ]);
    await bench.stop(relay);
  });

  it('whose objects wait for room for long has not fallen silent', async () => {
    const bench = streamingBench('a', 'b', 'c');
    bench.queue.hanging = true;
    const relay = bench.start({ limits: { maxBytes: 1_000 } });
    await bench.clock.advance(200_000);
    expect(only(relay)).toMatchObject({ state: 'list-streaming', entered: { 'list-streaming': 1 }, listed: false });
    bench.queue.release();
    await bench.until('told', () => told(bench, 'upsert').length === 3);
    await bench.stop(relay);
  });

  it('that a server closes before its end is incomplete', async () => {
    const bench = streamingBench('a', 'b');
    bench.server.cutInitialAfter = 1;
    const relay = bench.start();
    await bench.until('list begun', () => only(relay).state === 'list-streaming' && bench.server.streams === 1);
    bench.server.end();
    await bench.until('named', () => only(relay).entered.cut === 1);
    expect([relay.ready(), only(relay).lastError]).toEqual([
      false,
      expect.stringContaining('before its initial events'),
    ]);
    bench.server.cutInitialAfter = Number.POSITIVE_INFINITY;
    await bench.until('listed', () => relay.ready());
    await bench.until('told', () => told(bench, 'upsert').length === 2);
    expect(bench.server.pages).toBe(0);
    await bench.stop(relay);
  });

  it('is read by pages at once and without a failure when the server refuses it, and asked for again half an hour later', async () => {
    const bench = streamingBench('a');
    bench.server.watchList = false;
    const relay = bench.start({ antiEntropyMs: 0 });
    await bench.clock.advance(0);
    expect([relay.ready(), bench.server.pages, only(relay).pagedBecause]).toEqual([
      true,
      1,
      'sendInitialEvents is forbidden',
    ]);
    expect([only(relay).lastError, only(relay).failures]).toEqual([undefined, 0]);
    bench.server.watchList = true;
    bench.server.end(expired());
    await bench.until('listed again', () => only(relay).counters.lists === 2);
    expect(bench.server.pages).toBe(2);
    await bench.clock.advance(31 * 60_000);
    bench.server.end(expired());
    await bench.until('listed a third time', () => only(relay).counters.lists === 3);
    expect([bench.server.pages, only(relay).pagedBecause]).toEqual([2, undefined]);
    await bench.stop(relay);
  });

  it.each([
    ['an ERROR instead of the rest', expired(), 'expired'],
    [
      'a line too long',
      new TmcError('malformed', 'too long', { type: 'ResourceValidation', component: 'watch-line-limit' }),
      'oversized',
    ],
  ] as const)('%s leads to pages', async (_name, error, state) => {
    const bench = streamingBench('a', 'b');
    bench.server.cutInitialAfter = 1;
    const relay = bench.start();
    await bench.until('list begun', () => bench.server.streams === 1);
    bench.server.end(error);
    await bench.until('listed', () => relay.ready());
    expect([bench.server.pages, only(relay).entered[state]]).toEqual([1, 1]);
    await bench.stop(relay);
  });

  it('begins anew when a token of its pages expires', async () => {
    const bench = streamingBench('a', 'b', 'c');
    bench.server.watchList = false;
    bench.server.pageSize = 1;
    bench.server.pageFaults.push(undefined, undefined, expired());
    const relay = bench.start();
    await bench.until('listed', () => relay.ready());
    await bench.until('told', () => told(bench, 'upsert').length === 3);
    expect([bench.server.pages, only(relay).entered.expired]).toEqual([6, 1]);
    await bench.stop(relay);
  });
});

describe('when pages must be used', () => {
  const refused = WATCH_STATES.filter((state) => mustUsePages(state, { opened: false, failures: 1 }));
  const broken = WATCH_STATES.filter((state) => mustUsePages(state, { opened: true, failures: 1 }));
  const twice = WATCH_STATES.filter((state) => mustUsePages(state, { opened: true, failures: 2 }));

  it('not for answers that a list would get too, nor for one broken link', () => {
    for (const state of ['unauthorised', 'forbidden', 'expired', 'throttled'] as const)
      expect(refused).not.toContain(state);
    for (const state of ['cut', 'half-open', 'quiet', 'server-error', 'stale'] as const)
      expect([...refused, ...broken]).not.toContain(state);
  });

  it('for a refusal, for an error instead of the rest, for two broken links', () => {
    expect(refused).toEqual(expect.arrayContaining(['failed', 'torn-down']));
    expect(broken).toEqual(expect.arrayContaining(['expired', 'malformed', 'oversized', 'throttled', 'failed']));
    expect(twice).toEqual(expect.arrayContaining(['cut', 'half-open', 'quiet', 'server-error']));
  });
});
