import type { OutgoingMessage } from '@tmc/kernel/envelope.ts';
import { again } from '@tmc/kernel/result.ts';
import { describe, expect, it } from 'vitest';
import { downstreamKeyOf } from './copy-identity.ts';
import { createSyncDown } from './handle.ts';
import { createSyncUp } from './handle-up.ts';
import { decide, deploymentOf, keyOf, NS, targetNamed, World, WS } from './testing/world.ts';

const east = targetNamed('east');
const west = targetNamed('west');
const web = keyOf('deployments', 'web');

async function placedWorld(): Promise<World> {
  const world = new World({ targets: [east, west] });
  world.place(decide([east, west]));
  world.hub.put(web, deploymentOf('web'));
  await world.settle();
  return world;
}

/** The message of a member relay that has listed all Deployments after its start. */
const listed = (target: typeof east) => ({
  v: 1 as const,
  id: 'marker',
  at: 1_000_000,
  source: { kind: 'member' as const, id: target.key, relay: 'r', epoch: 1 },
  key: { workspace: target.key, group: 'apps', resource: 'deployments', namespace: '', name: '*' },
  uid: '',
  rv: '',
  change: 'evaluate' as const,
});

describe('a member relay that starts', () => {
  it('brings back the copy that went while nobody watched', async () => {
    const world = await placedWorld();
    world.member(east).remove(downstreamKeyOf(web, east));
    for (const server of world.members.values()) server.drain();
    await world.settle();
    expect(world.copies(east)).toEqual([]);
    world.enqueue('status', listed(east));
    await world.settle();
    expect(world.copies(east)).toHaveLength(1);
  });

  it('costs reads only where all is in order', async () => {
    const world = await placedWorld();
    const calls = [world.hub.calls, ...[east, west].map((target) => world.member(target).calls)];
    for (const list of calls) list.length = 0;
    world.enqueue('status', listed(east));
    await world.settle();
    expect(calls.flat()).toContain('list deployments/');
    expect(calls.flat()).toContain('get deployments/web');
    expect(calls.flat().filter((call) => !/^(get|list) /.test(call))).toEqual([]);
  });

  it('concerns only what is decided for its target, in a fair group that delays no user', async () => {
    const world = await placedWorld();
    const sent: OutgoingMessage[] = [];
    let failed: number[] = [];
    const syncUp = createSyncUp({
      ...world.deps,
      send: async (messages) => {
        sent.push(...messages);
        return { failed };
      },
    });
    expect((await syncUp(listed(targetNamed('unused')), 1)).kind).toBe('done');
    expect(sent).toEqual([]);
    expect((await syncUp(listed(west), 1)).kind).toBe('done');
    expect(sent.map(({ queue, group, envelope }) => [queue, group, envelope.key])).toEqual([
      ['sync', `${WS}/sweep`, { workspace: WS, group: 'apps', resource: 'deployments', namespace: NS, name: '*' }],
    ]);
    failed = [0];
    expect(await syncUp(listed(west), 1)).toEqual(again(1_000, '1 of 1 messages were not accepted'));
  });
});

describe('the objects of a sweep', () => {
  it('go in its fair group too', async () => {
    const world = await placedWorld();
    const groups: string[] = [];
    const syncDown = createSyncDown({
      ...world.deps,
      send: async (messages) => {
        groups.push(...messages.map(({ group, envelope }) => `${group} ${envelope.key.name}`));
        return { failed: [] };
      },
    });
    await syncDown({ ...listed(east), key: { ...web, name: '*' } }, 1);
    expect(groups).toEqual([`${WS}/sweep web`]);
  });
});
