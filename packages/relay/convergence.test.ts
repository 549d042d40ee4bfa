import { retryError, TmcError } from '@tmc/kernel/errors.ts';
import { createTestClock } from '@tmc/testkit/clock.ts';
import { ConsumerView } from '@tmc/testkit/consumer-view.ts';
import { configMap } from '@tmc/testkit/objects.ts';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { hubInterest } from './interest.ts';
import type { Relay } from './main.ts';
import { Bench } from './testing/harness.ts';
import { expired } from './testing/scripted-server.ts';

const NAMES = ['a', 'b', 'c', 'd', 'e', 'f'];

type Step =
  | { do: 'put'; name: string; value: number }
  | { do: 'remove'; name: string }
  | { do: 'wait'; ms: number }
  | {
      do:
        | 'cut'
        | 'gap'
        | 'close'
        | 'garbage'
        | 'repeat'
        | 'bookmark'
        | 'pageFault'
        | 'refuseWatchList'
        | 'cutWatchList'
        | 'restart'
        | 'crash'
        | 'backup'
        | 'restore';
    };

const name = fc.constantFrom(...NAMES);
const put = fc.record({ do: fc.constant('put' as const), name, value: fc.nat(3) });
const fault = fc.record({
  do: fc.constantFrom(
    'cut',
    'gap',
    'close',
    'garbage',
    'repeat',
    'bookmark',
    'pageFault',
    'refuseWatchList',
    'cutWatchList',
  ),
}) as fc.Arbitrary<Step>;
const others: fc.Arbitrary<Step>[] = [
  fc.record({ do: fc.constant('remove' as const), name }),
  fc.record({ do: fc.constant('wait' as const), ms: fc.constantFrom(0, 5, 300, 2_000) }),
  fault,
];

const cut = () => retryError('connection reset', { type: 'ClusterUnreachable' });
const garbage = () => new TmcError('malformed', 'line is no JSON', { type: 'ResourceValidation' });

/** Plays the steps against a relay whose queue refuses some messages, then lets everything settle. */
async function play(steps: readonly Step[], refusals: readonly boolean[]): Promise<{ bench: Bench; relay: Relay }> {
  const bench = new Bench(createTestClock(1_700_000_000_000));
  bench.server.pageSize = 2;
  bench.server.watchList = true;
  let sent = 0;
  bench.queue.refuse = () => {
    sent += 1;
    return refusals[sent] ?? false;
  };
  const start = () => bench.start({ listMarks: 'all' });
  let relay = start();
  const { server } = bench;
  let backup = { objects: new Map(server.objects), rv: Number(server.rv) };
  const acts: Record<Exclude<Step['do'], 'put' | 'remove' | 'wait'>, () => void | Promise<void>> = {
    cut: () => server.end(cut(), { lose: true }),
    gap: () => {
      server.end(cut(), { lose: true });
      server.compact();
    },
    close: () => server.end(),
    garbage: () => server.end(garbage(), { lose: true }),
    repeat: () => server.repeat(3),
    bookmark: () => server.bookmark(),
    pageFault: () => void server.pageFaults.push(undefined, cut()),
    restart: async () => {
      await bench.stop(relay);
      relay = start();
    },
    crash: () => {
      bench.crash(relay);
      relay = start();
    },
    refuseWatchList: () => {
      server.watchList = !server.watchList;
    },
    cutWatchList: () => {
      server.cutInitialAfter = 1;
      server.end(cut(), { lose: true });
      server.compact();
    },
    backup: () => {
      backup = { objects: new Map(server.objects), rv: Number(server.rv) };
    },
    // What was told and not yet saved as told cannot be seen to be undone: the relay gets time for that before and after.
    restore: async () => {
      await settle();
      // The epoch rises once in ten minutes.
      await bench.clock.advance(600_000);
      server.objects.clear();
      for (const [id, object] of backup.objects) server.objects.set(id, object);
      server.rewind(backup.rv);
      server.end(expired(), { lose: true });
      await settle();
    },
  };
  const settled = () => relay.ready() && server.streams === 1 && relay.metrics().outbox.entries === 0;
  const settle = () => bench.until('settled', () => settled() && relay.state()[0]?.rv === server.rv);
  for (const step of steps) {
    if (step.do === 'put') server.put(configMap({ name: step.name }, { value: String(step.value) }));
    else if (step.do === 'remove') server.remove(`default/${step.name}`);
    else if (step.do === 'wait') await bench.clock.advance(step.ms);
    else await acts[step.do]();
  }
  await settle();
  await bench.stop(relay);
  return { bench, relay };
}

function serverView(bench: Bench): Record<string, unknown> {
  const entries = [...bench.server.objects.values()].map((object) => [object.metadata.name, object['data']]);
  return Object.fromEntries(entries);
}

function consumerView(bench: Bench): Record<string, unknown> {
  return Object.fromEntries([...bench.queue.view().values()].map(({ key, body }) => [key.name, body?.['data']]));
}

describe('whatever fails on the way', () => {
  it('the consumer ends with exactly what the server holds', async () => {
    const steps = fc.array(fc.oneof({ weight: 3, arbitrary: put }, ...others), { maxLength: 40 });
    await fc.assert(
      fc.asyncProperty(steps, fc.array(fc.boolean(), { maxLength: 60 }), async (script, refusals) => {
        const { bench } = await play(script, refusals);
        expect(consumerView(bench)).toEqual(serverView(bench));
      }),
      { numRuns: 200 },
    );
  });

  it('and with restarts, crashes and restored backups, a consumer who also reads list marks does', async () => {
    const steps = fc.array(
      fc.oneof(
        { weight: 3, arbitrary: put },
        ...others,
        ...(['restart', 'crash', 'backup', 'restore'] as const).map((act) => fc.constant<Step>({ do: act })),
      ),
      { maxLength: 40 },
    );
    await fc.assert(
      fc.asyncProperty(steps, fc.array(fc.boolean(), { maxLength: 60 }), async (script, refusals) => {
        const { bench } = await play(script, refusals);
        const view = new ConsumerView();
        for (const envelope of bench.queue.envelopes()) view.apply(envelope);
        const believed = view.entries().map(({ key, uid, hash }) => [key.name, uid, hash]);
        const held = [...bench.server.objects.values()].map((object) => [
          object.metadata.name,
          object.metadata.uid,
          hubInterest({ group: '', resource: 'configmaps' }, object),
        ]);
        expect(believed.sort()).toEqual(held.sort());
      }),
      { numRuns: 200 },
    );
  });

  it('two tenants with equal names never share a message', async () => {
    const bench = new Bench(createTestClock(1_700_000_000_000));
    const relay = bench.start({}, { workspaceOf: (object) => object.metadata.namespace ?? '' });
    await bench.until('ready', () => relay.ready());
    for (const namespace of ['one', 'two']) bench.server.put(configMap({ name: 'same', namespace }, { namespace }));
    await bench.until('told', () => bench.queue.view().size === 2);
    await bench.stop(relay);
    for (const { envelope, group } of bench.queue.accepted.filter((m) => m.envelope.change === 'upsert')) {
      expect(group).toBe(envelope.key.workspace);
      expect(envelope.body?.['data']).toEqual({ namespace: envelope.key.workspace });
    }
  });
});
