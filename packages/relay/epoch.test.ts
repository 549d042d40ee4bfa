import { retryError } from '@tmc/kernel/errors.ts';
import type { KubeObject } from '@tmc/kernel/object.ts';
import { createTestClock } from '@tmc/testkit/clock.ts';
import { configMap } from '@tmc/testkit/objects.ts';
import { describe, expect, it } from 'vitest';
import { isMissing } from './list-watch-status.ts';
import type { Relay, RelayPorts, SourceReport } from './main.ts';
import { Bench } from './testing/harness.ts';
import { expired, ScriptedServer } from './testing/scripted-server.ts';

const newBench = () => new Bench(createTestClock(1_700_000_000_000));
const only = (relay: Relay) => relay.state()[0]!;
const epochs = (bench: Bench) => bench.queue.envelopes('upsert').map((e) => [e.key.name, e.source.epoch]);

/** A server as it was at an earlier revision, with what was written there since. */
function restore(server: ScriptedServer, objects: readonly KubeObject[], rv: number): void {
  server.objects.clear();
  for (const object of objects) server.objects.set(`default/${object.metadata.name}`, object);
  server.rewind(rv);
  server.end(expired());
}

const stored = (name: string, uid: string, resourceVersion: string): KubeObject =>
  configMap({ name, uid, resourceVersion }, { value: 'old' });

