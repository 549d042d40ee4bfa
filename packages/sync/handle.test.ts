import { LOCATOR_ANNOTATION, stateLabel, syncerFinalizer } from '@tmc/apis/names.ts';
import { retryError } from '@tmc/kernel/errors.ts';
import { describe, expect, it } from 'vitest';
import { downstreamKeyOf } from './copy-identity.ts';
import { createSyncDown } from './handle.ts';
import { Crash } from './testing/memory-server.ts';
import { decide, decided, deploymentOf, keyOf, NS, targetNamed, World, WS } from './testing/world.ts';

const east = targetNamed('east');
const west = targetNamed('west');
const north = targetNamed('north');
const all = [east, west, north];
const web = keyOf('deployments', 'web');

type Spec = { replicas: number; template: { spec: { containers: { image: string }[] } } };
const imageOf = (obj: unknown): string => (obj as { spec: Spec }).spec.template.spec.containers[0]!.image;

async function placedWorld(
  targets = all,
  options: Partial<ConstructorParameters<typeof World>[0]> = {},
): Promise<World> {
  const world = new World({ targets: all, ...options });
  world.place(decide(targets));
  world.hub.put(web, deploymentOf('web'));
  await world.settle();
  return world;
}

/** What is observable at rest, without versions and times. */
function outcomeOf(world: World): unknown {
  const strip = ({ key, obj }: { key: unknown; obj: { metadata: object; spec?: unknown } }) => {
    const { labels, finalizers } = obj.metadata as { labels?: object; finalizers?: string[] };
    return { key, labels, finalizers: [...(finalizers ?? [])].sort(), spec: obj.spec };
  };
  return { hub: world.hub.all().map(strip), members: all.map((target) => world.copies(target).map(strip)) };
}

describe('a new Deployment', () => {
  it('reaches three members with one hub patch, no hub read and one apply each once the namespace is known', async () => {
    const before: string[][] = [];
    const world: World = await placedWorld(all, {
      gate: (call) => {
        if (call === 'apply deployments/api') before.push([...world.hub.calls]);
      },
    });
    world.hub.calls.length = 0;
    for (const target of all) world.member(target).calls.length = 0;
    world.hub.put(keyOf('deployments', 'api'), deploymentOf('api'));
    await world.settle();
    const applied = Array(6).fill(['patch deployments/api']);
    expect(before).toEqual(applied);
    expect(world.hub.calls.filter((call) => !call.startsWith('get'))).toEqual(['patch deployments/api']);
    for (const target of all) {
      const [first, ...others] = world.member(target).calls;
      expect(first).toBe('apply deployments/api');
      expect(others.filter((call) => !call.startsWith('get'))).toEqual([]);
    }
  });

  it('is held by a finalizer and labelled for each target', async () => {
    const { metadata } = (await placedWorld()).hub.find(web)!;
    expect(metadata.finalizers?.sort()).toEqual(all.map((t) => syncerFinalizer(t.key)).sort());
    expect(metadata.labels).toMatchObject(Object.fromEntries(all.map((t) => [stateLabel(t.key), 'Sync'])));
  });

  it('never has a copy before its finalizer', async () => {
    const world = new World({
      targets: all,
      gate: (call) => {
        if (call !== 'apply deployments/web') return;
        expect(world.hub.find(web)?.metadata.finalizers).toHaveLength(3);
      },
    });
    world.place(decide(all));
    world.hub.put(web, deploymentOf('web'));
    await world.settle();
    expect(world.copies(east)).toHaveLength(1);
  });

  it('divides replicas when the decision says so', async () => {
    const world = new World({ targets: all });
    const targets = [{ ...decided(east), weight: 2 }, decided(west)];
    world.place(decide([], { division: 'Divided', targets }));
    world.hub.put(web, deploymentOf('web'));
    await world.settle();
    expect([east, west].map((t) => (world.copies(t)[0]!.obj as unknown as { spec: Spec }).spec.replicas)).toEqual([
      2, 1,
    ]);
  });
});

