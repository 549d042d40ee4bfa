import { marksOf } from '@tmc/apis/list-marks.ts';
import type { OutgoingMessage } from '@tmc/kernel/envelope.ts';
import { formatKey } from '@tmc/kernel/key.ts';
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
    const marked = (keys: string[], maxBytes?: number) =>
      [...marksOf(keys, maxBytes)].map((list) => ({ ...listed(west), rv: '7', list }));
    const copy = formatKey(downstreamKeyOf(web, west));
    sent.length = 0;
    const marks = marked([`${west.key}|apps/deployments|0/a`, copy, `${west.key}|apps/deployments|zz/z`], 10);
    for (const mark of marks) expect((await syncUp(mark, 1)).kind).toBe('done');
    // Each mark whose range may hold keys of the namespace: that of the copy, and the one before it, which ends with its key.
    expect([marks.length, sent.length]).toEqual([3, 2]);
    const torn = { ...listed(west), list: { ...marked([copy])[0]!.list, count: 2 } };
    expect(await syncUp(torn, 1)).toMatchObject({ kind: 'park', reason: expect.stringContaining('is not whole') });
    sent.length = 0;
    failed = [0];
    expect(await syncUp(listed(west), 1)).toEqual(again(1_000, '1 of 1 messages were not accepted'));
  });
});

describe('a list mark of the hub', () => {
  it('tells sync nothing: what has copies is held by a finalizer', async () => {
    const world = await placedWorld();
    world.hub.calls.length = 0;
    const [list] = [...marksOf([])];
    const source = { kind: 'hub' as const, id: 'hub', relay: 'r', epoch: 1 };
    const mark = { ...listed(east), source, key: { ...listed(east).key, workspace: '*' }, list };
    expect(await createSyncDown(world.deps)(mark, 1)).toMatchObject({ kind: 'done' });
    expect(world.hub.calls).toEqual([]);
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
    const source = { kind: 'function' as const, id: 'sync', relay: '', epoch: 1 };
    await syncDown({ ...listed(east), source, key: { ...web, name: '*' } }, 1);
    expect(groups).toEqual([`${WS}/sweep web`]);
  });
});
