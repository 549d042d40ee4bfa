import { divideAmong } from '@tmc/apis/divide.ts';
import { targetKey } from '@tmc/apis/hash.ts';
import { deletionAnnotation, PLACEMENT_ANNOTATION, stateLabel, TARGET_KEY_LABEL } from '@tmc/apis/names.ts';
import type { Condition } from '@tmc/kernel/object.ts';
import { describe, expect, it } from 'vitest';
import { createWorld, demo, keyOf, policySpec, WORKSPACE, type World } from './world.model.ts';

const WEST = stateLabel(targetKey(WORKSPACE, 'west'));
const EAST = stateLabel(targetKey(WORKSPACE, 'east'));

async function started(): Promise<World> {
  const world = createWorld();
  await demo(world);
  return world;
}

async function shares(world: World, replicas: number): Promise<Record<string, number>> {
  const claims = Object.entries(await world.placed()).map(([key, weight]) => ({ key, weight }));
  return Object.fromEntries(divideAmong(replicas, claims));
}

const conditionsOf = (object: { [field: string]: unknown }): Condition[] =>
  (object['status'] as { conditions: Condition[] }).conditions;

describe('placing a namespace', () => {
  it('gives 3 replicas as 2 and 1, and as 1 and 2 once the preference is flipped', async () => {
    const world = await started();
    expect(await shares(world, 3)).toEqual({ west: 2, east: 1 });
    await world.apply('clusterworkloadplacements', 'multi', policySpec('us-east-1'));
    expect(await shares(world, 3)).toEqual({ west: 1, east: 2 });
    expect(world.sent.filter((m) => m.queue === 'sync')).toHaveLength(2);
  });

  it('labels and annotates the namespace and tells sync once', async () => {
    const world = await started();
    const { metadata } = await world.object('namespaces', 'demo');
    expect(metadata.labels).toEqual({ managed: 'true', [WEST]: 'Sync', [EAST]: 'Sync' });
    expect(metadata.annotations).toEqual({ [PLACEMENT_ANNOTATION]: '' });
    const messages = world.sent.filter((m) => m.queue === 'sync');
    expect(messages.map((m) => [m.group, m.envelope.change, m.envelope.key])).toEqual([
      [WORKSPACE, 'evaluate', keyOf('namespaces', 'demo')],
    ]);
    expect(world.hub.writes.filter((write) => write.includes('namespaces'))).toHaveLength(1);
  });

  it('says in the policy what was chosen and why', async () => {
    const world = await started();
    await world.target('south', 'sa-east-1');
    await world.apply('clusterworkloadplacements', 'multi', policySpec('us-east-1'));
    const { status } = (await world.object('clusterworkloadplacements', 'multi')) as unknown as {
      status: {
        selectedTargets: string[];
        targetSelections: { targetName: string; selected: boolean; reason: string }[];
      };
    };
    expect(status.selectedTargets).toEqual(['east', 'west']);
    expect(status.targetSelections.map((s) => `${s.targetName} ${s.selected}: ${s.reason}`)).toEqual([
      'east true: score 100: preferred location us-east-1 (1 of 1) +100',
      'south false: needs location us-west-2, us-east-1, is in sa-east-1',
      'west true: score 0: no preference applies',
    ]);
  });

  it('writes nothing when nothing changed', async () => {
    const world = await started();
    const before = world.writes.length;
    for (const [resource, name] of [
      ['namespaces', 'demo'],
      ['clusterworkloadplacements', 'multi'],
      ['synctargets', 'west'],
    ] as const) {
      await world.deliver(keyOf(resource, name));
      await world.handle(world.envelopeOf(keyOf(resource, name), undefined, 'evaluate'), 3);
    }
    expect(world.writes.slice(before)).toEqual([]);
  });

  it('takes in a target that appears while there is room, and not one too many', async () => {
    const world = createWorld();
    await world.target('west', 'us-west-2');
    await world.apply('clusterworkloadplacements', 'multi', policySpec('us-west-2'));
    await world.apply('namespaces', 'demo', { labels: { managed: 'true' } });
    expect(await world.placed()).toEqual({ west: 2 });
    await world.target('east', 'us-east-1');
    expect(await world.placed()).toEqual({ west: 2, east: 1 });
    await world.target('other', 'us-west-2');
    expect(await world.placed()).toEqual({ west: 2, east: 1 });
  });

  it('places nothing without enough targets, says so, and places as soon as one is there', async () => {
    const world = createWorld();
    await world.apply('clusterworkloadplacements', 'multi', policySpec('us-west-2', { minReplicas: 2 }));
    await world.target('west', 'us-west-2');
    await world.apply('namespaces', 'demo', { labels: { managed: 'true' } });
    expect(await world.placed()).toEqual({});
    const [ready] = conditionsOf(await world.object('clusterworkloadplacements', 'multi'));
    expect(ready).toMatchObject({ type: 'Ready', status: 'False', reason: 'NoTargetsAvailable' });
    expect(ready?.message).toContain('1 of at least 2 targets are eligible');
    await world.target('east', 'us-east-1');
    expect(await world.placed()).toEqual({ west: 2, east: 1 });
    expect(conditionsOf(await world.object('clusterworkloadplacements', 'multi'))[0]?.status).toBe('True');
  });

  it('keeps a chosen target that is not ready, and says so', async () => {
    const world = await started();
    await world.target('east', 'us-east-1', { ready: false });
    expect(await world.placed()).toEqual({ west: 2, east: 1 });
    const [group] = await world.store.listGroups(WORKSPACE, 'demo');
    expect(group?.decision.targets.find((t) => t.name === 'east')?.reason).toContain('stays although not ready');
    expect(world.sent.filter((m) => m.queue === 'sync')).toHaveLength(1);
  });

  it('takes everything back when the policy goes, and places anew when it returns', async () => {
    const world = await started();
    await world.remove('clusterworkloadplacements', 'multi');
    expect(await world.placed()).toEqual({});
    expect((await world.object('namespaces', 'demo')).metadata.labels).toEqual({ managed: 'true' });
    expect(world.sent.filter((m) => m.queue === 'sync')).toHaveLength(2);
    const west = await world.store.listReservations(targetKey(WORKSPACE, 'west'));
    expect(west.held).toEqual([]);
    const [gone] = await world.store.listGroups(WORKSPACE, 'demo');
    await world.apply('clusterworkloadplacements', 'multi', policySpec('us-west-2'));
    const [back] = await world.store.listGroups(WORKSPACE, 'demo');
    expect(back?.decision.version).toBe((gone?.decision.version ?? 0) + 1);
    expect(await world.placed()).toEqual({ west: 2, east: 1 });
  });

  it('takes everything back when the namespace loses its label or goes', async () => {
    const world = await started();
    await world.apply('namespaces', 'demo', { labels: {} });
    expect(await world.placed()).toEqual({});
    await world.apply('namespaces', 'demo', { labels: { managed: 'true' } });
    expect(await world.placed()).toEqual({ west: 2, east: 1 });
    await world.remove('namespaces', 'demo');
    expect(await world.placed()).toEqual({});
    expect(await world.store.listPolicyGroups(WORKSPACE, 'clusterworkloadplacements//multi')).toEqual([]);
  });

  it('leaves a target whose eviction is due and that can be replaced', async () => {
    const world = await started();
    await world.target('spare', 'us-east-1');
    await world.target('east', 'us-east-1', { unschedulable: true });
    expect(await world.placed()).toEqual({ west: 2, east: 1 });
    const evictAfter = '2026-01-01T00:10:00Z';
    await world.target('east', 'us-east-1', { unschedulable: true, evictAfter });
    const wake = world.sent.find((m) => m.queue === 'placement' && m.delayMs !== undefined);
    expect(wake?.delayMs).toBe(600_000);
    world.advance(600_000);
    if (wake) await world.handle(wake.envelope, 1);
    expect(await world.placed()).toEqual({ west: 2, spare: 1 });
  });

  it('keeps what runs on a drained target when there is nowhere else to go', async () => {
    const world = createWorld();
    await world.target('west', 'us-west-2');
    await world.apply('clusterworkloadplacements', 'multi', policySpec('us-west-2'));
    await world.apply('namespaces', 'demo', { labels: { managed: 'true' } });
    await world.target('west', 'us-west-2', { unschedulable: true, evictAfter: '2025-12-31T00:00:00Z' });
    expect(await world.placed()).toEqual({ west: 2 });
    const [ready] = conditionsOf(await world.object('clusterworkloadplacements', 'multi'));
    expect(ready).toMatchObject({ status: 'False', reason: 'NoTargetsAvailable' });
    expect(ready?.message).toContain('west: evicting since');
  });
});

