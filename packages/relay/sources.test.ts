import { digestOf } from '@tmc/apis/list-marks.ts';
import { resourceType } from '@tmc/apis/resources.ts';
import { retryError } from '@tmc/kernel/errors.ts';
import type { WatchSource } from '@tmc/kernel/ports.ts';
import { createTestClock } from '@tmc/testkit/clock.ts';
import { configMap, syncTarget } from '@tmc/testkit/objects.ts';
import { describe, expect, it } from 'vitest';
import type { SourceReport } from './main.ts';
import { Bench } from './testing/harness.ts';
import { expired, ScriptedServer } from './testing/scripted-server.ts';

const newBench = () => new Bench(createTestClock(1_700_000_000_000));
const CONFIG_MAPS = resourceType({ group: '', resource: 'configmaps' });
const SECRETS = resourceType({ group: '', resource: 'secrets' });
const TARGETS = resourceType({ group: 'workload.kcp.io', resource: 'synctargets' });
const marks = (bench: Bench) => bench.queue.envelopes('evaluate');
const target = { workspace: 'fleet', name: 'west' };

const down = () => retryError('connection refused', { type: 'ClusterUnreachable' });

/** A relay that has listed and marked `a` at one endpoint, `b` and `c` at another. */
async function markedAtTwoEndpoints() {
  const bench = newBench();
  const other = new ScriptedServer('https://shard-2', 5_000);
  bench.server.put(configMap({ name: 'a' }));
  for (const name of ['b', 'c']) other.put(configMap({ name }));
  const relay = bench.start({ listMarks: 'all' }, { sources: [bench.server.source, other.source] });
  await bench.until('marked', () => relay.ready() && marks(bench).length === 1);
  return { bench, other, relay };
}

/** Kinds at one endpoint, each on a server of its own. */
function severalKinds(servers: Readonly<Record<string, ScriptedServer>>): WatchSource {
  const of = (resource: string) => {
    const server = servers[resource];
    if (!server) throw retryError('404 page not found', { type: 'ResourceNotFound', hint: 'install the kind' });
    return server.source;
  };
  return {
    endpoint: 'https://hub',
    page: async (kind, options) => of(kind.resource).page(kind, options),
    watch: (kind, options) => of(kind.resource).watch(kind, options),
  };
}

describe('kinds that come and go', () => {
  it('are read and left without a restart; one that goes is not deleted, and its checkpoint stays', async () => {
    const bench = newBench();
    const secrets = new ScriptedServer('https://hub', 50);
    bench.server.put(configMap({ name: 'a' }));
    secrets.put(configMap({ name: 's' }));
    const source = severalKinds({ configmaps: bench.server, secrets });
    const relay = bench.start({ resources: [CONFIG_MAPS] }, { sources: [source] });
    await bench.until('told', () => bench.queue.view().size === 1);
    relay.setResources([CONFIG_MAPS, SECRETS]);
    expect(relay.ready()).toBe(false);
    await bench.until('told', () => bench.queue.view().size === 2 && relay.ready());
    expect(bench.server.watches).toBe(1);
    relay.setResources([SECRETS]);
    await bench.until('left', () => bench.server.streams === 0);
    expect(relay.state().map(({ resource }) => resource)).toEqual(['secrets']);
    await bench.until('saved', () => bench.checkpoints.last('configmaps')?.rv === bench.server.rv);
    bench.server.remove('default/a');
    await bench.clock.advance(10_000);
    expect(bench.queue.envelopes('delete')).toEqual([]);
    await bench.stop(relay);
  });

  it('one that is not served is a state with a message and a hint; the others go on', async () => {
    const bench = newBench();
    bench.server.put(configMap({ name: 'a' }));
    const reports: SourceReport[] = [];
    const servers: Record<string, ScriptedServer> = { configmaps: bench.server };
    const relay = bench.start(
      { resources: [SECRETS, CONFIG_MAPS] },
      { sources: [severalKinds(servers)], report: (report) => void reports.push(report) },
    );
    await bench.clock.advance(60_000);
    bench.server.put(configMap({ name: 'b' }));
    await bench.until('told', () => bench.queue.view().size === 2);
    expect(relay.ready()).toBe(false);
    expect(relay.state()[0]).toMatchObject({
      lastError: '404 page not found',
      lastHint: 'install the kind',
      listed: false,
    });
    expect(reports).toEqual([
      {
        endpoint: 'https://hub',
        resource: 'secrets',
        state: 'torn-down',
        message: '404 page not found',
        hint: 'install the kind',
      },
    ]);
    servers['secrets'] = new ScriptedServer('https://hub', 50);
    await bench.until('served', () => relay.ready());
    expect(reports[1]).toEqual({ endpoint: 'https://hub', resource: 'secrets', state: 'open' });
    await bench.stop(relay);
  });
});