describe('at rest', () => {
  it('an image update costs no hub write and one apply per member', async () => {
    const world = await placedWorld();
    world.hub.calls.length = 0;
    for (const target of all) world.member(target).calls.length = 0;
    world.hub.put(web, deploymentOf('web', 'nginx:2'));
    await world.settle();
    expect(world.hub.calls.filter((call) => !call.startsWith('get'))).toEqual([]);
    for (const target of all) expect(world.member(target).calls.filter((c) => c.startsWith('apply'))).toHaveLength(1);
    expect(imageOf(world.copies(west)[0]!.obj)).toBe('nginx:2');
  });

  it('an unchanged decision published again writes nothing anywhere', async () => {
    const world = await placedWorld();
    const calls = [world.hub.calls, ...all.map((t) => world.member(t).calls)];
    for (const list of calls) list.length = 0;
    world.place(decide(all));
    await world.settle();
    expect(calls.flat().filter((call) => !/^(get|list) /.test(call))).toEqual([]);
  });

  it('an older state that comes late changes nothing', async () => {
    const world = await placedWorld();
    const old = world.hub.find(web)!;
    world.hub.put(web, deploymentOf('web', 'nginx:2'));
    await world.settle();
    const source = { kind: 'hub' as const, id: 'hub', relay: 'r', epoch: 1 };
    const { uid = '', resourceVersion: rv = '' } = old.metadata;
    world.enqueue('sync', { v: 1, id: 'late', at: 1_000_000, source, key: web, uid, rv, change: 'upsert', body: old });
    await world.settle();
    expect(imageOf(world.copies(east)[0]!.obj)).toBe('nginx:2');
  });
});

describe('a hub whose resourceVersions start over', () => {
  it('is believed again once its epoch is raised', async () => {
    const world = await placedWorld();
    const restored = world.hub.find(web)!;
    world.hub.put(web, deploymentOf('web', 'nginx:2'));
    await world.settle();
    const { uid = '', resourceVersion: rv = '' } = restored.metadata;
    const update = { v: 1 as const, id: 'restored', at: 1_000_000, key: web, uid, rv, change: 'upsert' as const };
    const images = async (epoch: number) => {
      const syncDown = createSyncDown({ ...world.deps, settings: { ...world.deps.settings, epoch } });
      const source = { kind: 'hub' as const, id: 'hub', relay: 'r', epoch };
      await syncDown({ ...update, source, body: restored }, 1);
      return all.map((target) => imageOf(world.copies(target)[0]!.obj));
    };
    expect(await images(1)).toEqual(['nginx:2', 'nginx:2', 'nginx:2']);
    expect(await images(2)).toEqual(['nginx:1', 'nginx:1', 'nginx:1']);
  });
});

describe('an image that went there and back', () => {
  it('stays, though the state between arrives last and from another process', async () => {
    const world = await placedWorld();
    world.hub.put(web, deploymentOf('web', 'nginx:2'));
    const between = world.hub.find(web)!;
    world.hub.drain();
    world.hub.put(web, deploymentOf('web', 'nginx:1'));
    await world.settle();
    const source = { kind: 'hub' as const, id: 'hub', relay: 'r', epoch: 1 };
    const { uid = '', resourceVersion: rv = '' } = between.metadata;
    const outcome = await createSyncDown(world.deps)(
      { v: 1, id: 'late', at: 1_000_000, source, key: web, uid, rv, change: 'upsert', body: between },
      1,
    );
    expect(outcome.kind).toBe('done');
    expect(imageOf(world.copies(east)[0]!.obj)).toBe('nginx:1');
  });
});

