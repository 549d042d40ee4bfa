import type { Envelope } from '@tmc/kernel/envelope.ts';
import { retryError } from '@tmc/kernel/errors.ts';
import type { ResourceKey } from '@tmc/kernel/key.ts';
import type { Condition, KubeObject } from '@tmc/kernel/object.ts';
import { describe, expect, it } from 'vitest';
import { reportStalled } from './report.ts';
import { decide, deploymentOf, keyOf, targetNamed, World } from './testing/world.ts';

const east = targetNamed('east');
const web = keyOf('deployments', 'web');
const settings = keyOf('configmaps', 'settings');
const REASON = 'given up after 5 attempts: east: PATCH: 500';

const configMap: KubeObject = {
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name: 'settings' },
  data: { a: '1' },
};

async function placedWorld(gate?: (call: string) => void): Promise<World> {
  const world = new World({ targets: [east], ...(gate ? { gate } : {}) });
  world.place(decide([east]));
  world.hub.put(web, deploymentOf('web'));
  world.hub.put(settings, configMap);
  await world.settle();
  world.hub.calls.length = 0;
  return world;
}

function messageAbout(world: World, key: ResourceKey, uid = world.hub.find(key)?.metadata.uid ?? ''): Envelope {
  const source = { kind: 'hub' as const, id: 'hub', relay: 'r', epoch: 1 };
  return { v: 1, id: 'm', at: 1_000_000, source, key, uid, rv: '1', change: 'upsert' };
}

const conditionsOf = (world: World): Condition[] =>
  (world.hub.find(web) as unknown as { status?: { conditions?: Condition[] } }).status?.conditions ?? [];
const stalled = (world: World) => conditionsOf(world).find(({ type }) => type === 'workload.kcp.io/Stalled');
const events = (world: World) => world.hub.all().filter(({ key }) => key.resource === 'events');
const writes = (world: World) => world.hub.calls.filter((call) => !/^(get|list) /.test(call));

describe('a message that is given up', () => {
  it('stalls its Deployment with the reason, once', async () => {
    const world = await placedWorld();
    await reportStalled(world.deps, messageAbout(world, web), REASON);
    await reportStalled(world.deps, messageAbout(world, web), REASON);
    expect(stalled(world)).toMatchObject({ status: 'True', reason: 'GivenUp', message: REASON });
    expect(writes(world)).toEqual(['patch-status deployments/web']);
    expect(events(world)).toEqual([]);
  });

  it('is an Event on kinds without conditions, once', async () => {
    const world = await placedWorld();
    for (let i = 0; i < 2; i += 1) await reportStalled(world.deps, messageAbout(world, settings), REASON);
    expect(events(world).map(({ obj }) => obj)).toMatchObject([
      {
        type: 'Warning',
        reason: 'SyncStalled',
        message: REASON,
        involvedObject: { kind: 'ConfigMap', name: 'settings' },
      },
    ]);
  });

  it('says nothing of objects that are gone, made anew, or none of ours', async () => {
    const world = await placedWorld();
    await reportStalled(world.deps, messageAbout(world, keyOf('deployments', 'nowhere')), REASON);
    await reportStalled(world.deps, messageAbout(world, web, 'uid-of-an-earlier-one'), REASON);
    await reportStalled(world.deps, messageAbout(world, keyOf('deployments', '*')), REASON);
    const namespace = { ...web, group: '', resource: 'namespaces', namespace: '', name: 'shop' };
    await reportStalled(world.deps, messageAbout(world, namespace), REASON);
    expect(writes(world)).toEqual([]);
  });

  it('meets the write of another by reading again', async () => {
    let foreign: (() => void) | undefined;
    const world = await placedWorld((call) => {
      if (!call.startsWith('patch-status') || !foreign) return;
      const write = foreign;
      foreign = undefined;
      write();
    });
    const other = { type: 'Available', status: 'True' as const, reason: 'r', message: '', lastTransitionTime: 't' };
    foreign = () => world.hub.put(web, { ...deploymentOf('web'), status: { conditions: [other as never] } });
    await reportStalled(world.deps, messageAbout(world, web), REASON);
    expect(conditionsOf(world).map(({ type }) => type)).toEqual(['Available', 'workload.kcp.io/Stalled']);
  });

  it('a hub that does not take the report is an error for the log', async () => {
    const world = await placedWorld();
    const hub = { ...world.deps.hub, patch: () => Promise.reject(retryError('503', { type: 'ClusterUnreachable' })) };
    await expect(reportStalled({ ...world.deps, hub }, messageAbout(world, web), REASON)).rejects.toMatchObject({
      kind: 'retry',
    });
  });
});

describe('a sync that succeeds', () => {
  it('takes Stalled and Synced back in one write, and writes nothing after that', async () => {
    const world = await placedWorld();
    world.hub.edit(web, (obj) => {
      const synced = { type: 'workload.kcp.io/Synced', status: 'False', reason: 'SyncFailed', message: 'no' };
      Object.assign(obj, { status: { conditions: [{ ...synced, lastTransitionTime: 't' }] } });
    });
    await reportStalled(world.deps, messageAbout(world, web), REASON);
    world.hub.drain();
    world.hub.calls.length = 0;
    world.hub.put(web, deploymentOf('web', 'nginx:2'));
    await world.settle();
    expect(stalled(world)).toMatchObject({ status: 'False', reason: 'Synced', message: '' });
    expect(conditionsOf(world).find(({ type }) => type === 'workload.kcp.io/Synced')?.status).toBe('True');
    expect(writes(world)).toEqual(['patch-status deployments/web']);
    world.hub.calls.length = 0;
    world.hub.put(web, deploymentOf('web', 'nginx:3'));
    await world.settle();
    expect(writes(world)).toEqual([]);
  });
});