describe('the clock of a server', () => {
  it('that is hours off is told once, shown, and disturbs nothing', async () => {
    const bench = newBench();
    const reports: SourceReport[] = [];
    bench.server.skewMs = 7_200_000;
    bench.server.put(configMap({ name: 'a' }));
    const relay = bench.start({}, { report: (report) => void reports.push(report) });
    await bench.until('told', () => bench.queue.view().size === 1);
    bench.server.end(expired());
    await bench.until('listed again', () => relay.state()[0]?.counters.lists === 2);
    const skews = reports.filter(({ message }) => message?.includes('clock'));
    expect(skews).toEqual([
      expect.objectContaining({
        message: expect.stringContaining('7200 s ahead of'),
        hint: expect.stringContaining('NTP'),
      }),
    ]);
    expect(relay.state()[0]?.clockSkewMs).toBe(7_200_000);
    bench.server.skewMs = 900;
    expect(relay.state()[0]?.clockSkewMs).toBeUndefined();
    await bench.stop(relay);
  });
});

describe('list marks', () => {
  const key = (name: string, resource = '/configmaps') => `root|${resource}|default/${name}`;

  it('tell all keys of a first list, also those the checkpoint covers, once per start', async () => {
    const bench = newBench();
    for (const name of ['b', 'a']) bench.server.put(configMap({ name }));
    for (const start of [1, 2]) {
      const relay = bench.start({ listMarks: 'all' });
      await bench.until('marked', () => marks(bench).length === start);
      bench.server.end(expired());
      await bench.until('listed again', () => relay.state()[0]?.counters.lists === 2);
      await bench.stop(relay);
    }
    const keys = [key('a'), key('b')];
    expect(marks(bench)).toHaveLength(2);
    for (const mark of marks(bench)) {
      expect(mark).toMatchObject({
        key: { workspace: '*', name: '*', resource: 'configmaps' },
        rv: bench.server.rv,
        source: { epoch: 0 },
        list: { begin: '', keys, count: 2, digest: digestOf(keys) },
      });
    }
    expect(bench.queue.envelopes('upsert')).toHaveLength(2);
  });

  it.each([
    ['hub', 'control', [true, false]],
    ['hub', 'all', [true, true]],
    ['hub', undefined, []],
    ['member', undefined, [false, false]],
    ['member', 'control', [false, false]],
    ['member', 'all', [true, true]],
  ] as const)('of a %s relay with %s', async (kind, listMarks, expected) => {
    const bench = newBench();
    const targets = new ScriptedServer('https://hub', 50);
    targets.put(syncTarget({ name: 'west' }));
    const source = severalKinds({ configmaps: bench.server, synctargets: targets });
    const relay = bench.start(
      {
        resources: [TARGETS, CONFIG_MAPS],
        source: { kind, id: 'source-1', epoch: 0, target },
        ...(listMarks && { listMarks }),
      },
      { sources: [source] },
    );
    await bench.until('ready', () => relay.ready());
    await bench.clock.advance(1_000);
    const got = new Map(marks(bench).map((mark) => [mark.key.resource, mark.list !== undefined]));
    const kinds = kind === 'hub' && listMarks === 'control' ? ['synctargets'] : ['synctargets', 'configmaps'];
    expect(kinds.flatMap((resource) => got.get(resource) ?? [])).toEqual(kinds.length === 1 ? [true] : expected);
    expect(got.size).toBe(expected.length === 0 ? 0 : kinds.length);
    await bench.stop(relay);
  });

  it('wait for room, and none is lost', async () => {
    const bench = newBench();
    const name = (i: number) => `o${String(i).padStart(200, '0')}`;
    for (let i = 0; i < 1_000; i += 1) bench.server.put(configMap({ name: name(i) }));
    bench.queue.hanging = true;
    const relay = bench.start({ listMarks: 'all', limits: { maxBytes: 100_000 } });
    await bench.clock.advance(5_000);
    expect(relay.metrics().outbox.bytes).toBeLessThanOrEqual(100_000);
    bench.queue.release();
    await bench.until('marked', () => marks(bench).some(({ list }) => list?.end === undefined));
    await bench.stop(relay);
    const lists = marks(bench).map(({ list }) => list!);
    expect(lists.length).toBeGreaterThan(3);
    expect(new Set(lists.flatMap(({ keys }) => keys)).size).toBe(1_000);
    expect(new Set(marks(bench).map(({ rv }) => rv))).toEqual(new Set([bench.server.rv]));
  });

  it('come once all endpoints of a kind are listed, for all of them, at the lowest revision', async () => {
    const bench = newBench();
    const other = new ScriptedServer('https://shard-2', 10);
    bench.server.put(configMap({ name: 'a' }));
    other.put(configMap({ name: 'b' }));
    other.pageFaults.push(retryError('503', { type: 'ClusterUnavailable', retryAfterMs: 30_000 }));
    const relay = bench.start({ listMarks: 'all' }, { sources: [bench.server.source, other.source] });
    await bench.clock.advance(20_000);
    expect(marks(bench)).toEqual([]);
    await bench.until('marked', () => marks(bench).length === 1);
    expect(marks(bench)[0]).toMatchObject({ rv: '11', list: { keys: [key('a'), key('b')] } });
    const third = new ScriptedServer('https://shard-3', 500);
    relay.setSources([bench.server.source, third.source]);
    await bench.until('listed', () => relay.ready());
    await bench.clock.advance(5_000);
    expect(marks(bench)).toHaveLength(1);
    await bench.stop(relay);
  });

  it('of a new epoch wait until each endpoint was listed in it: one that is down denies nothing it holds', async () => {
    const { bench, other, relay } = await markedAtTwoEndpoints();
    const faults = Array.from({ length: 60 }, down);
    bench.server.pageFaults.push(...faults);
    bench.server.watchFaults.push(...faults);
    bench.server.end(down());
    await bench.until('far into its back-off', () => (relay.state()[0]?.failures ?? 0) > 8);
    other.objects.clear();
    other.rewind(4_000);
    other.put(configMap({ name: 'b' }));
    other.end(expired());
    await bench.until('told anew', () => relay.metrics().epoch === 1 && relay.state()[1]?.listed === true);
    await bench.clock.advance(1_000);
    expect(relay.state()[0]?.listed).toBe(false);
    expect(marks(bench)).toHaveLength(1);
    bench.server.pageFaults.length = 0;
    bench.server.watchFaults.length = 0;
    await bench.until('marked', () => marks(bench).length === 2);
    expect(marks(bench)[1]).toMatchObject({ rv: '1001', source: { epoch: 1 }, list: { keys: [key('a'), key('b')] } });
    await bench.stop(relay);
  });

  it('of a new epoch do not wait for the back-off of an endpoint that is well again', async () => {
    const { bench, other, relay } = await markedAtTwoEndpoints();
    bench.server.watchFaults.push(...Array.from({ length: 9 }, down));
    bench.server.end(down());
    await bench.until('far into its back-off', () => (relay.state()[0]?.failures ?? 0) > 9);
    other.objects.clear();
    other.rewind(4_000);
    other.end(expired());
    await bench.until('epoch rose', () => relay.metrics().epoch === 1, 10_000);
    await bench.until('marked', () => marks(bench).length === 2, 3_000);
    expect(marks(bench)[1]?.list?.keys).toEqual([key('a')]);
    await bench.stop(relay);
  });
});

it('each endpoint goes on from its own checkpoint', async () => {
  const bench = newBench();
  const other = new ScriptedServer('https://shard-2', 10);
  const sources = [other.source, bench.server.source];
  for (const server of [bench.server, other]) server.put(configMap({ name: `on-${server.rv}` }));
  const first = bench.start({}, { sources });
  await bench.until('told', () => bench.queue.view().size === 2);
  await bench.stop(first);
  const next = bench.start({}, { sources });
  await bench.until('listed', () => next.ready());
  expect(next.state().map(({ entered, counters }) => [entered.stale, counters.acknowledgedBefore])).toEqual([
    [undefined, 1],
    [undefined, 1],
  ]);
  await bench.stop(next);
});
