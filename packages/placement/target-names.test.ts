import { targetKey } from '@tmc/apis/hash.ts';
import { TARGET_FINALIZER } from '@tmc/apis/names.ts';
import { findCondition } from '@tmc/kernel/condition.ts';
import type { Condition } from '@tmc/kernel/object.ts';
import { describe, expect, it } from 'vitest';
import { createWorld, keyOf, policySpec, WORKSPACE, type World } from './world.model.ts';

const SHARED = targetKey(WORKSPACE, 'west');
const register = (world: World) => world.apply('clusterregistrations', 'west', { spec: { location: 'us-west-2' } });

async function conditionOf(world: World, resource: string): Promise<Condition | undefined> {
  const { conditions } = ((await world.object(resource, 'west'))['status'] ?? {}) as { conditions?: Condition[] };
  return findCondition(conditions, 'ConfigurationValid');
}

const locationOf = async (world: World) => (await world.store.findTarget(SHARED))?.value.location;

/** Delivers what placement sent to itself, as its queue does. */
async function handleOwn(world: World, from: number): Promise<void> {
  for (let at = from; at < world.sent.length; at++) {
    const message = world.sent[at];
    if (message?.queue === 'placement' && message.delayMs === undefined) await world.handle(message.envelope, 1);
  }
}

describe('a ClusterRegistration and a SyncTarget with one name', () => {
  it('do not replace each other: the second is refused and says so', async () => {
    const world = createWorld();
    await register(world);
    const { uid } = (await world.store.findTarget(SHARED))?.value ?? {};
    await world.target('west', 'elsewhere');
    expect((await world.store.findTarget(SHARED))?.value).toMatchObject({ uid, location: 'us-west-2' });
    expect(await conditionOf(world, 'synctargets')).toMatchObject({
      status: 'False',
      message: expect.stringContaining(
        'west, which the object of clusterregistrations.tmc.kcp.io with that name had first',
      ),
    });
    expect(await conditionOf(world, 'clusterregistrations')).toBeUndefined();
    expect((await world.object('synctargets', 'west')).metadata.finalizers ?? []).not.toContain(TARGET_FINALIZER);
  });

  it('the other way round, the ClusterRegistration is refused', async () => {
    const world = createWorld();
    await world.target('west', 'elsewhere');
    await register(world);
    expect(await locationOf(world)).toBe('elsewhere');
    expect(await conditionOf(world, 'clusterregistrations')).toMatchObject({ status: 'False' });
    await world.deliver(keyOf('clusterregistrations', 'west'), 'evaluate');
    expect(await locationOf(world)).toBe('elsewhere');
  });

  it('the second takes no facts along when it goes, and takes over when the first does', async () => {
    const world = createWorld();
    await register(world);
    await world.target('west', 'elsewhere');
    await world.remove('synctargets', 'west');
    await handleOwn(world, 0);
    expect(await locationOf(world)).toBe('us-west-2');
    await world.target('west', 'elsewhere');
    const sent = world.sent.length;
    await world.remove('clusterregistrations', 'west');
    await handleOwn(world, sent);
    expect(await locationOf(world)).toBe('elsewhere');
    expect(await conditionOf(world, 'synctargets')).toMatchObject({ status: 'True' });
  });

  it('gets placed on when it is Ready', async () => {
    const world = createWorld();
    await register(world);
    const condition = { type: 'Ready', status: 'True', reason: 'Test', message: 'test' };
    const key = keyOf('clusterregistrations', 'west');
    await world.hub.patch(key, { status: { conditions: [condition] } }, { subresource: 'status' });
    await world.deliver(key);
    await world.apply('clusterworkloadplacements', 'multi', policySpec('us-west-2'));
    await world.apply('namespaces', 'demo', { labels: { managed: 'true' } });
    expect(await world.placed()).toEqual({ west: 2 });
  });
});

describe('a SyncTarget that cannot be used', () => {
  it('is not held when it is deleted', async () => {
    const world = createWorld();
    await register(world);
    const key = keyOf('synctargets', 'west');
    const metadata = { name: 'west', finalizers: [TARGET_FINALIZER], deletionTimestamp: '2026-01-01T00:00:00Z' };
    world.hub.put(key, { apiVersion: 'workload.kcp.io/v1alpha1', kind: 'SyncTarget', spec: {}, metadata });
    await world.deliver(key);
    expect((await world.object('synctargets', 'west')).metadata.finalizers).toEqual([]);
  });
});