describe.each([true, false])('the epoch of a source, with WatchList %s', (watchList) => {
  async function startListed(config = {}, ports: Partial<RelayPorts> = {}): Promise<{ bench: Bench; relay: Relay }> {
    const bench = newBench();
    bench.server.watchList = watchList;
    for (const name of ['a', 'b']) bench.server.put(configMap({ name }));
    const relay = bench.start(config, ports);
    await bench.until('told', () => epochs(bench).length === 2 && bench.server.streams === 1);
    return { bench, relay };
  }

  it('rises when two lists in a row are older than what was read: everything is told again, nothing as deleted', async () => {
    const { bench, relay } = await startListed({ listMarks: 'all' });
    restore(bench.server, [stored('a', 'uid-1001', '500')], 600);
    await bench.until('told in the new epoch', () => epochs(bench).length === 3);
    expect(epochs(bench)[2]).toEqual(['a', 1]);
    expect(only(relay).entered.stale).toBe(2);
    expect(bench.queue.envelopes('delete')).toEqual([]);
    await bench.until('listed', () => relay.ready());
    const marks = () => bench.queue.envelopes('evaluate').map((e) => [e.source.epoch, e.rv, e.list?.keys.length]);
    await bench.until('marked', () => marks().length === 2);
    expect(marks()).toEqual([
      [0, '1002', 2],
      [1, '600', 1],
    ]);
    bench.server.put(configMap({ name: 'c' }));
    await bench.until('live', () => epochs(bench).length === 4);
    await bench.stop(relay);
    expect(bench.checkpoints.last('configmaps')).toEqual({ rv: '601', epoch: 1 });
    expect(await bench.checkpoints.loadEpoch('hub-1')).toBe(1);
  });

  it('does not rise for a single list that lags', async () => {
    const { bench, relay } = await startListed();
    const objects = [...bench.server.objects.values()];
    restore(bench.server, [], 600);
    await bench.until('stale named', () => only(relay).entered.stale === 1);
    for (const object of objects) bench.server.objects.set(`default/${object.metadata.name}`, object);
    bench.server.rewind(1_002);
    await bench.until('listed again', () => only(relay).counters.lists === 2);
    expect([epochs(bench).length, await bench.checkpoints.loadEpoch('hub-1')]).toEqual([2, 0]);
    expect(bench.queue.envelopes('delete')).toEqual([]);
    await bench.stop(relay);
  });

  it('rises when a complete list, confirmed, holds a known object at a lower revision although the server went on', async () => {
    const { bench, relay } = await startListed();
    restore(bench.server, [stored('a', 'uid-1001', '500')], 5_000);
    await bench.until('told in the new epoch', () => epochs(bench).length === 3);
    expect([epochs(bench)[2], only(relay).entered.stale]).toEqual([['a', 1], 2]);
    expect(bench.queue.envelopes('delete')).toEqual([]);
    await bench.stop(relay);
  });

  it('rises when an object is at another endpoint with a lower revision, once, and again when it leaves the first', async () => {
    const { bench, relay } = await startListed();
    const other = new ScriptedServer('https://shard-2', 10);
    other.watchList = watchList;
    other.objects.set('default/a', stored('a', 'uid-1001', '7'));
    const stands = () => relay.ready() && bench.server.streams === 1 && other.streams === 1;
    relay.setSources([bench.server.source, other.source]);
    await bench.until('told in epoch 1', () => epochs(bench).some(([, epoch]) => epoch === 1) && stands());
    await bench.clock.advance(120_000);
    expect(await bench.checkpoints.loadEpoch('hub-1')).toBe(1);
    bench.server.remove('default/a');
    await bench.until(
      'told in epoch 2',
      () => epochs(bench).some(([name, epoch]) => name === 'a' && epoch === 2) && stands(),
    );
    await bench.clock.advance(120_000);
    expect(await bench.checkpoints.loadEpoch('hub-1')).toBe(2);
    expect(bench.queue.envelopes('delete')).toEqual([]);
    bench.server.remove('default/b');
    other.remove('default/a');
    await bench.until('deletions told', () => bench.queue.envelopes('delete').length === 2);
    await bench.stop(relay);
  });

  it('does not rise for two endpoints that show the same objects', async () => {
    const { bench, relay } = await startListed();
    const same = { ...bench.server.source, endpoint: 'https://the-same' };
    relay.setSources([bench.server.source, same]);
    await bench.until('listed', () => relay.ready() && bench.server.streams === 2);
    bench.server.put(configMap({ name: 'c' }));
    bench.server.remove('default/a');
    await bench.until('deletion told', () => bench.queue.envelopes('delete').length === 1);
    expect(await bench.checkpoints.loadEpoch('hub-1')).toBe(0);
    await bench.stop(relay);
  });

  it('rises when a restart finds its checkpoint twice above all that the server knows', async () => {
    const { bench, relay } = await startListed();
    await bench.stop(relay);
    restore(bench.server, [stored('a', 'uid-1001', '500')], 600);
    const next = bench.start();
    await bench.until('told in the new epoch', () => epochs(bench).length === 3);
    expect([epochs(bench)[2], only(next).entered.stale]).toEqual([['a', 1], 2]);
    await bench.stop(next);
    const third = bench.start();
    await bench.until('ready', () => third.ready());
    await bench.stop(third);
    expect(epochs(bench)).toHaveLength(3);
  });

  it('rises once in ten minutes however often an endpoint contradicts itself, and says so once', async () => {
    const reports: SourceReport[] = [];
    const { bench, relay } = await startListed({}, { report: (report: SourceReport) => void reports.push(report) });
    restore(bench.server, [stored('a', 'uid-1001', '500')], 600);
    await bench.until('told in the new epoch', () => epochs(bench).length === 3);
    restore(bench.server, [stored('a', 'uid-1001', '50')], 60);
    await bench.until('held back', () => only(relay).entered.contradictory === 3);
    expect(only(relay).lastError).toContain('raised the epoch less than 10 min ago');
    expect(reports.filter(({ state }) => state === 'contradictory')).toHaveLength(1);
    await bench.clock.advance(300_000);
    expect([relay.metrics().epoch, epochs(bench).length, isMissing(only(relay))]).toEqual([1, 3, true]);
    await bench.until('told in the next epoch', () => epochs(bench).length === 4, 400_000);
    expect(epochs(bench)[3]).toEqual(['a', 2]);
    await bench.until('well again', () => relay.ready() && reports.at(-1)?.message === undefined);
    await bench.stop(relay);
  });

  it('waits until the higher epoch is stored before anything is told in it', async () => {
    const { bench, relay } = await startListed();
    bench.checkpoints.fault = retryError('table is away', { type: 'InternalError' });
    restore(bench.server, [stored('a', 'uid-1001', '500')], 600);
    await bench.until('tried', () => (only(relay).entered.stale ?? 0) > 2);
    expect([epochs(bench).length, only(relay).lastError]).toEqual([2, expect.stringContaining('table is away')]);
    bench.checkpoints.fault = undefined;
    await bench.until('told in the new epoch', () => epochs(bench).length === 3);
    await bench.stop(relay);
  });
});

describe('the epoch that counts', () => {
  it.each([
    [0, 3, 3],
    [5, 3, 5],
  ])('configured %i and stored %i is %i', async (configured, saved, effective) => {
    const bench = newBench();
    await bench.checkpoints.raiseEpoch('hub-1', saved);
    bench.server.put(configMap({ name: 'a' }));
    const relay = bench.start({ source: { kind: 'hub', id: 'hub-1', epoch: configured } });
    await bench.until('told', () => epochs(bench).length === 1);
    await bench.stop(relay);
    expect([epochs(bench), bench.checkpoints.last('configmaps')?.epoch]).toEqual([[['a', effective]], effective]);
  });
});
