import { describe, expect, it } from 'vitest';
import { createWorld, demo, keyOf, policySpec, WORKSPACE, type World } from './world.model.ts';

/** The history that is disturbed: everything placement writes happens in it at least once. */
async function history(world: World): Promise<void> {
  await demo(world);
  await world.apply('clusterworkloadplacements', 'multi', policySpec('us-east-1'));
  await world.target('east', 'us-east-1', { ready: false });
  await world.remove('synctargets', 'east');
  await world.apply('placements', 'any', { spec: { locationSelectors: [{}], namespaceSelector: {} } });
  await world.remove('clusterworkloadplacements', 'multi');
}

/** What users and sync find in the end; versions and times may differ. */
async function outcome(world: World): Promise<unknown> {
  const groups = await world.store.listGroups(WORKSPACE, 'demo');
  const { labels, annotations } = (await world.object('namespaces', 'demo')).metadata;
  const placement = (await world.object('placements', 'any'))['status'] as { conditions: unknown[] };
  const west = await world.object('synctargets', 'west');
  return {
    groups: groups.map(({ decision: { version: _version, decidedAtMs: _at, ...decision }, ...group }) => ({
      decision: { ...decision, inputs: Object.keys(decision.inputs).sort() },
      published: group.published,
      toSync: group.toSync,
      message: group.message,
      waitsIn: group.waitsIn,
    })),
    labels,
    annotations,
    phase: placement,
    west: [west.metadata.labels, west['status']],
    waiting: await world.store.listWaiting(WORKSPACE),
    listed: (await world.store.listPolicyGroups(WORKSPACE, 'placements//any')).map((group) => group.targets),
    targets: (await world.store.listTargets(WORKSPACE)).map((target) => target.name),
  };
}

async function undisturbed(): Promise<World> {
  const world = createWorld();
  await history(world);
  return world;
}

describe('a crash of placement', () => {
  it.each([['before'], ['after']])('%s any write changes nothing about the result', async (when) => {
    const calm = await undisturbed();
    const expected = await outcome(calm);
    expect(calm.calls()).toBeGreaterThan(20);
    for (let at = 1; at <= calm.calls(); at++) {
      const world = createWorld({ at, after: when === 'after' });
      await history(world);
      expect(await outcome(world), `crash ${when} effect ${at} (${calm.writes[at - 1]})`).toEqual(expected);
      const told = (w: World) => w.sent.filter((m) => m.queue === 'sync').length;
      expect(
        told(world),
        `messages after crash ${when} effect ${at}: ${world.writes.join(', ')}`,
      ).toBeGreaterThanOrEqual(told(calm));
    }
  });

  it('leaves nothing to write once the message was handled', async () => {
    const world = await undisturbed();
    const before = world.writes.length;
    for (const [resource, name] of [
      ['namespaces', 'demo'],
      ['placements', 'any'],
      ['synctargets', 'west'],
    ] as const) {
      await world.deliver(keyOf(resource, name), 'evaluate');
    }
    expect(world.writes.slice(before)).toEqual([]);
  });
});

describe('two placements at once', () => {
  it('on one namespace end in one decision that both know', async () => {
    const world = createWorld();
    await demo(world);
    const key = keyOf('namespaces', 'demo');
    await world.hub.put(keyOf('clusterworkloadplacements', 'multi'), {
      ...(await world.object('clusterworkloadplacements', 'multi')),
      ...policySpec('us-east-1'),
    });
    const policy = world.envelopeOf(keyOf('clusterworkloadplacements', 'multi'), undefined, 'evaluate');
    const namespace = world.envelopeOf(key, undefined, 'evaluate');
    const results = await Promise.allSettled([
      world.handle(policy, 1),
      world.handle(namespace, 1),
      world.handle(policy, 1),
    ]);
    for (const result of results) {
      if (result.status === 'rejected') expect(String(result.reason)).toMatch(/anew|no longer|kept changing/);
    }
    await world.handle(policy, 2);
    expect(await world.placed()).toEqual({ west: 1, east: 2 });
    const groups = await world.store.listGroups(WORKSPACE, 'demo');
    expect(groups.map((group) => [group.decision.version, group.published])).toEqual([[2, true]]);
  });
});
