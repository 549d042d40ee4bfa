import { OWNER_LABEL, UPSTREAM_ANNOTATION } from '@tmc/apis/names.ts';
import type { KubeObject } from '@tmc/kernel/object.ts';
import { describe, expect, it } from 'vitest';
import { downstreamKeyOf } from './copy-identity.ts';
import { decide, deploymentOf, keyOf, targetNamed, World } from './testing/world.ts';

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

const rolledOut = (obj: KubeObject, replicas: number): void => {
  const { generation } = obj.metadata;
  const counters = { replicas, updatedReplicas: replicas, readyReplicas: replicas, availableReplicas: replicas };
  obj['status'] = { observedGeneration: generation, ...counters };
};

const statusWrites = (world: World): string[] => world.hub.calls.filter((call) => call.startsWith('patch-status'));
const statusOf = (world: World): unknown => world.hub.find(web)?.['status'];

describe('a copy that came after its removal', () => {
  it('is deleted, when no decision names its target and no finalizer holds it', async () => {
    const world = await placedWorld();
    const key = downstreamKeyOf(web, east);
    const copy = structuredClone(world.member(east).find(key)!);
    world.place(decide([west], { version: 2 }));
    await world.settle();
    expect(world.copies(east)).toEqual([]);
    world.member(east).put(key, copy);
    await world.settle();
    expect(world.copies(east)).toEqual([]);
    expect(world.copies(west)).toHaveLength(1);
  });

  it('stays while a finalizer holds it, and while no decision is known at all', async () => {
    const world = await placedWorld();
    const touch = () => world.member(east).edit(downstreamKeyOf(web, east), (obj) => rolledOut(obj, 3));
    world.decisions.splice(0, 1, decide([west], { version: 2 }));
    touch();
    await world.settle();
    expect(world.copies(east)).toHaveLength(1);
    world.decisions.length = 0;
    world.hub.edit(web, (obj) => Object.assign(obj.metadata, { finalizers: [] }));
    touch();
    await world.settle();
    expect(world.copies(east)).toHaveLength(1);
  });
});

describe('status', () => {
  it('of all targets becomes the object’s: at most three hub writes for a new Deployment, one for an update', async () => {
    const world = await placedWorld();
    for (const target of [east, west])
      world.member(target).edit(downstreamKeyOf(web, target), (obj) => rolledOut(obj, 3));
    await world.settle();
    expect(statusOf(world)).toMatchObject({ replicas: 6, availableReplicas: 6, observedGeneration: 1 });
    const writes = world.hub.calls.filter((call) => /^(patch|create|delete)/.test(call));
    expect(writes.length).toBeLessThanOrEqual(3);
    world.hub.calls.length = 0;
    world.hub.put(web, deploymentOf('web', 'nginx:2'));
    await world.settle();
    for (const target of [east, west])
      world.member(target).edit(downstreamKeyOf(web, target), (obj) => rolledOut(obj, 3));
    await world.settle();
    expect(statusOf(world)).toMatchObject({ replicas: 6, observedGeneration: 2 });
    expect(world.hub.calls.filter((call) => /^(patch|create|delete)/.test(call)).length).toBeLessThanOrEqual(1);
  });

  it('that changed nothing writes nothing', async () => {
    const world = await placedWorld();
    for (const target of [east, west])
      world.member(target).edit(downstreamKeyOf(web, target), (obj) => rolledOut(obj, 3));
    await world.settle();
    world.hub.calls.length = 0;
    world
      .member(east)
      .edit(downstreamKeyOf(web, east), (obj) => Object.assign(obj.metadata.annotations!, { other: 'x' }));
    await world.settle();
    expect(statusWrites(world)).toEqual([]);
  });

  it('waits while a rollout is in flux, then shows its progress', async () => {
    const world = await placedWorld();
    world.outcomes.length = 0;
    world.hub.calls.length = 0;
    world.member(east).edit(downstreamKeyOf(web, east), (obj) => rolledOut(obj, 1));
    await world.settle();
    expect(world.outcomes.filter((outcome) => outcome.kind === 'again')).toMatchObject([{ afterMs: 3000 }]);
    expect(statusOf(world)).toMatchObject({ replicas: 1 });
    expect(statusWrites(world)).toHaveLength(1);
  });
});

