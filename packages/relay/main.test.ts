import {
  CONTENT_HASH_ANNOTATION,
  MEMBER_FIELD_MANAGER,
  OWNER_LABEL,
  syncerFinalizer,
  UPSTREAM_ANNOTATION,
} from '@tmc/apis/names.ts';
import { contentHashOf } from '@tmc/apis/owned-fields.ts';
import { resourceType } from '@tmc/apis/resources.ts';
import { retryError } from '@tmc/kernel/errors.ts';
import type { KubeObject } from '@tmc/kernel/object.ts';
import { createTestClock } from '@tmc/testkit/clock.ts';
import { configMap, secret, syncTarget } from '@tmc/testkit/objects.ts';
import { describe, expect, it } from 'vitest';
import type { CheckpointKey } from './checkpoint.ts';
import type { RelayConfig } from './main.ts';
import { Bench } from './testing/harness.ts';
import { expired, ScriptedServer } from './testing/scripted-server.ts';

const newBench = () => new Bench(createTestClock(1_700_000_000_000));
const target = { workspace: 'fleet', name: 'west' };
const MEMBER: Partial<RelayConfig> = { source: { kind: 'member', id: 'targetkey', epoch: 0, target } };
const away = () => retryError('connection refused', { type: 'ClusterUnreachable' });
const upserts = (bench: Bench) => bench.queue.envelopes('upsert').map((e) => e.key.name);

/** A copy as our apply left it: owned fields and the hash of their content. */
function appliedCopy(name: string): KubeObject {
  const annotations = { [UPSTREAM_ANNOTATION]: `w|default/${name}` };
  const applied = configMap({ name, annotations });
  const fieldsV1 = { 'f:data': {}, 'f:metadata': { 'f:annotations': { [`f:${UPSTREAM_ANNOTATION}`]: {} } } };
  const managedFields = [{ manager: MEMBER_FIELD_MANAGER, operation: 'Apply' as const, fieldsV1 }];
  const recorded = { ...annotations, [CONTENT_HASH_ANNOTATION]: contentHashOf(applied) };
  return configMap({ name, annotations: recorded, managedFields });
}

