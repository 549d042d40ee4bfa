import { syncerFinalizer } from '@tmc/apis/names.ts';
import { retryError, TmcError } from '@tmc/kernel/errors.ts';
import type { KubeObject } from '@tmc/kernel/object.ts';
import { createTestClock } from '@tmc/testkit/clock.ts';
import { configMap } from '@tmc/testkit/objects.ts';
import { describe, expect, it } from 'vitest';
import type { Relay, SourceReport } from './main.ts';
import { Bench } from './testing/harness.ts';
import { expired } from './testing/scripted-server.ts';
import { WATCH_STATES, type WatchState } from './watch-state.ts';

const map = (name: string, value = '1', meta: Partial<KubeObject['metadata']> = {}): KubeObject =>
  configMap({ name, ...meta }, { value });
const newBench = () => new Bench(createTestClock(1_700_000_000_000));
const only = (relay: Relay) => relay.state()[0]!;
const cut = () => retryError('connection reset', { type: 'ClusterUnreachable' });
const changes = (bench: Bench) =>
  bench.queue
    .envelopes()
    .filter((e) => e.change !== 'tick')
    .map((e) => [e.change, e.key.name]);

async function listed(bench: Bench, relay: Relay): Promise<void> {
  await bench.until('stream open', () => relay.ready() && bench.server.streams === 1);
}

