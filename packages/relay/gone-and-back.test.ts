import { retryError, terminalError } from '@tmc/kernel/errors.ts';
import type { WatchSource } from '@tmc/kernel/ports.ts';
import { createTestClock } from '@tmc/testkit/clock.ts';
import { configMap } from '@tmc/testkit/objects.ts';
import { describe, expect, it } from 'vitest';
import { Bench } from './testing/harness.ts';

/** Serves no WatchList, and no second page of a list. */
function firstPagesOnly({ server: { source } }: Bench): WatchSource {
  return {
    ...source,
    page: (resource, options) => {
      if (options.continue !== undefined) throw retryError('reset', { type: 'ClusterUnreachable' });
      return source.page(resource, options);
    },
    watch: (resource, options) => {
      if (options.sendInitialEvents) throw terminalError('no WatchList', { type: 'ResourceValidation' });
      return source.watch(resource, options);
    },
  };
}

const newBench = () => new Bench(createTestClock(1_000_000));

describe('a relay whose server', () => {
  it('was set back notices it although the stream it resumed stays silent', async () => {
    const bench = newBench();
    for (const name of ['a', 'b', 'c']) bench.server.put(configMap({ name }));
    const relay = bench.start({ antiEntropyMs: 20_000 });
    await bench.until('told', () => bench.queue.envelopes('upsert').length === 3);
    bench.server.objects.delete('default/c');
    bench.server.rewind(Number(bench.server.rv) - 1);
    bench.server.end();
    await bench.until('told in a new epoch', () =>
      ['a', 'b'].every((name) =>
        bench.queue.envelopes('upsert').some(({ key, source }) => key.name === name && source.epoch === 1),
      ),
    );
    expect(relay.metrics().sources[0]?.counters.repaired).toBe(0);
    await bench.stop(relay);
  });

  it('was set back while it was listed the first time does not hide behind the list that was cut', async () => {
    const bench = newBench();
    for (const name of ['b', 'a']) bench.server.put(configMap({ name }));
    bench.server.pageSize = 1;
    const relay = bench.start({}, { sources: [firstPagesOnly(bench)] });
    await bench.until('told', () => bench.queue.envelopes('upsert').length === 1);
    bench.server.objects.clear();
    bench.server.rewind(1_000);
    bench.server.put(configMap({ name: 'c' }));
    await bench.until('told in a new epoch', () =>
      bench.queue.envelopes('upsert').some(({ key, source }) => key.name === 'c' && source.epoch === 1),
    );
    await bench.stop(relay);
  });

  it('deleted something unseen tells the revision at which it was missing', async () => {
    const bench = newBench();
    bench.server.put(configMap({ name: 'a' }));
    const relay = bench.start();
    await bench.until('told', () => bench.server.streams === 1 && bench.queue.envelopes('upsert').length === 1);
    bench.server.end(undefined, { lose: true });
    // Another relay tells this state before it goes.
    bench.server.put(configMap({ name: 'a' }, { newer: 'state' }));
    bench.server.remove('default/a');
    bench.server.compact();
    await bench.until('deletion told', () => bench.queue.envelopes('delete').length === 1);
    expect(bench.queue.envelopes('delete')[0]?.rv).toBe(bench.server.rv);
    await bench.stop(relay);
  });

  it('was out of sight tells by list marks what was deleted meanwhile', async () => {
    const bench = newBench();
    for (const name of ['a', 'b']) bench.server.put(configMap({ name }));
    const relay = bench.start({ listMarks: 'all' });
    const marks = () => bench.queue.envelopes('evaluate').flatMap(({ list }) => (list ? [list.keys.length] : []));
    await bench.until('told', () => marks().length === 1);
    relay.setSources([]);
    await bench.until('gone', () => bench.server.streams === 0);
    bench.server.remove('default/a');
    relay.setSources([bench.server.source]);
    await bench.until('told again', () => marks().length === 2);
    expect(marks()).toEqual([2, 1]);
    await bench.stop(relay);
  });
});