describe('moving and removing', () => {
  it('a target the decision dropped loses the copy, the label and the finalizer', async () => {
    const world = await placedWorld();
    world.place(decide([east], { version: 2 }));
    await world.settle();
    expect([world.copies(east).length, world.copies(west).length]).toEqual([1, 0]);
    expect(world.hub.find(web)!.metadata.finalizers).toEqual([syncerFinalizer(east.key)]);
    expect(world.hub.find(web)!.metadata.labels).not.toHaveProperty([stateLabel(west.key)]);
  });

  it('an evicting target keeps its copy as it is', async () => {
    const world = await placedWorld();
    const targets = [decided(east), { ...decided(west), state: 'Evicting' as const }];
    world.place(decide([], { version: 2, targets }));
    world.hub.put(web, deploymentOf('web', 'nginx:2'));
    await world.settle();
    expect(imageOf(world.copies(west)[0]!.obj)).toBe('nginx:1');
    expect(imageOf(world.copies(east)[0]!.obj)).toBe('nginx:2');
  });

  it('a deleted object is gone everywhere, then upstream', async () => {
    const world = await placedWorld();
    world.hub.remove(web);
    expect(world.hub.find(web)).toBeDefined();
    await world.settle();
    expect(world.hub.find(web)).toBeUndefined();
    expect(all.flatMap((target) => world.copies(target))).toEqual([]);
  });

  it('a target whose facts are lost is not let go of while its cluster is there, and the user is told', async () => {
    const world = await placedWorld([east, west]);
    world.facts.splice(world.facts.indexOf(west), 1);
    world.place(decide([east], { version: 2 }));
    await world.settle();
    expect(world.copies(west)).toHaveLength(1);
    expect(world.hub.find(web)!.metadata.finalizers).toContain(syncerFinalizer(west.key));
    const events = world.hub.all().filter(({ key }) => key.resource === 'events');
    expect(events.map(({ obj }) => String(obj['message']))).toEqual([expect.stringContaining(`target ${west.key}`)]);
    expect(String(events[0]!.obj['message'])).toContain('register its SyncTarget again');
    world.facts.push(west);
    world.place(decide([east], { version: 3 }));
    await world.settle();
    expect(world.copies(west)).toEqual([]);
    expect(world.hub.find(web)!.metadata.finalizers).toEqual([syncerFinalizer(east.key)]);
  });

  it('lost sight tears nothing down', async () => {
    const world = await placedWorld();
    const source = { kind: 'hub' as const, id: 'hub', relay: 'r', epoch: 1 };
    world.enqueue('sync', { v: 1, id: 'u', at: 0, source, key: web, uid: '', rv: '', change: 'unseen' });
    await world.settle();
    expect(world.copies(east)).toHaveLength(1);
  });

  it('a lost table proves no removal', async () => {
    const world = await placedWorld();
    world.decisions.length = 0;
    world.hub.put(web, deploymentOf('web', 'nginx:2'));
    await world.settle();
    expect(world.copies(east)).toHaveLength(1);
    expect(world.hub.find(web)!.metadata.finalizers).toHaveLength(3);
  });

  it('no copy is made again by a late message of an object that is gone', async () => {
    const world = await placedWorld();
    const { managedFields: _m, ...metadata } = world.hub.find(web)!.metadata;
    const body = { ...world.hub.find(web)!, metadata };
    world.hub.remove(web);
    await world.settle();
    const another = createSyncDown(world.deps);
    const source = { kind: 'hub' as const, id: WS, relay: 'r', epoch: 1 };
    const { uid = '', resourceVersion: rv = '' } = metadata;
    await another({ v: 1, id: 'late', at: 1_000_000, source, key: web, uid, rv, change: 'upsert', body }, 1);
    for (const target of all) expect(world.copies(target)).toEqual([]);
  });

  it('a copy made just when the object was let go of is taken back', async () => {
    let isLetGo = false;
    const world: World = new World({
      targets: all,
      gate: (call, phase) => {
        if (call !== 'apply deployments/web' || phase !== 'after' || isLetGo) return;
        isLetGo = true;
        world.decisions.splice(0, 1, decide([west, north], { version: 2 }));
        world.hub.edit(web, (obj) => Object.assign(obj.metadata, { finalizers: [] }));
        world.hub.drain();
      },
    });
    world.decisions.push(decide([east]));
    world.hub.put(web, deploymentOf('web'));
    await world.settle();
    expect(world.copies(east)).toEqual([]);
    for (const target of [west, north]) expect(world.copies(target)).toHaveLength(1);
  });

  it('copies of an object whose finalizers a user took off are deleted with it', async () => {
    const world = await placedWorld();
    world.hub.edit(web, (obj) => Object.assign(obj.metadata, { finalizers: [], deletionTimestamp: 'now' }));
    await world.settle();
    expect(all.flatMap((target) => world.copies(target))).toEqual([]);
  });
});

