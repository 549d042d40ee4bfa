import { seededRandom } from '@tmc/testkit/random.ts';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  configMap,
  eventually,
  everywhere,
  key,
  namespace,
  type SimulatedFleet,
  spawnHost,
  startSimulatedFleet,
  syncTarget,
} from './fleet.ts';

/** `kill -9` at any moment changes the time, not the result. */

const OBJECTS = 100;
const KILLS = 10;
const MEMBERS = ['west', 'east'] as const;

/** What an undisturbed run leaves: every tenth deleted, every other updated. */
const EXPECTED = new Map(
  Array.from({ length: OBJECTS }, (_, i) => [`c${i}`, i % 10 === 0 ? undefined : i % 2 === 0 ? 'second' : 'first']),
);

/** Seeded, so that a failing run can be repeated: `TMC_SEED=n`. */
const seed = Number(process.env['TMC_SEED'] ?? Date.now() % 100_000);
const random = seededRandom(seed);

describe(`a host that is killed (seed ${seed})`, () => {
  let fleet: SimulatedFleet;
  let host: ReturnType<typeof spawnHost>;

  beforeAll(async () => {
    fleet = await startSimulatedFleet(MEMBERS);
  });

  afterAll(async () => {
    host?.child.kill('SIGKILL');
    await fleet?.close();
  });

  it('ends where an undisturbed one ends: every object once in every member, with its newest content', async () => {
    host = spawnHost(fleet.configPath);
    await eventually('the host installs the kinds', 20_000, async () => {
      await fleet.hub.create(key('synctargets', 'west'), syncTarget('west'));
      return undefined;
    });
    await fleet.hub.create(key('synctargets', 'east'), syncTarget('east'));
    await fleet.hub.create(key('clusterworkloadplacements', 'everywhere'), everywhere(2));
    await fleet.hub.create(key('namespaces', 'load'), namespace('load'));

    const killing = killTenTimes();
    for (let i = 0; i < OBJECTS; i += 1) {
      await fleet.hub.create(key('configmaps', `c${i}`, 'load'), configMap('load', `c${i}`, { version: 'first' }));
      await pause(10 + random() * 40);
    }
    for (let i = 0; i < OBJECTS; i += 2) {
      await fleet.hub.patch(key('configmaps', `c${i}`, 'load'), { data: { version: 'second' } });
      await pause(5 + random() * 20);
    }
    for (let i = 0; i < OBJECTS; i += 10) await fleet.hub.delete(key('configmaps', `c${i}`, 'load'));
    await killing;

    for (const member of MEMBERS) {
      await eventually(`${member} equals an undisturbed run`, 60_000, () => difference(member)).catch(
        (error: unknown) => {
          throw new Error(`${String(error)}\nhost: ${host.output().slice(-2000)}`);
        },
      );
    }
    await eventually('deleted objects leave the hub', 60_000, async () => {
      const left = await fleet.hub.list(
        { group: '', resource: 'configmaps' },
        { workspace: 'shop', namespace: 'load' },
      );
      return left.items.length === OBJECTS * 0.9 ? undefined : `${left.items.length} are left`;
    });
    expectOneCreationEach();
  });

  async function killTenTimes(): Promise<void> {
    for (let i = 0; i < KILLS; i += 1) {
      await pause(100 + random() * 900);
      host.child.kill('SIGKILL');
      expect(await host.exited).toBe('SIGKILL');
      host = spawnHost(fleet.configPath);
    }
  }

  /** Why a member does not hold exactly what the hub says, undefined when it does. */
  async function difference(member: string): Promise<string | undefined> {
    const api = fleet.members[member];
    if (!api) return `no member ${member}`;
    const { items } = await api.list({ group: '', resource: 'configmaps' }, { workspace: 'shop', namespace: 'load' });
    const versionOf = (item: object) => (item as { data?: { version?: string } }).data?.version;
    const seen = new Map(items.map((item) => [item.metadata.name, versionOf(item)]));
    for (const [name, expected] of EXPECTED) {
      if (seen.get(name) !== expected) return `${name} is ${seen.get(name)}, expected ${expected}`;
    }
    return undefined;
  }

  /** No copy was made twice: the uid first seen of each is the uid it has at the end. */
  function expectOneCreationEach(): void {
    for (const member of MEMBERS) {
      const births = new Map<string, number>();
      const { history } = fleet.servers[member]?.store ?? {};
      for (const { type, name } of history?.since('configmaps.core', history.oldest) ?? []) {
        if (type === 'ADDED') births.set(name, (births.get(name) ?? 0) + 1);
      }
      expect(births.size, `objects ever born in ${member}`).toBeGreaterThanOrEqual(OBJECTS * 0.9);
      expect(
        [...births].filter(([, count]) => count > 1),
        `born twice in ${member}`,
      ).toEqual([]);
    }
  }
});

const pause = (ms: number): Promise<void> => new Promise((settle) => setTimeout(settle, ms));
