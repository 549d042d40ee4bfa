import type { Envelope } from '@tmc/kernel/envelope.ts';
import type { KubeObject } from '@tmc/kernel/object.ts';
import { describe, expect, it } from 'vitest';
import { createSyncDown } from './handle.ts';
import type { SyncDeps } from './load.ts';
import { Crash } from './testing/memory-server.ts';
import { decide, decided, deploymentOf, keyOf, targetNamed, World } from './testing/world.ts';

const east = targetNamed('east');
const west = targetNamed('west');
const web = keyOf('deployments', 'web');

const messageOf = ({ metadata }: KubeObject, more: Partial<Envelope> = {}): Envelope => ({
  v: 1,
  id: 'slow',
  at: 1_000_000,
  source: { kind: 'hub', id: 'hub', relay: 'r', epoch: 1 },
  key: web,
  uid: metadata.uid ?? '',
  rv: metadata.resourceVersion ?? '',
  change: 'upsert',
  ...more,
});

type Slow = { readonly deps: SyncDeps; readonly reached: Promise<void>; readonly release: () => void };

/** Another process over the same world, whose reads or writes of copies wait until `release` is called; it may die after a write. */
function slowProcess(world: World, { until = 'get', dies = false } = {}): Slow {
  const gate = Promise.withResolvers<void>();
  const reached = Promise.withResolvers<void>();
  let isDead = false;
  const wait = async (call: string, { resource }: { resource: string }) => {
    if (isDead) throw new Crash('killed');
    if (call !== until || resource === 'namespaces') return;
    reached.resolve();
    await gate.promise;
  };
  const member: SyncDeps['member'] = (targetKey) => {
    const api = world.deps.member(targetKey);
    if (!api) return undefined;
    return {
      ...api,
      get: async (key) => {
        await wait('get', key);
        return api.get(key);
      },
      apply: async (key, ...what) => {
        await wait('apply', key);
        const copy = await api.apply(key, ...what);
        isDead = dies && key.resource !== 'namespaces';
        return copy;
      },
    };
  };
  const hub: SyncDeps['hub'] = {
    ...world.deps.hub,
    get: async (key) => {
      if (isDead) throw new Crash('killed');
      return world.deps.hub.get(key);
    },
  };
  return { deps: { ...world.deps, hub, member }, reached: reached.promise, release: gate.resolve };
}

describe('an invocation that dies after it made a copy and before it confirmed it', () => {
  it.each(['configmaps', 'deployments'])('leaves no %s behind, when the object went meanwhile', async (resource) => {
    const key = keyOf(resource, 'web');
    const world = new World({ targets: [west] });
    world.place(decide([west]));
    await world.settle();
    const upstreamObj = world.hub.put(key, resource === 'deployments' ? deploymentOf('web') : configMap);
    world.hub.drain();
    const slow = slowProcess(world, { until: 'apply', dies: true });
    const message = messageOf(upstreamObj, { key, body: upstreamObj });
    const running = createSyncDown(slow.deps)(message, 1);
    await slow.reached;
    world.hub.remove(key);
    await world.settle();
    expect(world.hub.find(key)).toBeUndefined();
    slow.release();
    await expect(running).rejects.toThrow(Crash);
    expect(world.copies(west)).toHaveLength(1);
    world.enqueue('sync', message);
    await world.settle();
    expect(world.copies(west)).toEqual([]);
  });
});

const configMap: KubeObject = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'web' }, data: { a: '1' } };

describe('an invocation whose decision is overtaken while it works', () => {
  const weighted = (version: number, eastWeight: number, westWeight: number) =>
    decide([], {
      division: 'Divided',
      version,
      targets: [
        { ...decided(east), weight: eastWeight },
        { ...decided(west), weight: westWeight },
      ],
    });
  const splitOf = (world: World) =>
    [east, west].map((target) => (world.copies(target)[0]?.obj['spec'] as { replicas?: number })?.replicas);

  it('writes the later one in the end, though it is the last to write', async () => {
    const world = new World({ targets: [east, west] });
    world.place(weighted(1, 2, 1));
    world.hub.put(web, deploymentOf('web'));
    await world.settle();
    expect(splitOf(world)).toEqual([2, 1]);
    const changed = world.hub.put(web, deploymentOf('web', 'nginx:2'));
    const slow = slowProcess(world);
    const running = createSyncDown(slow.deps)(messageOf(changed), 2);
    await slow.reached;
    world.place(weighted(2, 1, 2));
    await world.settle();
    expect(splitOf(world)).toEqual([1, 2]);
    slow.release();
    expect((await running).kind).toBe('done');
    await world.settle();
    expect(splitOf(world)).toEqual([1, 2]);
  });

  it('reads the decisions once more only when it wrote something', async () => {
    const world = new World({ targets: [east, west] });
    world.place(weighted(1, 2, 1));
    world.hub.put(web, deploymentOf('web'));
    await world.settle();
    let reads = 0;
    const decisions: SyncDeps['store']['decisions'] = (...where) => {
      reads += 1;
      return world.deps.store.decisions(...where);
    };
    const deps = { ...world.deps, store: { ...world.deps.store, decisions } };
    await createSyncDown(deps)(messageOf(world.hub.find(web)!), 2);
    expect(reads).toBe(1);
  });
});
