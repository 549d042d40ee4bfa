import { describe, expect, it } from 'vitest';
import type { PlacementStore } from './commit.ts';
import { createPlace } from './handle.ts';
import { createWorld, keyOf, policySpec, WORKSPACE, type World } from './world.model.ts';

const POLICY = keyOf('clusterworkloadplacements', 'multi');
const NAMESPACE = keyOf('namespaces', 'demo');

async function started(): Promise<World> {
  const world = createWorld();
  await world.target('west', 'us-west-2');
  await world.target('east', 'us-east-1');
  await world.apply('clusterworkloadplacements', 'multi', policySpec('us-west-2'));
  return world;
}

/** A second placement that stops before its first call of `on`, as a function whose process is stalled does. */
function createStalled(world: World, on: 'commitDecision' | 'listGroups') {
  let reached: () => void = () => undefined;
  let resume: () => void = () => undefined;
  const isThere = new Promise<void>((resolve) => {
    reached = resolve;
  });
  const goesOn = new Promise<void>((resolve) => {
    resume = resolve;
  });
  const stalled = async () => {
    reached();
    await goesOn;
  };
  const store: PlacementStore = {
    ...world.store,
    commitDecision: async (write) => {
      if (on === 'commitDecision') await stalled();
      return world.store.commitDecision(write);
    },
    listGroups: async (...args) => {
      const groups = await world.store.listGroups(...args);
      if (on === 'listGroups') await stalled();
      return groups;
    },
  };
  const send = async () => ({ failed: [] });
  const handle = createPlace({ hub: world.hub, store, send, clock: () => Date.UTC(2026, 0, 1), ids: () => 'id' });
  return { handle, isThere, resume: () => resume() };
}

/** Runs a message up to the stall, lets `meanwhile` happen, then runs it to its end; what fails comes back. */
async function overtaken(
  world: World,
  { key, on }: { key: typeof POLICY; on: 'commitDecision' | 'listGroups' },
  meanwhile: () => Promise<void>,
): Promise<void> {
  const stalled = createStalled(world, on);
  const envelope = world.envelopeOf(key, await world.hub.get(key), 'upsert');
  const running = stalled.handle(envelope, 1);
  await Promise.race([stalled.isThere, running]);
  await meanwhile();
  stalled.resume();
  await running;
}

const putNamespace = (world: World, labels: Record<string, string> = { managed: 'true' }) =>
  world.hub.put(NAMESPACE, { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'demo', labels } });

async function flipPreference(world: World): Promise<void> {
  const live = await world.object('clusterworkloadplacements', 'multi');
  world.hub.put(POLICY, { ...live, ...policySpec('us-east-1') });
}

const liveGroups = async (world: World) =>
  (await world.store.listGroups(WORKSPACE, 'demo')).filter((group) => !group.withdrawn);

describe('a stalled evaluation', () => {
  it.each(['commitDecision', 'listGroups'] as const)(
    'does not bring a deleted policy back (stalled in %s)',
    async (on) => {
      const world = await started();
      await world.apply('namespaces', 'demo', { labels: { managed: 'true' } });
      await flipPreference(world);
      await overtaken(world, { key: POLICY, on }, () => world.remove('clusterworkloadplacements', 'multi'));
      expect(await liveGroups(world)).toEqual([]);
    },
  );

  it('does not place a namespace by a policy that was deleted before there was a group', async () => {
    const world = await started();
    putNamespace(world);
    await overtaken(world, { key: NAMESPACE, on: 'commitDecision' }, () =>
      world.remove('clusterworkloadplacements', 'multi'),
    );
    expect(await liveGroups(world)).toEqual([]);
  });

  it('does not take back what an older state of the namespace does not call for', async () => {
    const world = await started();
    await world.apply('namespaces', 'demo', { labels: { managed: 'true' } });
    putNamespace(world, {});
    await overtaken(world, { key: NAMESPACE, on: 'commitDecision' }, async () => {
      putNamespace(world);
      await world.deliver(NAMESPACE);
    });
    expect(await world.placed()).toEqual({ west: 2, east: 1 });
  });

  it('does not place on a target that was deleted', async () => {
    const world = await started();
    putNamespace(world);
    await overtaken(world, { key: NAMESPACE, on: 'commitDecision' }, () => world.remove('synctargets', 'west'));
    expect(await world.placed()).toEqual({ east: 1 });
  });

  it('does not place on a target that was cordoned', async () => {
    const world = await started();
    putNamespace(world);
    await overtaken(world, { key: NAMESPACE, on: 'commitDecision' }, () =>
      world.target('west', 'us-west-2', { unschedulable: true }),
    );
    expect(await world.placed()).toEqual({ east: 1 });
  });

  it('does not take a target away that joined', async () => {
    const world = createWorld();
    await world.target('west', 'us-west-2');
    await world.apply('clusterworkloadplacements', 'multi', policySpec('us-west-2'));
    await world.apply('namespaces', 'demo', { labels: { managed: 'true' } });
    await flipPreference(world);
    await overtaken(world, { key: POLICY, on: 'commitDecision' }, () => world.target('east', 'us-east-1'));
    expect(await world.placed()).toEqual({ west: 1, east: 2 });
  });
});