describe('a tenant who writes our keys', () => {
  it('gains nothing with a forged state label: it is taken off, nothing is placed', async () => {
    const world = await started();
    const decided = await world.store.listGroups(WORKSPACE, 'demo');
    const messages = world.sent.length;
    const forged = stateLabel('forged');
    const { labels } = (await world.object('namespaces', 'demo')).metadata;
    await world.apply('namespaces', 'demo', { labels: { ...labels, [forged]: 'Sync' } });
    expect((await world.object('namespaces', 'demo')).metadata.labels).toEqual(labels);
    expect(await world.store.listGroups(WORKSPACE, 'demo')).toEqual(decided);
    expect(world.sent).toHaveLength(messages);
  });

  it('loses nothing by removing a label or by asking for a removal', async () => {
    const world = await started();
    await world.hub.patch(keyOf('namespaces', 'demo'), {
      metadata: { labels: { [WEST]: null }, annotations: { [deletionAnnotation('any')]: '2026-01-01T00:00:00Z' } },
    });
    await world.deliver(keyOf('namespaces', 'demo'));
    const { metadata } = await world.object('namespaces', 'demo');
    expect(metadata.labels?.[WEST]).toBe('Sync');
    expect(metadata.annotations).toEqual({ [PLACEMENT_ANNOTATION]: '' });
    expect(await world.placed()).toEqual({ west: 2, east: 1 });
  });

  it('may not use targets of another workspace', async () => {
    const world = await started();
    await world.apply('placements', 'thief', {
      spec: { locationSelectors: [{}], namespaceSelector: {}, locationWorkspace: 'ws2' },
    });
    const [ready] = conditionsOf(await world.object('placements', 'thief'));
    expect(ready).toMatchObject({ type: 'Ready', status: 'False', reason: 'LocationInvalid' });
    expect(await world.store.findPolicy(WORKSPACE, 'placements//thief')).toBeUndefined();
  });
});

