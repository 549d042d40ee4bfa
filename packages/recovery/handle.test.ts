import { createMemoryTable } from '@tmc/adapters/memory/table.ts';
import { createPlacementStore } from '@tmc/adapters/table/placement-store.ts';
import { createRecoveryStore } from '@tmc/adapters/table/recovery-store.ts';
import type { Table } from '@tmc/adapters/table/table.ts';
import { convertClusterRegistration, convertSyncTarget } from '@tmc/apis/convert.ts';
import { targetKey } from '@tmc/apis/hash.ts';
import type { Envelope } from '@tmc/kernel/envelope.ts';
import type { Condition } from '@tmc/kernel/object.ts';
import { createMemoryHub } from '@tmc/testkit/memory-hub.ts';
import { syncTarget } from '@tmc/testkit/objects.ts';
import { describe, expect, it } from 'vitest';
import { createRecover, createSweep } from './handle.ts';

const START = Date.UTC(2026, 0, 1);
const THRESHOLD = 15_000;
const keyOf = (name: string) => ({
  workspace: 'ws1',
  group: 'workload.kcp.io',
  resource: 'synctargets',
  namespace: '',
  name,
});

/** A hub with targets, their facts in the table, and the handler; `fault` makes one call fail before or after its effect. */
async function createWorld(names: string[] = ['west'], fault?: { at: number; after: boolean }) {
  const hub = createMemoryHub();
  const memory = createMemoryTable();
  const placement = createPlacementStore(memory, { nowS: () => 0 });
  const writes: string[] = [];
  let nowMs = START;
  let calls = 0;

  async function effect<T>(name: string, run: () => Promise<T>): Promise<T> {
    calls += 1;
    if (fault?.at === calls && !fault.after) throw new Error('crash');
    const result = await run();
    writes.push(name);
    if (fault?.at === calls) throw new Error('crash');
    return result;
  }

  for (const name of names) {
    const converted = convertSyncTarget(hub.put(keyOf(name), syncTarget({ name })), 'ws1');
    if (converted.ok)
      await placement.saveFacts({ kind: 'target', key: keyOf(name), value: converted.value }, undefined);
  }
  const table: Table = {
    ...memory,
    write: (write) => effect('table', () => memory.write(write)),
  };
  const deps = {
    hub: { get: hub.get, patch: (...args: Parameters<typeof hub.patch>) => effect('hub', () => hub.patch(...args)) },
    store: createRecoveryStore(table),
    clock: () => nowMs,
    heartbeatThresholdMs: THRESHOLD,
  };
  const handle = createRecover(deps);

  function envelope(change: Envelope['change'], name: string, at: number): Envelope {
    const id = targetKey('ws1', name);
    const source = { kind: change === 'tick' ? ('hub' as const) : ('member' as const), id, relay: 'r', epoch: 0 };
    return { v: 1, id: 'm', at, source, key: keyOf(name), uid: '', rv: '', change };
  }

  return {
    hub,
    deps,
    placement,
    writes,
    handle,
    envelope,
    calls: () => calls,
    at: (ms: number) => {
      nowMs = START + ms;
    },
    beat: (name = 'west', at = nowMs) => handle(envelope('heartbeat', name, at), 1),
    tick: () => handle(envelope('tick', 'west', nowMs), 1),
    async condition(type: string, name = 'west'): Promise<Condition | undefined> {
      const status = (await hub.get(keyOf(name)))?.['status'] as { conditions?: Condition[] } | undefined;
      return status?.conditions?.find((c) => c.type === type);
    },
  };
}

