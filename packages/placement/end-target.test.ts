import { targetKey } from '@tmc/apis/hash.ts';
import { stateLabel, TARGET_FINALIZER } from '@tmc/apis/names.ts';
import { retryError } from '@tmc/kernel/errors.ts';
import type { Condition } from '@tmc/kernel/object.ts';
import { describe, expect, it } from 'vitest';
import { createWorld, demo, type Fault, keyOf, WORKSPACE, type World } from './world.model.ts';

const WEST = keyOf('synctargets', 'west');
const COPIED = { workspace: WORKSPACE, group: '', resource: 'configmaps', namespace: 'demo', name: 'settings' };

/** What an API server makes of deleting an object that a finalizer holds. */
async function deleteWest(world: World): Promise<void> {
  const live = await world.object('synctargets', 'west');
  world.hub.put(WEST, { ...live, metadata: { ...live.metadata, deletionTimestamp: '2026-01-01T00:00:00Z' } });
  await world.deliver(WEST);
}

/** The look that the last message announced. */
async function look(world: World): Promise<void> {
  const announced = looks(world).at(-1);
  if (!announced) throw new Error('no look is announced');
  await world.handle(announced.envelope, 1);
}

const looks = (world: World) => world.sent.filter(({ delayMs }) => delayMs !== undefined);
const finalizersOf = async (world: World) => (await world.object('synctargets', 'west')).metadata.finalizers;

async function started(fault?: Fault): Promise<World> {
  const world = createWorld(fault);
  await demo(world);
  const labels = { [stateLabel(targetKey(WORKSPACE, 'west'))]: 'Sync' };
  const metadata = { name: COPIED.name, namespace: COPIED.namespace, labels };
  world.hub.put(COPIED, { apiVersion: 'v1', kind: 'ConfigMap', metadata });
  return world;
}

describe('a SyncTarget that is deleted', () => {
  it('is held from the first look at it on', async () => {
    const world = await started();
    expect(await finalizersOf(world)).toEqual([TARGET_FINALIZER]);
  });

  it('loses its share at once, keeps its facts for sync, and is looked at again later', async () => {
    const world = await started();
    await deleteWest(world);
    expect(Object.keys(await world.placed())).toEqual(['east']);
    expect((await world.store.findTarget(targetKey(WORKSPACE, 'west')))?.value.terminating).toBe(true);
    expect(world.sent.at(-1)).toMatchObject({ envelope: { key: WEST, change: 'evaluate' }, delayMs: 1_000 });
    expect(await finalizersOf(world)).toEqual([TARGET_FINALIZER]);
  });

  it('goes when the last object that was synced there is let go of', async () => {
    const world = await started();
    await deleteWest(world);
    await look(world);
    expect(await finalizersOf(world)).toEqual([TARGET_FINALIZER]);
    await world.hub.patch(COPIED, { metadata: { labels: { [stateLabel(targetKey(WORKSPACE, 'west'))]: null } } });
    await look(world);
    expect(await finalizersOf(world)).toEqual([]);
  });

  it('is looked at the more rarely the longer it takes', async () => {
    const world = await started();
    await deleteWest(world);
    const delays: (number | undefined)[] = [];
    for (const ms of [8_000, 40_000, 3_600_000]) {
      world.advance(ms);
      await look(world);
      delays.push(world.sent.at(-1)?.delayMs);
    }
    expect(delays).toEqual([2_000, 12_000, 60_000]);
  });

  it('is held, and looked at again, while what is synced cannot be read', async () => {
    const world = await started();
    await world.hub.delete(COPIED);
    await deleteWest(world);
    const { list } = world.hub;
    world.hub.list = () => Promise.reject(retryError('403 Forbidden', { type: 'ResourcePermission' }));
    await look(world);
    expect(await finalizersOf(world)).toEqual([TARGET_FINALIZER]);
    expect(world.sent.at(-1)).toMatchObject({ envelope: { key: WEST, change: 'evaluate' } });
    world.hub.list = list;
    await look(world);
    expect(await finalizersOf(world)).toEqual([]);
  });

  it('is looked at by one chain of messages, whatever else is heard of it', async () => {
    const world = await started();
    await deleteWest(world);
    await world.deliver(WEST);
    await world.target('west', 'us-west-2', { unschedulable: true });
    // What a relay's sweep sends: it may let the target go, but is no chain of its own.
    await world.deliver({ ...WEST, name: '*', workspace: '*' }, 'evaluate');
    const sweep = { ...world.envelopeOf(WEST, undefined, 'evaluate'), uid: '' };
    await world.handle(sweep, 1);
    expect(looks(world)).toHaveLength(1);
    await look(world);
    expect(looks(world)).toHaveLength(2);
  });

  it('goes on being looked at after a crash', async () => {
    const calm = await started();
    const first = calm.calls() + 1;
    await deleteWest(calm);
    for (let at = first; at <= calm.calls(); at++) {
      const world = await started({ at, after: true });
      await deleteWest(world);
      expect(looks(world).length, `crash after effect ${at}`).toBeGreaterThanOrEqual(1);
    }
  });

  it('says after a minute what holds it', async () => {
    const world = await started();
    const deleting = async () => {
      const { conditions } = (await world.object('synctargets', 'west'))['status'] as { conditions: Condition[] };
      return conditions.find(({ type }) => type === 'Deleting');
    };
    await deleteWest(world);
    world.advance(59_000);
    await look(world);
    expect(await deleting()).toBeUndefined();
    world.advance(1_000);
    await look(world);
    expect(await deleting()).toMatchObject({
      status: 'True',
      reason: 'CopiesRemain',
      message: 'held until the copies of 1 object are removed: configmaps demo/settings',
    });
  });

  it('is not held when its member is out of reach', async () => {
    const world = await started();
    await world.target('west', 'us-west-2', { ready: false });
    await deleteWest(world);
    await look(world);
    expect(await finalizersOf(world)).toEqual([]);
  });
});