describe('states of a list-watch', () => {
  /** What puts a stream or list in the state, whether it leads to another list (else the stream is resumed), and after which wait. */
  const faults: [WatchState, unknown, { again: 'lists' | 'resumes'; waitsMs: number }][] = [
    ['cut', cut(), { again: 'resumes', waitsMs: 188 }],
    ['half-open', retryError('no PING back', { type: 'SyncTimeout' }), { again: 'resumes', waitsMs: 188 }],
    ['expired', expired(), { again: 'lists', waitsMs: 0 }],
    ['torn-down', retryError('404 page not found', { type: 'ResourceNotFound' }), { again: 'lists', waitsMs: 188 }],
    ['unauthorised', retryError('401', { type: 'ClusterAuthentication' }), { again: 'resumes', waitsMs: 188 }],
    ['forbidden', retryError('403', { type: 'ResourcePermission' }), { again: 'resumes', waitsMs: 188 }],
    [
      'throttled',
      retryError('429', { type: 'ClusterUnavailable', retryAfterMs: 3_000 }),
      { again: 'resumes', waitsMs: 3_000 },
    ],
    ['server-error', retryError('503', { type: 'ClusterUnavailable' }), { again: 'resumes', waitsMs: 188 }],
    [
      'malformed',
      new TmcError('malformed', 'line is no JSON', { type: 'ResourceValidation' }),
      { again: 'lists', waitsMs: 188 },
    ],
    [
      'oversized',
      new TmcError('malformed', 'line too long', { type: 'ResourceValidation', component: 'watch-line-limit' }),
      { again: 'lists', waitsMs: 188 },
    ],
    ['failed', new Error('nobody foresaw this'), { again: 'lists', waitsMs: 188 }],
  ];

  it.each(faults)(
    '%s on a stream is named, waited out and nothing is lost',
    async (state, error, { again, waitsMs }) => {
      const bench = newBench();
      bench.server.put(map('a'));
      const reports: SourceReport[] = [];
      const relay = bench.start({}, { report: (report) => void reports.push(report) });
      await listed(bench, relay);
      const failedAtMs = bench.clock.now();
      bench.server.end(error);
      await bench.clock.advance(0);
      if (waitsMs > 0) expect(only(relay).state).toBe('back-off');
      bench.server.put(map('b'));
      await bench.until('stream open again', () => bench.server.streams === 1);
      expect(bench.clock.now() - failedAtMs).toBeGreaterThanOrEqual(waitsMs);
      expect(bench.clock.now() - failedAtMs).toBeLessThan(waitsMs + 100);
      await bench.until('b told', () => bench.queue.view().has('root|/configmaps|default/b'));
      expect(only(relay).entered[state]).toBe(1);
      expect(only(relay).lastError).toBe((error as Error).message);
      expect(only(relay).counters.lists).toBe(again === 'lists' ? 2 : 1);
      expect(reports.map((report) => [report.state, report.message])).toEqual([
        [state, (error as Error).message],
        ['open', undefined],
      ]);
      expect(changes(bench)).toEqual([
        ['upsert', 'a'],
        ['upsert', 'b'],
      ]);
      await bench.stop(relay);
      expect(only(relay).state).toBe('stopped');
    },
  );

  it.each(faults)('%s on a list is named, waited out and the list is begun anew', async (state, error) => {
    const bench = newBench();
    bench.server.pageSize = 1;
    bench.server.put(map('a'));
    bench.server.put(map('b'));
    bench.server.pageFaults.push(undefined, error);
    const relay = bench.start();
    await listed(bench, relay);
    await bench.until('both told', () => changes(bench).length === 2);
    expect(only(relay).entered[state]).toBe(1);
    expect(bench.server.pages).toBe(4);
    await bench.stop(relay);
  });

  it.each(faults)('%s as the answer to a watch is named and waited out', async (state, error) => {
    const bench = newBench();
    bench.server.watchFaults.push(error);
    const relay = bench.start();
    await listed(bench, relay);
    expect(only(relay).entered[state]).toBe(1);
    await bench.stop(relay);
  });

  it('a stream that outlives its own deadline is quiet: it is given up and resumed', async () => {
    const bench = newBench();
    bench.server.put(map('a'));
    const relay = bench.start();
    await listed(bench, relay);
    await bench.clock.advance(479_000);
    expect([bench.server.watches, only(relay).entered.quiet]).toEqual([1, undefined]);
    await bench.clock.advance(2_000);
    expect([bench.server.watches, bench.server.streams, only(relay).entered.quiet]).toEqual([2, 1, 1]);
    expect(only(relay).counters.lists).toBe(1);
    bench.server.put(map('b'));
    await bench.until('b told', () => changes(bench).length === 2);
    await bench.stop(relay);
  });

  it('a stream that waits for room beyond its deadline is not quiet: what is left of it is read first', async () => {
    const bench = newBench();
    const relay = bench.start({ limits: { maxBytes: 700 } });
    await listed(bench, relay);
    bench.queue.hanging = true;
    for (const name of ['a', 'b', 'c']) bench.server.put(map(name));
    await bench.clock.advance(450_000);
    bench.server.end();
    await bench.clock.advance(100_000);
    bench.queue.release();
    await bench.until('told', () => changes(bench).length === 3);
    await bench.until('closed', () => only(relay).entered.closed === 1, 1_000);
    expect(only(relay).entered.quiet).toBeUndefined();
    await bench.stop(relay);
  });

  it('one that has told what it held, and is still not ended, is quiet after all', async () => {
    const bench = newBench();
    const relay = bench.start({ limits: { maxBytes: 700 } });
    await listed(bench, relay);
    bench.queue.hanging = true;
    for (const name of ['a', 'b']) bench.server.put(map(name));
    await bench.clock.advance(550_000);
    expect(only(relay).entered.quiet).toBeUndefined();
    bench.queue.release();
    await bench.until('told', () => changes(bench).length === 2);
    await bench.until('given up', () => only(relay).entered.quiet === 1, 31_000);
    await bench.stop(relay);
  });

  it('no jump of the machine’s clock, forwards or backwards, ends or wedges anything', async () => {
    const clock = createTestClock(1_700_000_000_000);
    const bench = new Bench(clock);
    const relay = bench.start();
    await listed(bench, relay);
    for (const [jumps, hours] of [-30, 7, 50, -1].entries()) {
      clock.jumpTo(clock.now() + hours * 3_600_000);
      bench.server.put(map(`o${hours}`));
      await bench.until('told', () => changes(bench).length === jumps + 1);
      expect(only(relay)).toMatchObject({ counters: { lists: 1 }, lastHint: undefined });
    }
    expect(Object.keys(only(relay).entered)).not.toContain('back-off');
    await relay.stop();
  });

  it('is open, streaming, at a bookmark and closed in turn', async () => {
    const bench = newBench();
    const relay = bench.start();
    await listed(bench, relay);
    await bench.until('stream accepted', () => only(relay).state === 'open');
    expect(only(relay).entered.connecting).toBe(1);
    bench.server.put(map('a'));
    await bench.until('event read', () => only(relay).state === 'streaming');
    bench.server.bookmark();
    await bench.until('bookmark read', () => only(relay).state === 'bookmark');
    const before = bench.clock.now();
    bench.server.end();
    await bench.clock.advance(0);
    expect(only(relay).entered.closed).toBe(1);
    expect(bench.server.streams).toBe(1);
    expect(bench.clock.now()).toBe(before);
    await bench.stop(relay);
  });

  it('every state is entered by a test of this file or of those about lists', () => {
    const entered: WatchState[] = [
      ...faults.map(([state]) => state),
      ...([
        'connecting',
        'open',
        'listing',
        'streaming',
        'bookmark',
        'closed',
        'back-off',
        'stopped',
        'quiet',
      ] as const),
      // initial-list.test.ts, epoch.test.ts and, below, an old event of an unknown object.
      ...(['list-streaming', 'stale', 'contradictory', 'disordered'] as const),
    ];
    expect([...entered].sort()).toEqual([...WATCH_STATES].sort());
  });

  it('does not spin on streams that end at once without an event', async () => {
    const bench = newBench();
    const relay = bench.start();
    await listed(bench, relay);
    for (let round = 0; round < 5; round += 1) {
      bench.server.end();
      await bench.until('stream open again', () => bench.server.streams === 1);
    }
    expect(only(relay).entered['back-off']).toBe(5);
    await bench.stop(relay);
  });

  it('asks for a jittered deadline between 300 and 600 s and resumes from the last revision', async () => {
    const bench = newBench();
    const relay = bench.start();
    await listed(bench, relay);
    const stored = bench.server.put(map('a'));
    await bench.until('a told', () => changes(bench).length === 1);
    bench.server.end(cut());
    await bench.until('resumed', () => bench.server.watches === 2);
    expect(bench.server.lastWatch?.resourceVersion).toBe(stored.metadata.resourceVersion);
    expect(bench.server.lastWatch?.timeoutSeconds).toBe(450);
    expect(bench.server.pages).toBe(1);
    await bench.stop(relay);
  });
});