describe('checkpoints of a relay', () => {
  it('a restart tells only what is newer than the checkpoint, and loses nothing', async () => {
    const bench = newBench();
    bench.server.put(configMap({ name: 'a' }));
    bench.server.put(configMap({ name: 'b' }));
    const first = bench.start();
    await bench.until('told', () => upserts(bench).length === 2);
    await bench.stop(first);
    bench.server.put(configMap({ name: 'b' }, { value: '2' }));
    bench.server.put(configMap({ name: 'c' }));
    const second = bench.start();
    await bench.until('told', () => upserts(bench).length >= 4);
    await bench.stop(second);
    expect(upserts(bench)).toEqual(['a', 'b', 'b', 'c']);
    expect(second.state()[0]?.counters.acknowledgedBefore).toBe(1);
  });

  it('a crash while an object of the first list is not acknowledged loses nothing', async () => {
    const bench = newBench();
    for (const name of ['a', 'b', 'c']) bench.server.put(configMap({ name }));
    bench.queue.refuse = ({ envelope }) => envelope.key.name === 'b';
    const relay = bench.start();
    await bench.until('two told', () => upserts(bench).length === 2);
    await bench.clock.advance(5_000);
    bench.crash(relay);
    bench.queue.refuse = () => false;
    const next = bench.start();
    await bench.until('b told', () => upserts(bench).includes('b'));
    await bench.stop(next);
  });

  it('never saves what is not acknowledged, and at most once a second', async () => {
    const bench = newBench();
    const relay = bench.start();
    await bench.until('ready', () => relay.ready());
    bench.queue.refuse = ({ envelope }) => envelope.key.name === 'stuck';
    const stuck = bench.server.put(configMap({ name: 'stuck' }));
    for (let i = 0; i < 40; i += 1) {
      bench.server.put(configMap({ name: `o${i}` }));
      await bench.clock.advance(200);
    }
    const below = Number(stuck.metadata.resourceVersion);
    const saved = () => bench.checkpoints.saves.map(({ checkpoint }) => Number(checkpoint.rv));
    expect(Math.max(...saved())).toBe(below - 1);
    bench.queue.refuse = () => false;
    await bench.until('caught up', () => bench.checkpoints.last('configmaps')?.rv === bench.server.rv);
    const times = bench.checkpoints.saves.map(({ atMs }) => atMs);
    for (let i = 1; i < times.length; i += 1) expect(times[i]! - times[i - 1]!).toBeGreaterThanOrEqual(1_000);
    await bench.stop(relay);
  });

  it('saves nothing while nothing is told', async () => {
    const bench = newBench();
    bench.server.put(configMap({ name: 'a' }));
    const relay = bench.start();
    await bench.until('saved', () => bench.checkpoints.saves.length === 1);
    for (let minute = 0; minute < 10; minute += 1) {
      bench.server.put({ ...configMap({ name: 'a' }), status: { minute } });
      bench.server.bookmark();
      await bench.clock.advance(60_000);
    }
    // Ticks of the hub are not the kind's.
    expect(bench.checkpoints.saves).toHaveLength(1);
    await bench.stop(relay);
    expect(bench.checkpoints.last('configmaps')?.rv).toBe(bench.server.rv);
  });

  it('a checkpoint of another epoch, or above all the server knows, covers nothing', async () => {
    for (const [epoch, rv] of [
      [0, '1001'],
      [1, '999999'],
    ] as const) {
      const bench = newBench();
      bench.server.put(configMap({ name: 'a' }));
      const key = { source: 'hub-1', endpoint: bench.server.source.endpoint, resource: 'configmaps' };
      await bench.checkpoints.save(key, { rv, epoch });
      const relay = bench.start({ source: { kind: 'hub', id: 'hub-1', epoch: 1 } });
      await bench.until('told', () => upserts(bench).length === 1);
      await bench.stop(relay);
      expect(bench.checkpoints.last('configmaps')).toEqual({ rv: bench.server.rv, epoch: rv === '999999' ? 2 : 1 });
    }
  });

  it('waits for a checkpoint store that is away, and goes on when saving fails', async () => {
    const bench = newBench();
    bench.server.put(configMap({ name: 'a' }));
    bench.checkpoints.fault = new Error('table is away');
    const relay = bench.start();
    await bench.clock.advance(1_000);
    expect([relay.ready(), relay.state()[0]?.lastError]).toEqual([false, 'table is away']);
    bench.checkpoints.fault = undefined;
    await bench.until('ready', () => relay.ready());
    bench.checkpoints.fault = new Error('table is away');
    await bench.until('failed to save', () => relay.metrics().checkpointFailures > 0);
    bench.checkpoints.fault = undefined;
    await bench.until('saved', () => bench.checkpoints.last('configmaps')?.rv === bench.server.rv);
    await bench.stop(relay);
  });

  it('stopping while the queue is away ends at its deadline with an honest checkpoint', async () => {
    const bench = newBench();
    const before = bench.server.rv;
    const relay = bench.start({ drainMs: 5_000 });
    await bench.until('ready', () => relay.ready());
    bench.queue.refuse = () => true;
    bench.server.put(configMap({ name: 'a' }));
    await bench.clock.advance(100);
    await bench.stop(relay);
    expect(bench.checkpoints.last('configmaps')?.rv).toBe(before);
  });

  it('stopping while the store hangs ends at its deadline, and saves what can be saved', async () => {
    const bench = newBench();
    const resources = ['configmaps', 'secrets', 'services'].map((resource) => resourceType({ group: '', resource }));
    const saved: string[] = [];
    const checkpoints = {
      load: async () => undefined,
      save: ({ resource }: CheckpointKey) =>
        resource === 'configmaps' ? new Promise<void>(() => {}) : Promise.resolve(void saved.push(resource)),
      loadEpoch: async () => 0,
      raiseEpoch: async () => 0,
    };
    const relay = bench.start({ drainMs: 5_000, resources }, { checkpoints });
    await bench.until('ready', () => relay.ready());
    saved.length = 0;
    bench.server.bookmark();
    bench.server.put(configMap({ name: 'a' }));
    await bench.until('told', () => upserts(bench).length === 3);
    const before = bench.clock.now();
    await bench.stop(relay);
    expect(bench.clock.now() - before).toBeLessThanOrEqual(5_050);
    expect(saved.sort()).toEqual(['secrets', 'services']);
  });

  it('abandoning does not wait for a save that hangs', async () => {
    const bench = newBench();
    const hangs = () => new Promise<never>(() => {});
    const checkpoints = { load: async () => undefined, save: hangs, loadEpoch: async () => 0, raiseEpoch: hangs };
    const relay = bench.start({}, { checkpoints });
    bench.server.put(configMap({ name: 'a' }));
    await bench.until('told', () => upserts(bench).length === 1);
    await bench.clock.advance(2_000);
    let ended = false;
    void relay.stop({ abandon: true }).then(() => {
      ended = true;
    });
    await bench.until('ended', () => ended, 1_000);
    expect(bench.server.streams).toBe(0);
  });
});