describe('heartbeats', () => {
  it('make a target ready with the first one', async () => {
    const world = await createWorld();
    await world.beat();
    expect(await world.condition('HeartbeatHealthy')).toMatchObject({ status: 'True', reason: 'HeartbeatSeen' });
    expect(await world.condition('Ready')).toMatchObject({ status: 'True' });
    expect((await world.hub.get(keyOf('west')))?.['status']).toMatchObject({
      lastSyncerHeartbeatTime: '2026-01-01T00:00:00Z',
    });
  });

  it('cost no hub write and a table write now and then while all is well', async () => {
    const world = await createWorld();
    await world.beat();
    const before = world.writes.length;
    for (let second = 1; second <= 60; second++) {
      world.at(second * 1000);
      await world.beat();
      await world.tick();
    }
    const spent = world.writes.slice(before);
    expect(spent.filter((w) => w === 'hub')).toEqual([]);
    expect(spent.length).toBeLessThanOrEqual(12);
    expect((await world.condition('Ready'))?.status).toBe('True');
  });

  it('of the usual pace are recorded each, once per 10 s', async () => {
    const world = await createWorld();
    await world.beat();
    const before = world.writes.length;
    for (let second = 10; second <= 60; second += 10) {
      world.at(second * 1000);
      await world.beat();
    }
    expect(world.writes.slice(before)).toEqual(Array(6).fill('table'));
  });

  it('that are late, replayed or from a clock far ahead revive nobody', async () => {
    const world = await createWorld();
    await world.beat();
    world.at(60_000);
    await world.tick();
    await world.beat('west', START);
    await world.beat('west', START + 60_000 - THRESHOLD - 1);
    await world.beat('west', START + 60_000 + THRESHOLD + 1);
    expect((await world.condition('Ready'))?.status).toBe('False');
    await world.beat();
    expect((await world.condition('Ready'))?.status).toBe('True');
  });

  it('that are repeated do not prolong a life', async () => {
    const world = await createWorld();
    await world.beat();
    world.at(THRESHOLD - 1);
    await world.beat('west', START);
    world.at(THRESHOLD + 1);
    await world.tick();
    expect((await world.condition('Ready'))?.status).toBe('False');
  });

  it('for another target are refused', async () => {
    const world = await createWorld(['west', 'east']);
    const forged = {
      ...world.envelope('heartbeat', 'east', START),
      source: { ...world.envelope('heartbeat', 'west', START).source },
    };
    expect((await world.handle(forged, 1)).kind).toBe('park');
    expect(await world.condition('Ready', 'east')).toBeUndefined();
  });

  it('of a target that is gone write nothing', async () => {
    const world = await createWorld([]);
    await world.beat('ghost');
    expect(world.writes).toEqual([]);
  });
});

describe('a ClusterRegistration', () => {
  it('becomes Ready and silent as a SyncTarget does, in its own status', async () => {
    const world = await createWorld([]);
    const key = { ...keyOf('west'), group: 'tmc.kcp.io', resource: 'clusterregistrations' };
    const registration = { apiVersion: 'tmc.kcp.io/v1alpha1', kind: 'ClusterRegistration', metadata: { name: 'west' } };
    const obj = world.hub.put(key, { ...registration, spec: { location: 'eu' } });
    const converted = convertClusterRegistration(obj, 'ws1');
    if (!converted.ok) throw new Error('not converted');
    await world.placement.saveFacts({ kind: 'target', key, value: converted.value }, undefined);
    const status = async () => (await world.hub.get(key))?.['status'];
    const ready = (text: string) => ({
      conditions: expect.arrayContaining([expect.objectContaining({ type: 'Ready', status: text })]),
    });
    await world.beat();
    expect(await status()).toMatchObject({ ...ready('True'), lastHeartbeat: '2026-01-01T00:00:00Z' });
    world.at(20_000);
    await world.tick();
    expect(await status()).toMatchObject(ready('False'));
  });
});

