import type { Envelope } from '@tmc/kernel/envelope.ts';
import type { KubeObject } from '@tmc/kernel/object.ts';
import { describe, expect, it } from 'vitest';
import { createSyncDown } from './handle.ts';
import type { SyncDeps } from './load.ts';
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

/** Another process over the same world, whose reads of members wait until `release` is called. */
function slowProcess(world: World): { deps: SyncDeps; reached: Promise<void>; release: () => void } {
  const gate = Promise.withResolvers<void>();
  const reached = Promise.withResolvers<void>();
  const member: SyncDeps['member'] = (key) => {
    const api = world.deps.member(key);
    return (
      api && {
        ...api,
        get: async (copy) => {
          reached.resolve();
          await gate.promise;
          return api.get(copy);
        },
      }
    );
  };
  return { deps: { ...world.deps, member }, reached: reached.promise, release: gate.resolve };
}

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
