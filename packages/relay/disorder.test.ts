import { retryError } from '@tmc/kernel/errors.ts';
import type { KubeObject } from '@tmc/kernel/object.ts';
import { createTestClock } from '@tmc/testkit/clock.ts';
import { configMap } from '@tmc/testkit/objects.ts';
import { describe, expect, it } from 'vitest';
import { RevisionTracker } from './checkpoint.ts';
import type { Relay } from './main.ts';
import { Bench } from './testing/harness.ts';

const changed = (name: string) => configMap({ name }, { value: 'changed' });
const only = (relay: Relay) => relay.state()[0]!;

/** A relay that knows a and b, at a server that is about to tell their changes in the wrong order. */
async function begin() {
  const bench = new Bench(createTestClock(1_700_000_000_000));
  for (const name of ['a', 'b']) bench.server.put(configMap({ name }));
  const relay = bench.start();
  await bench.until('told', () => relay.ready() && bench.queue.view().size === 2);
  await bench.clock.advance(2_000);
  bench.server.hold();
  const tell = (type: string, object: KubeObject | undefined) =>
    bench.server.inject({ type, object: structuredClone(object) });
  return { bench, relay, tell };
}

const savedRv = (bench: Bench) => BigInt(bench.checkpoints.last('configmaps')?.rv ?? '0');

describe('events of known objects that come out of order', () => {
  it('are listed again, and no checkpoint passes one that is not acknowledged', async () => {
    const { bench, relay, tell } = await begin();
    bench.queue.refuse = ({ envelope }) => ['a', 'b'].includes(envelope.key.name);
    const [a, b] = [bench.server.put(changed('a')), bench.server.put(changed('b'))];
    tell('MODIFIED', b);
    tell('MODIFIED', a);
    tell('ADDED', bench.server.put(configMap({ name: 'c' })));
    await bench.clock.advance(5_000);
    expect(only(relay).entered.disordered).toBe(1);
    expect(savedRv(bench)).toBeLessThan(BigInt(a.metadata.resourceVersion ?? ''));
    bench.crash(relay);
    bench.queue.refuse = () => false;
    bench.server.compact();
    const next = bench.start();
    const told = () =>
      bench.queue
        .envelopes('upsert')
        .filter(({ key }) => key.name === 'a')
        .at(-1)?.rv;
    await bench.until('a told', () => told() === rvOf(a));
    await bench.stop(next);
  });

  it('take a checkpoint back that has passed them, until a list has told them and that is acknowledged', async () => {
    const { bench, relay, tell } = await begin();
    const [a, b] = [bench.server.put(changed('a')), bench.server.put(changed('b'))];
    tell('MODIFIED', b);
    await bench.until('saved', () => savedRv(bench) === BigInt(rvOf(b)));
    const away = () => retryError('connection refused', { type: 'ClusterUnreachable' });
    bench.server.pageFaults.push(away(), away(), away(), away());
    bench.queue.refuse = ({ envelope }) => envelope.key.name === 'a';
    tell('MODIFIED', a);
    await bench.until('away', () => bench.server.pageFaults.length === 2);
    await bench.clock.advance(1_100);
    expect(savedRv(bench)).toBeLessThan(BigInt(rvOf(a)));
    await bench.until('listed again', () => only(relay).counters.lists === 2);
    await bench.clock.advance(1_100);
    expect(savedRv(bench)).toBeLessThan(BigInt(rvOf(a)));
    bench.queue.refuse = () => false;
    await bench.until('saved', () => savedRv(bench) === BigInt(rvOf(b)));
    await bench.stop(relay);
  });

  it('a deletion too; what is a repetition is not', async () => {
    const { bench, relay, tell } = await begin();
    const before = structuredClone(bench.server.objects.get('default/a'));
    const a = structuredClone(before);
    bench.server.remove('default/a');
    Object.assign(a?.metadata ?? {}, { resourceVersion: bench.server.rv });
    tell('MODIFIED', bench.server.put(changed('b')));
    tell('MODIFIED', before);
    await bench.clock.advance(100);
    expect(only(relay).entered.disordered).toBeUndefined();
    tell('DELETED', a);
    await bench.until('listed again', () => only(relay).entered.disordered === 1 && only(relay).counters.lists === 2);
    await bench.until('told', () => bench.queue.envelopes('delete').length === 1);
    await bench.stop(relay);
  });
});

const rvOf = ({ metadata }: KubeObject): string => metadata.resourceVersion ?? '';

it('a checkpoint stays below the lowest claim, in whatever order they came', () => {
  const tracker = new RevisionTracker(9n);
  const high = tracker.hold(14n);
  const low = tracker.hold(11n);
  tracker.advance(20n);
  expect(tracker.safe).toBe(10n);
  low.release();
  expect(tracker.safe).toBe(13n);
  high.release();
  expect(tracker.safe).toBe(20n);
});