describe('listing again', () => {
  async function acrossGap(bench: Bench, change: () => void): Promise<Relay> {
    const relay = bench.start();
    await listed(bench, relay);
    await bench.until('all told', () => changes(bench).length === bench.server.objects.size);
    bench.server.end(cut(), { lose: true });
    await bench.clock.advance(0);
    change();
    bench.server.compact();
    await bench.until('listed again', () => only(relay).counters.lists === 2 && bench.server.streams === 1);
    await bench.clock.advance(100);
    return relay;
  }

  it('tells what appeared, changed and went in a gap, and nothing else', async () => {
    const bench = newBench();
    for (const name of ['a', 'b', 'c']) bench.server.put(map(name));
    const relay = await acrossGap(bench, () => {
      bench.server.put(map('b', '2'));
      bench.server.remove('default/c');
      bench.server.put(map('d'));
    });
    expect(changes(bench).slice(3).sort()).toEqual([
      ['delete', 'c'],
      ['upsert', 'b'],
      ['upsert', 'd'],
    ]);
    await bench.stop(relay);
  });

  it('tells nobody of a deletion while the list is incomplete', async () => {
    const bench = newBench();
    bench.server.pageSize = 2;
    for (const name of ['a', 'b', 'c', 'd', 'e']) bench.server.put(map(name));
    const relay = bench.start();
    await listed(bench, relay);
    await bench.until('all told', () => changes(bench).length === 5);
    bench.server.end(cut(), { lose: true });
    await bench.clock.advance(0);
    bench.server.remove('default/b');
    bench.server.compact();
    for (let round = 0; round < 3; round += 1) bench.server.pageFaults.push(undefined, cut());
    await bench.until('third list broke', () => bench.server.pageFaults.length === 0);
    expect(only(relay).counters.lists).toBe(1);
    expect(bench.queue.envelopes('delete')).toEqual([]);
    await bench.until('listed again', () => only(relay).counters.lists === 2);
    await bench.until('b told', () => bench.queue.envelopes('delete').length > 0);
    expect(bench.queue.envelopes('delete').map((e) => e.key.name)).toEqual(['b']);
    await bench.stop(relay);
  });

  it('an object our finalizer held and that vanished is unseen, one without is deleted', async () => {
    const bench = newBench();
    const finalizers = [syncerFinalizer('t1')];
    bench.server.put(map('held', '1', { finalizers }));
    bench.server.put(map('free'));
    bench.server.put(map('dying', '1', { finalizers, deletionTimestamp: '2026-01-01T00:00:00Z' }));
    const relay = await acrossGap(bench, () => {
      for (const name of ['held', 'free', 'dying']) bench.server.remove(`default/${name}`);
    });
    expect(changes(bench).slice(3).sort()).toEqual([
      ['delete', 'dying'],
      ['delete', 'free'],
      ['unseen', 'held'],
    ]);
    await bench.stop(relay);
  });

  it('a DELETED event of an object our finalizer holds is unseen, and its return is told', async () => {
    const bench = newBench();
    const held = map('held', '1', { finalizers: [syncerFinalizer('t1')] });
    bench.server.put(held);
    const relay = bench.start();
    await listed(bench, relay);
    bench.server.remove('default/held');
    bench.server.put(held);
    await bench.until('told', () => bench.queue.view().size === 1 && changes(bench).length >= 2);
    await bench.stop(relay);
    expect(bench.queue.envelopes('delete')).toEqual([]);
    expect(only(relay).counters.unseen).toBe(1);
  });

  it('a recreated object is told although its content is the same', async () => {
    const bench = newBench();
    bench.server.put(map('a'));
    const relay = await acrossGap(bench, () => {
      bench.server.remove('default/a');
      bench.server.put(map('a'));
    });
    const uids = bench.queue.envelopes('upsert').map((e) => e.uid);
    expect(new Set(uids).size).toBe(2);
    await bench.stop(relay);
  });

  it('an object or event that cannot be read lists again', async () => {
    const bench = newBench();
    const relay = bench.start();
    await listed(bench, relay);
    for (const event of [
      { type: 'ADDED', object: { metadata: {} } },
      { type: 'ODD', object: map('x') },
    ]) {
      bench.server.put(map('a', String(bench.clock.now())));
      bench.server.inject(event);
      await bench.until('stream open again', () => bench.server.streams === 1);
    }
    await bench.until('listed three times', () => only(relay).counters.lists === 3);
    expect(only(relay).entered.malformed).toBe(2);
    await bench.stop(relay);
  });
});

describe('events that come twice or late', () => {
  it('tells a repeated event once', async () => {
    const bench = newBench();
    const relay = bench.start();
    await listed(bench, relay);
    bench.server.put(map('a'));
    bench.server.repeat(1);
    bench.server.put(map('a', '2'));
    bench.server.repeat(2);
    await bench.until('read', () => only(relay).counters.events === 5);
    await bench.stop(relay);
    expect(only(relay).counters.duplicates).toBe(3);
    expect(bench.queue.view().get('root|/configmaps|default/a')?.body?.['data']).toEqual({ value: '2' });
  });

  it('an old event of an unknown object lists again instead of raising the dead', async () => {
    const bench = newBench();
    const relay = bench.start();
    await listed(bench, relay);
    bench.server.put(map('a'));
    bench.server.remove('default/a');
    bench.server.repeat(2);
    await bench.until('listed again', () => only(relay).counters.lists === 2);
    await bench.stop(relay);
    expect(only(relay).entered.disordered).toBe(1);
    expect(bench.queue.view().size).toBe(0);
  });
});
