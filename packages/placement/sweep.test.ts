import { targetKey } from '@tmc/apis/hash.ts';
import { type ListMark, marksOf } from '@tmc/apis/list-marks.ts';
import { CONTROL_RESOURCES, NAMESPACES } from '@tmc/apis/resources.ts';
import type { Envelope } from '@tmc/kernel/envelope.ts';
import { formatKey, type ResourceKey } from '@tmc/kernel/key.ts';
import type { KubeObject } from '@tmc/kernel/object.ts';
import { describe, expect, it } from 'vitest';
import { factsKind } from './facts.ts';
import { createWorld, demo, keyOf, policySpec, WORKSPACE, type World } from './world.model.ts';

/** One usable object of every kind that placement keeps facts of. */
const SPECS: Readonly<Record<string, { spec: Record<string, unknown> }>> = {
  synctargets: { spec: { location: 'eu' } },
  clusterregistrations: { spec: { location: 'eu', clusterEndpoint: { serverURL: 'https://member.example' } } },
  locations: { spec: { resource: { group: 'workload.kcp.io', version: 'v1alpha1', resource: 'synctargets' } } },
  placements: { spec: { locationSelectors: [{}], namespaceSelector: {} } },
  clusterworkloadplacements: policySpec('us-west-2'),
  workloadplacements: {
    spec: { workloadSelector: { labelSelector: {} }, targetSelector: {}, clusterSelector: {}, numberOfClusters: 1 },
  },
  namespaces: { spec: {} },
};
const KINDS = [NAMESPACES, ...CONTROL_RESOURCES].filter(({ group, resource }) =>
  factsKind({ ...keyOf(resource, 'x'), group }),
);

/** Messages of a relay that has listed a kind: these keys, cut into small marks. */
function marksFor(world: World, resource: string, listed: readonly ResourceKey[], maxBytes = 80): Envelope[] {
  return [...marksOf(listed.map(formatKey), maxBytes)].map((list) => markMessage(world, resource, list));
}

function markMessage(world: World, resource: string, list: ListMark): Envelope {
  const key = { ...keyOf(resource, '*'), workspace: '*' };
  return { ...world.envelopeOf(key, undefined, 'evaluate'), rv: '7', list };
}

/** Handles the marks, and then everything that place sends itself because of them. Counts reads of the hub and effects. */
async function sweep(world: World, marks: readonly Envelope[]) {
  const before = { writes: world.writes.length, sent: world.sent.length, reads: world.reads.length };
  for (const mark of marks) expect(await world.handle(mark, 1)).toMatchObject({ kind: 'done' });
  const evaluated = world.sent.slice(before.sent).map(({ envelope }) => envelope);
  for (const envelope of evaluated) await world.handle(envelope, 1);
  return {
    evaluated: evaluated.map(({ key }) => key),
    reads: world.reads.length - before.reads,
    writes: world.writes.length - before.writes,
  };
}

async function policies(...names: string[]): Promise<World> {
  const world = createWorld();
  for (const name of names) await world.apply('clusterworkloadplacements', name, policySpec('us-west-2'));
  return world;
}

const policy = (name: string) => keyOf('clusterworkloadplacements', name);
const tracked = async (world: World) => (await world.store.listTracked('policy')).map(({ name }) => name).sort();