describe('the reports of one rollout', () => {
  const looks = (world: World): string[] => world.hub.calls.filter((call) => call.startsWith('get'));

  it('cost one look and one write: whoever reports while another is on its way waits for it', async () => {
    const world = await placedWorld();
    const rollOut = (target: typeof east) =>
      world.member(target).edit(downstreamKeyOf(web, target), (obj) => rolledOut(obj, 3));
    world.hub.calls.length = 0;
    // Both are on their way, then both arrive.
    for (const target of [east, west])
      world.member(target).edit(downstreamKeyOf(web, target), (obj) => rolledOut(obj, 1));
    world.relay();
    for (const target of [east, west]) rollOut(target);
    await world.settle();
    expect(statusOf(world)).toMatchObject({ availableReplicas: 6, observedGeneration: 1 });
    expect(statusWrites(world)).toHaveLength(1);
    expect(looks(world)).toHaveLength(1);
  });
});

describe('a member that lies', () => {
  const other = keyOf('deployments', 'web', { workspace: 'ws2' });

  it.each<[string, (obj: KubeObject) => void]>([
    [
      'names another tenant as upstream',
      (obj) => Object.assign(obj.metadata.annotations!, { [UPSTREAM_ANNOTATION]: 'ws2|shop/web' }),
    ],
    ['names another owner', (obj) => Object.assign(obj.metadata.labels!, { [OWNER_LABEL]: west.key })],
    ['names no upstream', (obj) => Object.assign(obj.metadata, { annotations: {} })],
  ])('and %s writes no status', async (_title, lie) => {
    const world = await placedWorld();
    world.decisions.push(decide([west], { workspace: 'ws2' }));
    world.hub.put(other, deploymentOf('web'));
    await world.settle();
    world.hub.calls.length = 0;
    const before = [world.hub.find(web), world.hub.find(other)];
    const obj = world.member(east).find(downstreamKeyOf(web, east))!;
    rolledOut(obj, 3);
    lie(obj);
    const source = { kind: 'member' as const, id: east.key, relay: 'r', epoch: 1 };
    const key = { ...downstreamKeyOf(web, east), workspace: east.key };
    const message = { v: 1 as const, id: 'lie', at: 1_000_000, source, key, uid: 'x', rv: '1', body: obj };
    world.enqueue('status', { ...message, change: 'upsert' });
    world.enqueue('status', { ...message, change: 'delete' });
    await world.settle();
    expect([world.hub.find(web), world.hub.find(other)]).toEqual(before);
    expect(world.hub.calls).toEqual([]);
  });

  it('and whose target runs nothing of an object writes no status', async () => {
    const world = await placedWorld();
    world.hub.put(other, deploymentOf('web'));
    await world.settle();
    const copy = { ...world.member(east).find(downstreamKeyOf(web, east))! };
    const key = downstreamKeyOf(other, east);
    copy.metadata = {
      ...copy.metadata,
      annotations: { ...copy.metadata.annotations, [UPSTREAM_ANNOTATION]: 'ws2|shop/web' },
    };
    rolledOut(copy, 3);
    const source = { kind: 'member' as const, id: east.key, relay: 'r', epoch: 1 };
    world.enqueue('status', {
      v: 1,
      id: 'lie',
      at: 1_000_000,
      source,
      key,
      uid: 'x',
      rv: '1',
      change: 'upsert',
      body: copy,
    });
    await world.settle();
    expect(world.hub.find(other)?.['status']).toBeUndefined();
  });
});

describe('a target that comes back', () => {
  it('counts again although its copies did not change and report nothing', async () => {
    const world = await placedWorld();
    const ready = (isReady: boolean) => world.facts.splice(0, world.facts.length, { ...east, ready: isReady }, west);
    ready(false);
    world.member(east).edit(downstreamKeyOf(web, east), (obj) => rolledOut(obj, 3));
    await world.settle();
    world.member(west).edit(downstreamKeyOf(web, west), (obj) => rolledOut(obj, 3));
    await world.settle();
    expect(statusOf(world)).toMatchObject({ readyReplicas: 3 });
    ready(true);
    world.evaluate('status', web);
    await world.settle();
    expect(statusOf(world)).toMatchObject({ readyReplicas: 6 });
    const writes = statusWrites(world).length;
    world.evaluate('status', web);
    await world.settle();
    expect(statusWrites(world)).toHaveLength(writes);
  });
});
