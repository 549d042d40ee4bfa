import { SOURCE_VERSION_ANNOTATION } from '@tmc/apis/names.ts';
import type { Envelope } from '@tmc/kernel/envelope.ts';
import type { KubeObject } from '@tmc/kernel/object.ts';
import { compareSourceVersions, parseSourceVersion, type SourceVersion } from '@tmc/kernel/source-version.ts';
import { seededRandom } from '@tmc/testkit/random.ts';
import { describe, expect, it } from 'vitest';
import { createSyncDown } from './handle.ts';
import type { SyncDeps } from './load.ts';
import { decide, deploymentOf, keyOf, targetNamed, World } from './testing/world.ts';

const east = targetNamed('east');
const west = targetNamed('west');
const web = keyOf('deployments', 'web');

const messageOf = ({ metadata, ...content }: KubeObject, epoch = 1, more: Partial<Envelope> = {}): Envelope => ({
  v: 1,
  id: 'm',
  at: 1_000_000,
  source: { kind: 'hub', id: 'hub', relay: 'r', epoch },
  key: web,
  uid: metadata.uid ?? '',
  rv: metadata.resourceVersion ?? '',
  change: 'upsert',
  body: { ...content, metadata },
  ...more,
});

const recordedOf = (obj: KubeObject | undefined): SourceVersion | undefined =>
  parseSourceVersion(obj?.metadata.annotations?.[SOURCE_VERSION_ANNOTATION]);

function imageOf(obj: KubeObject): string | undefined {
  return (obj as unknown as { spec: { template: { spec: { containers: { image: string }[] } } } }).spec.template.spec
    .containers[0]?.image;
}

function seen(world: World): { image: string | undefined; epoch: number | undefined; rv: string | undefined }[] {
  return [east, west].flatMap((target) =>
    world.copies(target).map(({ obj }) => {
      const recorded = recordedOf(obj);
      return { image: imageOf(obj), epoch: recorded?.epoch, rv: recorded?.rv };
    }),
  );
}

/** nginx:1 is backed up, nginx:2 to nginx:4 are carried, then the backup comes back: revisions are lower than those of the copies. */
async function restoredWorld(): Promise<World> {
  const world = new World({ targets: [east, west] });
  world.place(decide([east, west]));
  world.hub.put(web, deploymentOf('web'));
  await world.settle();
  const backup = world.hub.backup();
  for (const image of ['nginx:2', 'nginx:3', 'nginx:4']) world.hub.put(web, deploymentOf('web', image));
  await world.settle();
  world.hub.restore(backup);
  return world;
}

const here = (world: World): KubeObject => {
  const obj = world.hub.find(web);
  if (!obj) throw new Error('web is gone');
  return obj;
};
const nowAt = (world: World, epoch: number) => {
  const rv = here(world).metadata.resourceVersion;
  return { epoch, rv };
};

function callsOf(world: World): { hub: string[]; writes: () => string[] } {
  const all = [world.hub, ...world.members.values()];
  for (const { calls } of all) calls.length = 0;
  return {
    hub: world.hub.calls,
    writes: () => all.flatMap(({ calls }) => calls).filter((c) => !/^(get|list) /.test(c)),
  };
}