describe('two tenants with equal names', () => {
  it('never meet: each gets its own targets, and a change in one touches nothing of the other', async () => {
    const world = await started();
    const inSecond = (resource: string, name: string) => ({ ...keyOf(resource, name), workspace: 'ws2' });
    const put = async (resource: string, name: string, object: Record<string, unknown>, labels = {}) => {
      const kind = { synctargets: 'SyncTarget', namespaces: 'Namespace' }[resource] ?? 'ClusterWorkloadPlacement';
      world.hub.put(inSecond(resource, name), { apiVersion: 'v1', kind, ...object, metadata: { name, labels } });
      await world.deliver(inSecond(resource, name));
    };
    const first = await world.store.listGroups(WORKSPACE, 'demo');
    await put('clusterworkloadplacements', 'multi', policySpec('us-west-2'));
    await put('namespaces', 'demo', {}, { managed: 'true' });
    const targetsOf = async () =>
      (await world.store.listGroups('ws2', 'demo')).flatMap(({ decision }) => decision.targets.map((t) => t.key));
    expect(await targetsOf()).toEqual([]);
    const ready = { status: { conditions: [{ type: 'Ready', status: 'True' }] } };
    await put('synctargets', 'west', { spec: { location: 'us-west-2' }, ...ready });
    expect(await targetsOf()).toEqual([targetKey('ws2', 'west')]);
    expect(await world.store.listGroups(WORKSPACE, 'demo')).toEqual(first);
    await world.hub.delete(inSecond('clusterworkloadplacements', 'multi'));
    await world.deliver(inSecond('clusterworkloadplacements', 'multi'), 'delete');
    expect(await targetsOf()).toEqual([]);
    expect(await world.placed()).toEqual({ west: 2, east: 1 });
  });
});