describe('the marks of a complete list', () => {
  it.each(KINDS)('find a missed deletion of $resource', async ({ group, resource, namespaced }) => {
    const world = createWorld();
    const keyed = (name: string) => ({ ...keyOf(resource, name, namespaced ? 'demo' : ''), group });
    for (const name of ['gone', 'here']) {
      const object = { apiVersion: 'v1', kind: 'K', metadata: { name }, ...SPECS[resource] } as KubeObject;
      world.hub.put(keyed(name), object);
      await world.deliver(keyed(name));
    }
    const kind = factsKind(keyed('gone')) ?? 'target';
    expect((await world.store.listTracked(kind)).map(({ name }) => name).sort()).toEqual(['gone', 'here']);
    await world.hub.delete(keyed('gone'));
    const { evaluated } = await sweep(world, marksFor(world, resource, [keyed('here')]));
    expect(evaluated).toEqual(expect.arrayContaining([keyed('gone')]));
    expect(evaluated).not.toContainEqual(keyed('here'));
    expect((await world.store.listTracked(kind)).map(({ name }) => name)).toEqual(['here']);
  });

  it('cost no read of the hub and no write when everything is there', async () => {
    const world = createWorld();
    await demo(world);
    const marks = [
      ...marksFor(world, 'synctargets', [keyOf('synctargets', 'west'), keyOf('synctargets', 'east')]),
      ...marksFor(world, 'clusterworkloadplacements', [policy('multi')]),
      ...marksFor(world, 'namespaces', [keyOf('namespaces', 'demo'), keyOf('namespaces', 'other')]),
      ...marksFor(world, 'locations', []),
    ];
    expect(await sweep(world, marks)).toEqual({ evaluated: [], reads: 0, writes: 0 });
  });

  it('may come in any order and twice', async () => {
    const names = ['a', 'b', 'c', 'd', 'e'];
    const world = await policies(...names);
    await world.hub.delete(policy('b'));
    await world.hub.delete(policy('e'));
    const marks = marksFor(world, 'clusterworkloadplacements', ['a', 'c', 'd'].map(policy));
    expect(marks.length).toBeGreaterThan(2);
    const backwards = [...marks].reverse();
    const { evaluated } = await sweep(world, [...backwards, ...marks]);
    expect(evaluated.map(({ name }) => name).sort()).toEqual(['b', 'b', 'e', 'e']);
    expect(await tracked(world)).toEqual(['a', 'c', 'd']);
  });

  it('that come late change nothing: what is newer is looked at, and stays', async () => {
    const world = await policies('a');
    const marks = marksFor(world, 'clusterworkloadplacements', [policy('a')]);
    await world.apply('clusterworkloadplacements', 'born-later', policySpec('us-west-2'));
    const { evaluated } = await sweep(world, marks);
    expect(evaluated).toEqual([policy('born-later')]);
    expect(await tracked(world)).toEqual(['a', 'born-later']);
  });

  it('of a kind of which there is nothing left find all of it', async () => {
    const world = await policies('a', 'b');
    for (const name of ['a', 'b']) await world.hub.delete(policy(name));
    await sweep(world, marksFor(world, 'clusterworkloadplacements', []));
    expect(await tracked(world)).toEqual([]);
  });

  it('leave other kinds alone that keep the same facts', async () => {
    const world = await policies('a');
    expect(await sweep(world, marksFor(world, 'placements', []))).toEqual({ evaluated: [], reads: 0, writes: 0 });
  });

  it.each([
    ['a key is missing', ({ keys, ...mark }: ListMark) => ({ ...mark, keys: keys.slice(1) }), 'it names 1 of 2 keys'],
    [
      'a key is another',
      ({ keys, ...mark }: ListMark) => ({ ...mark, keys: [formatKey(policy('x')), ...keys.slice(1)] }),
      'its keys are not those that were listed',
    ],
  ])('prove nothing when %s: they are parked with the reason', async (_name, tear, reason) => {
    const world = await policies('a', 'b', 'c');
    const [list] = [...marksOf([policy('a'), policy('b')].map(formatKey))];
    if (!list) throw new Error('no mark');
    const sent = world.sent.length;
    const outcome = await world.handle(markMessage(world, 'clusterworkloadplacements', tear(list)), 1);
    expect(outcome).toEqual({
      kind: 'park',
      reason: `the list mark of clusterworkloadplacements.workload.kcp.io is not whole: ${reason}`,
    });
    expect(world.sent.length).toBe(sent);
  });
});

describe('a hub restored from a backup', () => {
  it('is believed although its revisions are lower than those of the facts', async () => {
    const world = createWorld();
    await world.target('east', 'eu');
    await world.target('east', 'us');
    const key = keyOf('synctargets', 'east');
    const live = await world.object('synctargets', 'east');
    const restored = { ...live, metadata: { ...live.metadata, resourceVersion: '1' }, spec: { location: 'eu' } };
    world.answerWith(key, restored);
    await world.handle(world.envelopeOf(key, restored, 'upsert'), 1);
    expect((await world.store.findTarget(targetKey(WORKSPACE, 'east')))?.value).toMatchObject({
      location: 'eu',
      rv: '1',
    });
  });
});