describe('a hub restored from a backup', () => {
  it('is carried when its relay raised the epoch, whatever epoch the functions are configured with', async () => {
    const world = await restoredWorld();
    world.hubEpoch = 2;
    world.retell();
    await world.settle();
    expect(seen(world)).toEqual([east, west].map(() => ({ image: 'nginx:1', ...nowAt(world, 2) })));
  });

  it.each([
    ['that carried the later states itself', false],
    ['without any memory', true],
  ])('is carried though nobody raised an epoch, by a process %s', async (_title, isNew) => {
    const world = await restoredWorld();
    if (isNew) await createSyncDown(world.deps)(messageOf(here(world)), 1);
    else world.retell();
    await world.settle();
    expect(seen(world)).toEqual([east, west].map(() => ({ image: 'nginx:1', ...nowAt(world, 2) })));
  });

  it('is carried when it was read, not told: a look without a state finds it too', async () => {
    const world = await restoredWorld();
    const { body: _body, ...look } = messageOf(here(world), 1, { change: 'finding' });
    await createSyncDown(world.deps)(look, 1);
    expect(seen(world).map(({ image, epoch }) => [image, epoch])).toEqual([
      ['nginx:1', 2],
      ['nginx:1', 2],
    ]);
  });

  it('is at rest afterwards: told or looked at again, nothing is written', async () => {
    const world = await restoredWorld();
    world.hubEpoch = 2;
    world.retell();
    await world.settle();
    const calls = callsOf(world);
    for (const epoch of [2, 1]) {
      expect(await createSyncDown(world.deps)(messageOf(here(world), epoch), 1)).toEqual({ kind: 'done' });
      await createSyncDown(world.deps)(messageOf(here(world), epoch, { change: 'evaluate' }), 2);
    }
    expect(calls.writes()).toEqual([]);
  });

  it('is not undone by a late state of before', async () => {
    const world = await restoredWorld();
    const late = { ...here(world), ...deploymentOf('web', 'nginx:9') };
    late.metadata = { ...here(world).metadata, resourceVersion: '99999' };
    world.hubEpoch = 2;
    world.retell();
    await world.settle();
    const calls = callsOf(world);
    await createSyncDown(world.deps)(messageOf(late, 1), 1);
    expect(seen(world)).toEqual([east, west].map(() => ({ image: 'nginx:1', ...nowAt(world, 2) })));
    expect(calls.writes()).toEqual([]);
  });

  it('has the last word over a late state of before that was carried after the restore', async () => {
    const world = await restoredWorld();
    const late = { ...deploymentOf('web', 'nginx:9'), metadata: { ...here(world).metadata, resourceVersion: '99999' } };
    await createSyncDown(world.deps)(messageOf(late, 1), 1);
    expect(seen(world)[0]?.image).toBe('nginx:9');
    world.hubEpoch = 2;
    world.retell();
    await world.settle();
    expect(seen(world)).toEqual([east, west].map(() => ({ image: 'nginx:1', ...nowAt(world, 2) })));
  });

  it('without a change of content records the epoch once, so that no late state of before is newer', async () => {
    const world = await restoredWorld();
    world.hub.put(web, deploymentOf('web', 'nginx:4'));
    world.hub.drain();
    world.hubEpoch = 2;
    world.retell();
    await world.settle();
    expect(seen(world)).toEqual([east, west].map(() => ({ image: 'nginx:4', ...nowAt(world, 2) })));
  });

  it('loses copies of an object that is no longer placed, though they record a later incarnation', async () => {
    const world = new World({ targets: [east, west] });
    world.place(decide([east, west]));
    world.hub.put(web, deploymentOf('web'));
    await world.settle();
    const backup = world.hub.backup();
    world.hub.remove(web);
    await world.settle();
    world.hub.put(web, deploymentOf('web', 'nginx:2'));
    await world.settle();
    world.hub.restore(backup);
    world.place(decide([east], { version: 2 }));
    await world.settle();
    expect(world.copies(west)).toEqual([]);
    expect(here(world).metadata.finalizers).toHaveLength(1);
  });
});

/** Another process over the same world; its reads of the hub wait, with their answer in hand, until `release` is called. */
function slowReader(world: World): { deps: SyncDeps; reached: Promise<void>; release: () => void } {
  const gate = Promise.withResolvers<void>();
  const reached = Promise.withResolvers<void>();
  const hub: SyncDeps['hub'] = {
    ...world.deps.hub,
    get: async (key) => {
      const found = await world.deps.hub.get(key);
      reached.resolve();
      await gate.promise;
      return found;
    },
  };
  return { deps: { ...world.deps, hub }, reached: reached.promise, release: gate.resolve };
}

describe('what only looks like a restored hub', () => {
  it('a slow process that read the hub before a faster one wrote the copies raises no epoch', async () => {
    const world = new World({ targets: [east, west] });
    world.place(decide([east, west]));
    world.hub.put(web, deploymentOf('web'));
    await world.settle();
    const slow = slowReader(world);
    const running = createSyncDown(slow.deps)(messageOf(here(world), 1, { change: 'evaluate' }), 2);
    await slow.reached;
    world.hub.put(web, deploymentOf('web', 'nginx:2'));
    await world.settle();
    const calls = callsOf(world);
    slow.release();
    expect((await running).kind).toBe('done');
    expect(seen(world)).toEqual([east, west].map(() => ({ image: 'nginx:2', ...nowAt(world, 1) })));
    expect(calls.writes()).toEqual([]);
  });

  it('a late message costs one read of the hub, and changes nothing', async () => {
    const world = new World({ targets: [east, west] });
    world.place(decide([east, west]));
    world.hub.put(web, deploymentOf('web'));
    await world.settle();
    const late = messageOf(here(world));
    world.hub.put(web, deploymentOf('web', 'nginx:2'));
    await world.settle();
    const calls = callsOf(world);
    expect(await createSyncDown(world.deps)(late, 1)).toEqual({ kind: 'done' });
    expect(calls.hub).toEqual(['get deployments/web']);
    expect(calls.writes()).toEqual([]);
    expect(seen(world).map(({ epoch }) => epoch)).toEqual([1, 1]);
  });

  it('an update in its order needs no read of the hub', async () => {
    const world = new World({ targets: [east, west] });
    world.place(decide([east, west]));
    world.hub.put(web, deploymentOf('web'));
    await world.settle();
    const calls = callsOf(world);
    world.hub.put(web, deploymentOf('web', 'nginx:2'));
    expect(await createSyncDown(world.deps)(messageOf(here(world)), 1)).toEqual({ kind: 'done' });
    expect(calls.hub).toEqual([]);
    expect(seen(world).map(({ image }) => image)).toEqual(['nginx:2', 'nginx:2']);
  });
});