describe('facts', () => {
  it('label the target with its key and list what it syncs', async () => {
    const world = await started();
    const west = await world.object('synctargets', 'west');
    expect(west.metadata.labels?.[TARGET_KEY_LABEL]).toBe(targetKey(WORKSPACE, 'west'));
    const { syncedResources } = west['status'] as { syncedResources: { resource: string; state: string }[] };
    expect(syncedResources.map((r) => `${r.resource} ${r.state}`)).toContain('deployments Accepted');
  });

  it('of a target nobody pushes to say so on it, and place nothing there', async () => {
    const world = await started();
    await world.target('east', 'us-east-1', { syncerConfig: { syncMode: 'pull' } });
    const valid = async () =>
      conditionsOf(await world.object('synctargets', 'east')).find(({ type }) => type === 'ConfigurationValid');
    expect(await world.placed()).toEqual({ west: 2 });
    await world.deliver(keyOf('synctargets', 'east'));
    expect(await valid()).toMatchObject({
      status: 'False',
      message: 'spec.syncerConfig.syncMode: syncMode pull is not supported by this version, set push',
    });
    await world.target('east', 'us-east-1', { syncerConfig: { syncMode: 'push' } });
    expect(await world.placed()).toEqual({ west: 2, east: 1 });
  });

  it('are not turned back by a late message', async () => {
    const world = await started();
    const key = keyOf('synctargets', 'east');
    const old = await world.hub.get(key);
    await world.target('east', 'us-east-1', { ready: false });
    await world.handle(world.envelopeOf(key, old, 'upsert'), 1);
    expect((await world.store.findTarget(targetKey(WORKSPACE, 'east')))?.value.ready).toBe(false);
  });

  it('of what was deleted while no relay looked are found by the marker of a complete list', async () => {
    const world = await started();
    await world.hub.delete(keyOf('clusterworkloadplacements', 'multi'));
    const marker = { ...keyOf('clusterworkloadplacements', '*'), workspace: '*' };
    const before = world.sent.length;
    await world.handle(world.envelopeOf(marker, undefined, 'evaluate'), 1);
    const messages = world.sent.slice(before);
    expect(messages.map((m) => m.envelope.key)).toEqual([keyOf('clusterworkloadplacements', 'multi')]);
    for (const { envelope } of messages) await world.handle(envelope, 1);
    expect(await world.placed()).toEqual({});
  });

  it('survive when only sight of the object is lost', async () => {
    const world = await started();
    await world.hub.delete(keyOf('synctargets', 'east'));
    await world.handle(world.envelopeOf(keyOf('synctargets', 'east'), undefined, 'unseen'), 1);
    expect(await world.placed()).toEqual({ west: 2, east: 1 });
  });
});