describe('a tick', () => {
  it('flips silent targets only, names their last heartbeat, and does it once', async () => {
    const world = await createWorld(['west', 'east', 'new']);
    await world.beat('west');
    await world.beat('east');
    world.at(14_000);
    await world.beat('east');
    world.at(20_000);
    await world.tick();
    expect(await world.condition('Ready', 'west')).toMatchObject({
      status: 'False',
      reason: 'ErrorHeartbeat',
      message: 'no heartbeat for more than 15 s, last heartbeat at 2026-01-01T00:00:00Z',
    });
    expect((await world.condition('Ready', 'east'))?.status).toBe('True');
    expect(await world.condition('HeartbeatHealthy', 'new')).toMatchObject({
      status: 'Unknown',
      reason: 'ErrorHeartbeat',
    });
    const before = world.writes.length;
    await world.tick();
    expect(world.writes.slice(before)).toEqual([]);
  });
});

describe('a crash of recovery', () => {
  it('before or after any write is healed by the next tick', async () => {
    for (const after of [false, true]) {
      for (let at = 1; at <= 12; at++) {
        const world = await createWorld(['west', 'east'], { at, after });
        const dropped = (run: Promise<unknown>) => run.catch((error) => expect(String(error)).toMatch(/crash/));
        const redelivered = (run: () => Promise<unknown>) => run().catch(run);
        await dropped(world.beat('west'));
        await redelivered(() => world.beat('east'));
        world.at(10_000);
        await redelivered(() => world.beat('east'));
        world.at(16_000);
        await dropped(world.tick());
        await world.tick();
        const label = `crash ${after ? 'after' : 'before'} write ${at}`;
        expect((await world.condition('Ready', 'west'))?.status, label).toBe('False');
        expect((await world.condition('Ready', 'east'))?.status, label).toBe('True');
      }
    }
  });

  it('leaves no wrong word of a tick that lost against a heartbeat', async () => {
    for (let turn = 0; turn < 6; turn++) {
      const world = await createWorld();
      await world.beat();
      world.at(30_000);
      // Interleave: the tick decides that the target is silent while a heartbeat arrives.
      const tick = world.tick().catch(() => undefined);
      for (let step = 0; step < turn; step++) await Promise.resolve();
      await Promise.allSettled([tick, world.beat()]);
      await world.beat();
      await world.tick();
      expect((await world.condition('Ready'))?.status, `turn ${turn}`).toBe('True');
    }
  });
});

describe('a sweep', () => {
  /** Somebody else records first, this many times. */
  const sweepWith = ({ deps }: Awaited<ReturnType<typeof createWorld>>, conflicts: number) => {
    let left = conflicts;
    const saveSeen: typeof deps.store.saveSeen = async (...given) =>
      left-- > 0 ? undefined : deps.store.saveSeen(...given);
    return createSweep({ ...deps, store: { ...deps.store, saveSeen } });
  };

  it('tells silent targets without a message', async () => {
    const world = await createWorld(['west', 'east']);
    await world.beat('west');
    await world.beat('east');
    world.at(THRESHOLD + 1);
    await world.beat('east');
    await sweepWith(world, 0)();
    expect((await world.condition('Ready', 'west'))?.status).toBe('False');
    expect((await world.condition('Ready', 'east'))?.status).toBe('True');
  });

  it('looks again when somebody else was faster, and fails only if that goes on', async () => {
    const world = await createWorld();
    await world.beat();
    world.at(THRESHOLD + 1);
    await expect(sweepWith(world, 3)()).rejects.toMatchObject({ kind: 'conflict' });
    await sweepWith(world, 2)();
    expect((await world.condition('Ready'))?.status).toBe('False');
  });

  it('fails with what a target made of it, after all others were looked at', async () => {
    const world = await createWorld(['west', 'east', 'north']);
    await world.beat('east');
    await world.beat('north');
    world.at(THRESHOLD + 1);
    const get: typeof world.hub.get = (key) =>
      key.name === 'east' ? Promise.reject(new Error('no answer')) : world.hub.get(key);
    await expect(createSweep({ ...world.deps, hub: { ...world.deps.hub, get } })()).rejects.toThrow('no answer');
    expect((await world.condition('Ready', 'north'))?.status).toBe('False');
    expect((await world.condition('HeartbeatHealthy', 'west'))?.status).toBe('Unknown');
  });
});