describe('two processes that find a restored hub at once', () => {
  it('raise the epoch once, and the newest state wins', async () => {
    const world = await restoredWorld();
    const slow = slowReader(world);
    const running = createSyncDown(slow.deps)(messageOf(here(world)), 1);
    await slow.reached;
    world.hub.put(web, deploymentOf('web', 'nginx:5'));
    world.hub.drain();
    await createSyncDown(world.deps)(messageOf(here(world)), 1);
    slow.release();
    await running;
    await world.settle();
    expect(seen(world)).toEqual([east, west].map(() => ({ image: 'nginx:5', ...nowAt(world, 2) })));
  });
});

describe('a reported deletion', () => {
  async function orphan(): Promise<{ world: World; uid: string }> {
    const world = new World({ targets: [east, west] });
    world.place(decide([east, west]));
    world.hub.put(web, deploymentOf('web'));
    await world.settle();
    const { uid = '' } = here(world).metadata;
    world.hub.edit(web, (obj) => Object.assign(obj.metadata, { finalizers: [] }));
    world.hub.remove(web);
    world.hub.drain();
    return { world, uid };
  }
  const deletion = (uid: string, epoch: number, rv: string): Envelope => {
    const { body: _body, ...message } = messageOf({ ...deploymentOf('web'), metadata: { name: 'web', uid } }, epoch);
    return { ...message, rv, change: 'delete' };
  };

  it.each([
    ['of the same incarnation, at whatever version', (uid: string) => deletion(uid, 1, '1'), 0],
    ['of a later epoch, whose revisions are lower', () => deletion('another', 2, '3'), 0],
    ['of an earlier incarnation: the copies are of a later one', () => deletion('another', 1, '3'), 1],
  ])('%s', async (_title, message, left) => {
    const { world, uid } = await orphan();
    await createSyncDown(world.deps)(message(uid), 1);
    expect([east, west].map((target) => world.copies(target).length)).toEqual([left, left]);
  });
});

/** Fails when a copy, as long as it lives, records an older state than it did. */
function versionsOnlyGrow(world: World, last: Map<string, SourceVersion>): void {
  for (const { key, obj } of [east, west].flatMap((target) => world.copies(target))) {
    const copy = `${key.workspace} ${obj.metadata.uid}`;
    const recorded = recordedOf(obj);
    const before = last.get(copy);
    if (recorded && before) expect(compareSourceVersions(recorded, before)).toBeGreaterThanOrEqual(0);
    if (recorded) last.set(copy, recorded);
  }
}

/** Edits, backups and restores, drawn at random; half of the restores are not noticed by the relay. */
async function play(world: World, random: () => number): Promise<void> {
  let backup = world.hub.backup();
  for (let step = 1; step <= 12; step += 1) {
    const draw = random();
    if (draw < 0.15) backup = world.hub.backup();
    else if (draw < 0.35) {
      // What the relay has seen goes out in the old epoch, and late.
      world.relay();
      world.hub.restore(backup);
      if (random() < 0.5) world.hubEpoch += 1;
      world.retell();
    } else world.hub.put(web, deploymentOf('web', `nginx:${step}`));
    if (random() < 0.4) await world.settle();
  }
}

describe('whatever order messages come in, over several restores', () => {
  it.each(Array.from({ length: 60 }, (_unused, seed) => seed))(
    'recorded versions only grow, and every copy ends as the hub is (seed %i)',
    async (seed) => {
      const random = seededRandom(seed);
      const last = new Map<string, SourceVersion>();
      const world: World = new World({
        targets: [east, west],
        random,
        gate: (call, phase) => {
          if (call === 'apply deployments/web' && phase === 'after') versionsOnlyGrow(world, last);
        },
      });
      world.place(decide([east, west]));
      world.hub.put(web, deploymentOf('web', 'nginx:0'));
      await world.settle();
      await play(world, random);
      await world.settle();
      // Where no relay noticed the restore, the last message may have been a late one of before; what is there is told once more.
      world.retell();
      await world.settle();
      const image = imageOf(here(world));
      expect(seen(world).map((copy) => copy.image)).toEqual([image, image]);
      expect(last.size).toBe(2);
    },
  );
});
