import { targetKey } from '@tmc/apis/hash.ts';
import { stateLabel } from '@tmc/apis/names.ts';
import { retryError } from '@tmc/kernel/errors.ts';
import { describe, expect, it } from 'vitest';
import { createWorld, demo, type Fault, keyOf, WORKSPACE, type World } from './world.model.ts';

const EAST = targetKey(WORKSPACE, 'east');

const toSync = (world: World) => world.sent.filter(({ queue }) => queue === 'sync').map(({ envelope }) => envelope.key);

/** The demo with a second namespace on both targets, and an object of a third that has to leave east. */
async function started(fault?: Fault): Promise<World> {
  const world = createWorld(fault);
  await demo(world);
  await world.apply('namespaces', 'second', { labels: { managed: 'true' } });
  const key = { workspace: WORKSPACE, group: '', resource: 'configmaps', namespace: 'left', name: 'settings' };
  const metadata = { name: key.name, namespace: key.namespace, labels: { [stateLabel(EAST)]: 'Sync' } };
  world.hub.put(key, { apiVersion: 'v1', kind: 'ConfigMap', metadata });
  return world;
}

const outage = (world: World) => world.target('east', 'us-east-1', { ready: false });
const goesOn = (world: World) => world.target('east', 'us-east-1', { ready: true });

const touched = ['demo', 'second', 'left'].map((name) => keyOf('namespaces', name));

describe('a target that is back after an outage', () => {
  it('gets everything carried that waited for it, though no decision changes', async () => {
    const world = await started();
    const decided = await world.store.listGroups(WORKSPACE, 'demo');
    await outage(world);
    const before = toSync(world).length;
    await goesOn(world);
    expect(toSync(world).slice(before)).toEqual(touched);
    const targets = (await world.store.listGroups(WORKSPACE, 'demo')).map(({ decision }) => decision.targets);
    expect(targets).toEqual(decided.map(({ decision }) => decision.targets));
  });

  it('is told of once', async () => {
    const world = await started();
    await outage(world);
    await goesOn(world);
    const before = toSync(world).length;
    await world.deliver(keyOf('synctargets', 'east'));
    await world.deliver(keyOf('synctargets', 'east'), 'evaluate');
    await world.target('east', 'us-east-1', { allocatable: {} });
    expect(toSync(world)).toHaveLength(before);
  });

  it('is told of after a crash before or after any write', async () => {
    const calm = await started();
    await outage(calm);
    const first = calm.calls() + 1;
    await goesOn(calm);
    expect(calm.calls()).toBeGreaterThan(first + 2);
    for (const after of [false, true]) {
      for (let at = first; at <= calm.calls(); at++) {
        const world = await started({ at, after });
        await outage(world);
        const before = toSync(world).length;
        await goesOn(world);
        const told = toSync(world).slice(before);
        expect(told, `crash ${after ? 'after' : 'before'} effect ${at}`).toEqual(expect.arrayContaining(touched));
        expect(await world.store.findOwed(EAST)).toBeUndefined();
      }
    }
  });

  it('gets carried what has a group there, also while a tenant refuses to let us read the rest', async () => {
    const world = await started();
    await outage(world);
    const before = toSync(world).length;
    const { list } = world.hub;
    world.hub.list = () => Promise.reject(retryError('403 Forbidden', { type: 'ResourcePermission' }));
    await goesOn(world);
    expect(toSync(world).slice(before)).toEqual(touched.slice(0, 2));
    world.hub.list = list;
    await world.deliver(keyOf('synctargets', 'east'), 'evaluate');
    expect(toSync(world).slice(before + 2)).toEqual(touched);
    expect(await world.store.findOwed(EAST)).toBeUndefined();
  });

  it('is told of again when it went away while this was under way', async () => {
    const world = await started();
    await outage(world);
    await goesOn(world);
    const { store } = world;
    const facts = await store.findTarget(EAST);
    if (!facts) throw new Error('no facts of east');
    const save = (version: number) =>
      store.saveFacts({ kind: 'target', key: keyOf('synctargets', 'east'), value: facts.value }, version, {
        owesSync: true,
      });
    await save(facts.version);
    const first = (await store.findOwed(EAST)) ?? 0;
    await store.settleOwed(EAST, first);
    await save(facts.version + 1);
    await store.settleOwed(EAST, first);
    expect(await store.findOwed(EAST)).toBeGreaterThan(first);
  });
});