describe('a member relay', () => {
  it('says of each kind, once per start, that it was listed: what went meanwhile only the hub can tell', async () => {
    const bench = newBench();
    const markers = () => bench.queue.envelopes('evaluate').map(({ source, key }) => [source.kind, key]);
    const key = { workspace: 'targetkey', group: '', resource: 'configmaps', namespace: '', name: '*' };
    for (const start of [1, 2]) {
      const relay = bench.start(MEMBER);
      await bench.until('marked', () => markers().length === start);
      bench.server.end(expired());
      await bench.until('listed again', () => relay.state()[0]?.counters.lists === 2);
      await bench.stop(relay);
    }
    expect(markers()).toEqual([
      ['member', key],
      ['member', key],
    ]);
    expect(bench.queue.accepted.filter(({ envelope }) => envelope.key.name === '*')[0]).toMatchObject({
      queue: 'status',
      group: 'targetkey',
    });
  });
});

describe('back-pressure', () => {
  it('a full outbox stops reading, and everything arrives once there is room', async () => {
    const bench = newBench();
    bench.queue.hanging = true;
    const relay = bench.start({ limits: { maxBytes: 4_000 } });
    await bench.until('ready', () => relay.ready());
    for (let i = 0; i < 200; i += 1) bench.server.put(configMap({ name: `o${i}` }));
    await bench.clock.advance(2_000);
    const { outbox, sources } = relay.metrics();
    expect(outbox.bytes).toBeLessThanOrEqual(4_000);
    expect(outbox.blocked).toBeGreaterThan(0);
    expect(sources[0]?.counters.events).toBeLessThan(20);
    bench.queue.release();
    await bench.until('all told', () => bench.queue.view().size === 200);
    await bench.stop(relay);
  });
});

describe('signs of life', () => {
  it('ticks do not pile up while the queue is away', async () => {
    const bench = newBench();
    bench.queue.hanging = true;
    const relay = bench.start({ limits: { maxBytes: 1_500 } });
    await bench.until('ready', () => relay.ready());
    for (const name of ['a', 'b', 'c']) bench.server.put(configMap({ name }));
    await bench.clock.advance(600_000);
    expect(relay.metrics().outbox.entries).toBeLessThan(5);
    bench.queue.release();
    await bench.until('told', () => upserts(bench).length === 3 && bench.queue.envelopes('tick').length > 0);
    await bench.stop(relay);
  });

  const beats = (bench: Bench) => bench.queue.envelopes('heartbeat');

  it('a member relay greets once listed, then beats each 10 s, idle or busy', async () => {
    const bench = newBench();
    const relay = bench.start(MEMBER);
    await bench.until('greeted', () => beats(bench).length === 1);
    expect(beats(bench)[0]?.key).toMatchObject({ workspace: 'fleet', resource: 'synctargets', name: 'west' });
    await bench.clock.advance(60_000);
    expect(beats(bench)).toHaveLength(7);
    for (let i = 0; i < 12; i += 1) {
      bench.server.put(configMap({ name: `o${i}` }));
      await bench.clock.advance(5_000);
    }
    expect(beats(bench)).toHaveLength(13);
    await bench.stop(relay);
  });

  it('no heartbeat vouches for a member that does not answer', async () => {
    const bench = newBench();
    const relay = bench.start(MEMBER);
    await bench.until('greeted', () => beats(bench).length === 1);
    bench.server.source.page = () => Promise.reject(away());
    await bench.clock.advance(60_000);
    expect(beats(bench)).toHaveLength(1);
    bench.server.source.page = () => new Promise(() => undefined);
    await bench.clock.advance(60_000);
    expect(beats(bench)).toHaveLength(1);
    expect(relay.metrics().heartbeatsWithheld).toBeGreaterThan(5);
    await bench.stop(relay);
  });

  it('a hub relay ticks every 5 s and marks each complete first list of a control kind', async () => {
    const bench = newBench();
    const resources = [resourceType({ group: 'workload.kcp.io', resource: 'synctargets' })];
    bench.server.put(syncTarget({ name: 'west' }));
    const relay = bench.start({ resources, listMarks: 'control' });
    await bench.clock.advance(21_000);
    bench.server.end(expired());
    await bench.clock.advance(1_000);
    expect(bench.queue.envelopes('tick')).toHaveLength(4);
    expect(bench.queue.envelopes('evaluate').map((e) => e.key)).toEqual([
      { workspace: '*', group: 'workload.kcp.io', resource: 'synctargets', namespace: '', name: '*' },
    ]);
    expect(bench.queue.envelopes('heartbeat')).toEqual([]);
    await bench.stop(relay);
  });
});

