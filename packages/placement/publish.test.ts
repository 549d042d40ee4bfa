import { terminalError } from '@tmc/kernel/errors.ts';
import type { Condition } from '@tmc/kernel/object.ts';
import { describe, expect, it } from 'vitest';
import { createPlace, type PlaceDeps } from './handle.ts';
import { createWorld, demo, keyOf, policySpec, WORKSPACE, type World } from './world.model.ts';

/** The handler on a hub that refuses writes of a resource until it is told not to. */
function createRefused(world: World, resource: string) {
  const state = { refuses: true };
  const events: string[] = [];
  const hub: PlaceDeps['hub'] = {
    get: world.hub.get,
    list: world.hub.list,
    patch: async (key, ...rest) => {
      if (state.refuses && key.resource === resource) {
        events.push('refused');
        throw terminalError('admission webhook denied the request', { type: 'ResourceValidation' });
      }
      return world.hub.patch(key, ...rest);
    },
  };
  const send: PlaceDeps['send'] = async (messages) => {
    events.push(...messages.map(({ queue }) => queue));
    return { failed: [] };
  };
  const clock = () => Date.UTC(2026, 0, 1);
  return { state, events, handle: createPlace({ hub, store: world.store, send, clock, ids: () => 'id' }) };
}

describe('a hub that refuses to show a decision', () => {
  it.each([
    ['namespaces', 'labels of namespace demo'],
    ['clusterworkloadplacements', 'status of clusterworkloadplacements//multi'],
  ])('by %s keeps nothing from being carried', async (resource, what) => {
    const world = createWorld();
    await demo(world);
    const key = keyOf('clusterworkloadplacements', 'multi');
    const policy = world.hub.put(key, { ...(await world.object(key.resource, key.name)), ...policySpec('us-east-1') });
    // Also the labels have to change.
    await world.target('south', 'us-west-2');
    await world.hub.patch(keyOf('namespaces', 'demo'), { metadata: { labels: { 'state.workload.kcp.io/x': 'Sync' } } });
    const { state, events, handle } = createRefused(world, resource);
    const envelope = world.envelopeOf(key, policy, 'upsert');
    await expect(handle(envelope, 1)).rejects.toMatchObject({
      kind: 'retry',
      message: expect.stringContaining(`the hub refused the ${what} (workloads are carried all the same): admission`),
    });
    expect(events.indexOf('sync')).toBeGreaterThanOrEqual(0);
    expect(events.indexOf('sync')).toBeLessThan(events.indexOf('refused'));
    expect((await world.store.listGroups(WORKSPACE, 'demo')).map((group) => group.published)).toEqual([false]);
    state.refuses = false;
    await handle(envelope, 2);
    expect((await world.store.listGroups(WORKSPACE, 'demo')).map((group) => group.published)).toEqual([true]);
  });

  it('gets conditions of at most 1 KiB, however many targets do not fit', async () => {
    const world = createWorld();
    for (let n = 0; n < 60; n++) await world.target(`target-with-a-long-name-${n}`, 'elsewhere');
    await world.apply('clusterworkloadplacements', 'multi', policySpec('us-west-2'));
    await world.apply('namespaces', 'demo', { labels: { managed: 'true' } });
    const { conditions } = (await world.object('clusterworkloadplacements', 'multi'))['status'] as {
      conditions: Condition[];
    };
    expect(conditions[0]?.message).toContain('0 of at least 1 targets are eligible');
    expect(Buffer.byteLength(conditions[0]?.message ?? '')).toBeLessThanOrEqual(1024);
  });
});