describe('Placement and Location', () => {
  const placement = { spec: { locationSelectors: [{}], namespaceSelector: {} } };

  it('finds the default location where nobody described one', async () => {
    const world = createWorld();
    await world.target('west', 'us-west-2');
    await world.apply('namespaces', 'demo', {});
    await world.apply('placements', 'any', placement);
    expect(await world.placed()).toEqual({ west: 1 });
    expect((await world.object('placements', 'any'))['status']).toMatchObject({
      phase: 'Bound',
      selectedLocation: { path: WORKSPACE, locationName: 'default' },
    });
  });

  it('chooses one target in a location that a selector matches, the same for every namespace', async () => {
    const world = createWorld();
    for (const name of ['a', 'b', 'c']) await world.target(name, 'eu');
    await world.apply('locations', 'eu', {
      labels: { region: 'eu' },
      spec: { instanceSelector: { matchLabels: { region: 'eu' } } },
    });
    await world.apply('placements', 'any', {
      spec: { locationSelectors: [{ matchLabels: { region: 'eu' } }], namespaceSelector: {} },
    });
    for (const name of ['demo', 'two', 'three']) await world.apply('namespaces', name, {});
    const [first, ...others] = await Promise.all(['demo', 'two', 'three'].map((name) => world.placed(name)));
    expect(Object.keys(first ?? {})).toHaveLength(1);
    expect(others).toEqual([first, first]);
  });

  it('tells when no location matches, and follows when one does', async () => {
    const world = createWorld();
    await world.target('west', 'us-west-2');
    await world.apply('locations', 'us', { labels: { region: 'us' }, spec: { instanceSelector: {} } });
    await world.apply('namespaces', 'demo', {});
    await world.apply('placements', 'eu', {
      spec: { locationSelectors: [{ matchLabels: { region: 'eu' } }], namespaceSelector: {} },
    });
    const reasons = async () =>
      conditionsOf(await world.object('placements', 'eu')).map((c) => `${c.type} ${c.reason}`);
    expect(await reasons()).toEqual(['Ready LocationNoMatch', 'Scheduled ScheduleLocationNotFound']);
    await world.apply('locations', 'us', { labels: { region: 'eu' }, spec: { instanceSelector: {} } });
    expect(await world.placed()).toEqual({ west: 1 });
    expect(await reasons()).toEqual(['Ready PlacementSuccess', 'Scheduled PlacementSuccess']);
  });

  it('selects nothing with an empty list of selectors', async () => {
    const world = createWorld();
    await world.target('west', 'us-west-2');
    await world.apply('namespaces', 'demo', {});
    await world.apply('placements', 'none', { spec: { locationSelectors: [], namespaceSelector: {} } });
    expect(await world.placed()).toEqual({});
  });
});

describe('WorkloadPlacement', () => {
  it('in turn gives six namespaces to two targets as three and three', async () => {
    const world = createWorld();
    await world.target('west', 'us-west-2');
    await world.target('east', 'us-east-1');
    await world.apply('workloadplacements', 'turn', { spec: { strategy: 'RoundRobin' } });
    const names = ['n1', 'n2', 'n3', 'n4', 'n5', 'n6'];
    for (const name of names) await world.apply('namespaces', name, {});
    const placed = await Promise.all(names.map(async (name) => Object.keys(await world.placed(name))[0]));
    expect(placed.filter((name) => name === 'west')).toHaveLength(3);
    expect(placed.filter((name) => name === 'east')).toHaveLength(3);
  });
});

describe('capacity', () => {
  it('fills one target, then the other, then says what is missing', async () => {
    const world = createWorld();
    await world.target('west', 'us-west-2', { resourceQuotas: { cpu: '4' } });
    await world.target('east', 'us-east-1', { resourceQuotas: { cpu: '2' } });
    const spec = policySpec('us-west-2', { maxReplicas: 1, resourceRequirements: { minCpu: '2' } });
    await world.apply('clusterworkloadplacements', 'sized', spec);
    for (const name of ['n1', 'n2', 'n3', 'n4']) await world.apply('namespaces', name, { labels: { managed: 'true' } });
    const placed = await Promise.all(['n1', 'n2', 'n3', 'n4'].map((name) => world.placed(name)));
    expect(placed).toEqual([{ west: 2 }, { west: 2 }, { east: 1 }, {}]);
    const [group] = await world.store.listGroups(WORKSPACE, 'n4');
    expect(group?.decision.rejected).toEqual([
      { name: 'east', reason: 'needs 2 cpu, 0 free' },
      { name: 'west', reason: 'needs 2 cpu, 0 free' },
    ]);
  });
});