describe('a relay as a whole', () => {
  it('tells copies of its own target only, with drift and the way back', async () => {
    const bench = newBench();
    const copy = appliedCopy('a');
    bench.server.put(copy);
    const relay = bench.start(MEMBER);
    await bench.until('told', () => upserts(bench).length === 1);
    bench.server.put({ ...copy, data: { value: 'edited by hand' } });
    await bench.until('told', () => upserts(bench).length === 2);
    expect(bench.server.lastWatch?.labelSelector).toBe(`${OWNER_LABEL}=targetkey`);
    const [first, second] = bench.queue.envelopes('upsert');
    expect(first).toMatchObject({ source: { kind: 'member', id: 'targetkey' }, key: { workspace: 'targetkey' } });
    expect([first?.drifted, second?.drifted]).toEqual([undefined, true]);
    bench.server.end(away());
    await bench.clock.advance(0);
    bench.server.remove('default/a');
    bench.server.compact();
    await bench.until('deletion told', () => bench.queue.envelopes('delete').length === 1);
    expect(bench.queue.envelopes('delete')[0]?.body?.metadata.annotations).toMatchObject({
      [UPSTREAM_ANNOTATION]: 'w|default/a',
    });
    await bench.stop(relay);
  });

  it('no value of a Secret is in anything that is sent', async () => {
    const bench = newBench();
    const relay = bench.start({ resources: [resourceType({ group: '', resource: 'secrets' })] });
    await bench.until('ready', () => relay.ready());
    bench.server.put(secret({ name: 's' }, { password: 'sesame' }));
    bench.server.put(secret({ name: 's' }, { password: 'simsim' }));
    bench.server.put(secret({ name: 's', finalizers: [syncerFinalizer('t')] }, { password: 'simsim' }));
    bench.server.remove('default/s');
    await bench.until('told', () => bench.queue.envelopes('unseen').length === 1);
    await bench.stop(relay);
    const text = JSON.stringify(bench.queue.accepted);
    for (const value of ['sesame', 'simsim']) expect(text).not.toContain(Buffer.from(value).toString('base64'));
  });

  it('endpoints come and go without a deletion', async () => {
    const bench = newBench();
    const other = new ScriptedServer('https://shard-2');
    bench.server.put(configMap({ name: 'a' }));
    other.put(configMap({ name: 'b', annotations: { 'kcp.io/cluster': 'tenant' } }));
    const relay = bench.start();
    await bench.until('told', () => upserts(bench).length === 1);
    relay.setSources([bench.server.source, other.source]);
    await bench.until('told', () => upserts(bench).length === 2);
    relay.setSources([other.source]);
    await bench.until('stream closed', () => bench.server.streams === 0);
    expect(relay.state().map(({ endpoint }) => endpoint)).toEqual(['https://shard-2']);
    bench.server.remove('default/a');
    other.put(configMap({ name: 'c', annotations: { 'kcp.io/cluster': 'tenant' } }));
    await bench.until('told', () => upserts(bench).length === 3);
    await bench.stop(relay);
    expect(bench.queue.envelopes('delete')).toEqual([]);
    expect(other.streams).toBe(0);
  });

  it('an endpoint that comes back at once is read, and its checkpoint still saved', async () => {
    const bench = newBench();
    const relay = bench.start();
    await bench.until('ready', () => relay.ready());
    relay.setSources([]);
    expect(relay.ready()).toBe(false);
    relay.setSources([bench.server.source]);
    await bench.until('stream open', () => relay.ready() && bench.server.streams === 1);
    bench.server.put(configMap({ name: 'a' }));
    await bench.until('saved', () => bench.checkpoints.last('configmaps')?.rv === bench.server.rv);
    await bench.stop(relay);
  });

  it('measures the time from reading to acknowledgement', async () => {
    const bench = newBench();
    bench.queue.hanging = true;
    bench.server.put(configMap({ name: 'a' }));
    const relay = bench.start({ tickMs: 3_600_000 });
    await bench.until('read', () => relay.ready());
    const read = bench.clock.now();
    await bench.clock.advance(400);
    bench.queue.release();
    await bench.until('acknowledged', () => relay.metrics().lag.count === 1);
    expect(bench.clock.now() - read).toBeLessThan(1_000);
    const { counts, boundsMs, sumMs } = relay.metrics().lag;
    expect(boundsMs[counts.indexOf(1)]).toBe(500);
    expect(sumMs).toBeGreaterThanOrEqual(400);
    await bench.stop(relay);
  });
});