describe('what tenants and members write', () => {
  it('forged labels and finalizers place nothing and are repaired', async () => {
    const world = await placedWorld([east]);
    world.hub.edit(web, ({ metadata }) => {
      Object.assign(metadata.labels!, { [stateLabel(west.key)]: 'Sync', [stateLabel('nobody')]: 'Sync' });
      metadata.finalizers!.push(syncerFinalizer('nobody'), syncerFinalizer(north.key));
    });
    await world.settle();
    expect([world.copies(west), world.copies(north)]).toEqual([[], []]);
    expect(world.hub.find(web)!.metadata.finalizers).toEqual([syncerFinalizer(east.key)]);
    expect(Object.keys(world.hub.find(web)!.metadata.labels!).sort()).toEqual(['app', stateLabel(east.key)]);
  });

  it('an edited copy is repaired and a deleted one made again', async () => {
    const world = await placedWorld();
    const copy = downstreamKeyOf(web, east);
    world.member(east).edit(copy, (obj) => {
      (obj['spec'] as Spec).template.spec.containers[0]!.image = 'evil';
    });
    world.member(west).remove(downstreamKeyOf(web, west));
    await world.settle();
    expect(imageOf(world.copies(east)[0]!.obj)).toBe('nginx:1');
    expect(imageOf(world.copies(west)[0]!.obj)).toBe('nginx:1');
  });

  it('a foreign object of the same name is never touched, and the user is told', async () => {
    const world = await placedWorld([west]);
    const foreign = { ...deploymentOf('web', 'theirs'), metadata: { name: 'web' } };
    const key = downstreamKeyOf(web, east);
    world.place(decide([east, west], { version: 2, selects: { resources: ['configmaps'] } }));
    world.hub.put(keyOf('configmaps', 'c'), {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: 'c' },
      data: { a: '1' },
    });
    await world.settle();
    world.member(east).put(key, foreign);
    world.place(decide([east, west], { version: 3 }));
    await world.settle();
    expect(imageOf(world.member(east).find(key))).toBe('theirs');
    const event = world.hub.all().find(({ key }) => key.resource === 'events')!.obj;
    expect(event).toMatchObject({ reason: 'SyncFailed', involvedObject: { name: 'web' } });
    expect(String(event['message'])).toContain('target east');
    expect(world.hub.find(web)).toMatchObject({
      status: { conditions: [{ type: 'workload.kcp.io/Synced', status: 'False' }] },
    });
    world.hub.remove(web);
    await world.settle();
    expect(world.hub.find(web)).toBeUndefined();
    expect(imageOf(world.member(east).find(key))).toBe('theirs');
  });

  it('a preserved namespace that somebody else has is refused, one of ours is used', async () => {
    const preserving = targetNamed('east', { namespaceMapping: 'Preserve' });
    const world = new World({ targets: [preserving] });
    const key = { workspace: preserving.key, group: '', resource: 'namespaces', namespace: '', name: NS };
    const namespace = { apiVersion: 'v1', kind: 'Namespace', metadata: { name: NS } };
    world.member(preserving).put(key, namespace);
    world.place(decide([preserving]));
    world.hub.put(web, deploymentOf('web'));
    await world.settle();
    expect(world.copies(preserving)).toEqual([]);
    expect(world.member(preserving).find(key)?.metadata.annotations).toBeUndefined();
    expect(
      world.hub.all().some(({ key, obj }) => key.resource === 'events' && String(obj['message']).includes('taken')),
    ).toBe(true);
    world.member(preserving).remove(key);
    world.hub.put(web, deploymentOf('web', 'nginx:2'));
    await world.settle();
    expect(world.copies(preserving)[0]!.key.namespace).toBe(NS);
    expect(world.member(preserving).find(key)?.metadata.annotations?.[LOCATOR_ANNOTATION]).toContain(
      `"cluster":"${WS}"`,
    );
  });
});

describe('faults', () => {
  it('one unreachable target delays no other and its message comes back', async () => {
    let down = true;
    const world = new World({ targets: all });
    const member = world.deps.member(west.key)!;
    const apply = member.apply.bind(member);
    member.apply = (...call) => {
      if (!down) return apply(...call);
      down = world.outcomes.length < 3;
      return Promise.reject(retryError('PATCH: no answer', { type: 'ClusterUnreachable' }));
    };
    world.place(decide(all));
    world.hub.put(web, deploymentOf('web'));
    await world.settle();
    expect(all.map((target) => world.copies(target).length)).toEqual([1, 1, 1]);
    expect(world.outcomes.some((outcome) => outcome.kind === 'again' && outcome.reason.includes('west'))).toBe(true);
  });

  /** The life of an object: made, updated, moved, deleted beside one that stays. */
  async function live(options: Partial<ConstructorParameters<typeof World>[0]>): Promise<World> {
    const world = await placedWorld([east, west], options);
    world.hub.put(web, deploymentOf('web', 'nginx:2'));
    world.hub.put(keyOf('deployments', 'api'), deploymentOf('api'));
    if (!options.random) await world.settle();
    world.place(decide([west, north], { version: 2 }));
    await world.settle();
    world.hub.remove(web);
    await world.settle();
    return world;
  }

  it('a crash before or after any call changes the time, not the result', async () => {
    let calls = 0;
    const expected = outcomeOf(await live({ gate: () => void calls++ }));
    expect(calls).toBeGreaterThan(40);
    for (let at = 0; at < calls; at += 1) {
      let count = 0;
      const gate = () => {
        if (count++ === at) throw new Crash(`at ${at}`);
      };
      expect(outcomeOf(await live({ gate })), `crash at ${at} of ${calls}`).toEqual(expected);
    }
  });

  it('duplicates and any order give the same result', async () => {
    const expected = outcomeOf(await live({}));
    for (let seed = 1; seed <= 100; seed += 1) {
      expect(outcomeOf(await live({ random: seeded(seed) })), `seed ${seed}`).toEqual(expected);
    }
  });
});

/** A small deterministic generator (mulberry32). */
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}
