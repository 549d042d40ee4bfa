import { targetKey } from '@tmc/apis/hash.ts';
import { STATE_LABEL_PREFIX, stateLabel } from '@tmc/apis/names.ts';
import type { Envelope } from '@tmc/kernel/envelope.ts';
import { isTmcError } from '@tmc/kernel/errors.ts';
import type { ResourceKey } from '@tmc/kernel/key.ts';
import { seededRandom, shuffled } from '@tmc/testkit/random.ts';
import { describe, expect, it } from 'vitest';
import { createWorld, keyOf, policySpec, WORKSPACE, type World } from './world.model.ts';

const NAMESPACES = ['n1', 'n2', 'n3'];
const TARGETS = ['west', 'east', 'south'];
const SEEDS = 60;

/** Changes the hub as users do and collects the relay's messages instead of delivering them. */
function createHistory(world: World): Envelope[] {
  const messages: Envelope[] = [];
  const put = (
    resource: string,
    name: string,
    object: Record<string, unknown>,
    labels?: Record<string, string>,
  ): void => {
    const key = keyOf(resource, name);
    const kinds: Record<string, string> = { synctargets: 'SyncTarget', namespaces: 'Namespace' };
    const kind = kinds[resource] ?? 'ClusterWorkloadPlacement';
    const metadata = { name, ...(labels ? { labels } : {}) };
    messages.push(world.envelopeOf(key, world.hub.put(key, { apiVersion: 'v1', kind, ...object, metadata }), 'upsert'));
  };
  const ready = { status: { conditions: [{ type: 'Ready', status: 'True', reason: 'Test' }] } };
  put('synctargets', 'west', { spec: { location: 'us-west-2' }, ...ready });
  put('clusterworkloadplacements', 'multi', policySpec('us-west-2'));
  for (const name of NAMESPACES) put('namespaces', name, {}, { managed: 'true' });
  put('synctargets', 'east', { spec: { location: 'us-east-1' }, ...ready });
  put('synctargets', 'south', { spec: { location: 'sa-east-1' }, ...ready });
  put('clusterworkloadplacements', 'multi', policySpec('us-east-1'));
  put('namespaces', 'n3', {}, {});
  return messages;
}

/** Messages in any order, some twice, four at a time; what fails comes back as from a queue. */
async function deliverInDisorder(world: World, messages: readonly Envelope[], seed: number): Promise<void> {
  const random = seededRandom(seed);
  const twice = messages.flatMap((envelope) => (random() < 0.4 ? [envelope, envelope] : [envelope]));
  const queue = shuffled(twice, random).map((envelope) => ({ envelope, receives: 0 }));
  const work = async (): Promise<void> => {
    for (let next = queue.shift(); next; next = queue.shift()) {
      next.receives += 1;
      try {
        await world.handle(next.envelope, next.receives);
      } catch (error) {
        if (!isTmcError(error) || next.receives >= 5) throw error;
        queue.push(next);
      }
    }
  };
  await Promise.all([work(), work(), work(), work()]);
}

/** Our own writes to the hub are seen by the relay too. */
async function echo(world: World): Promise<void> {
  const keys: ResourceKey[] = [
    ...NAMESPACES.map((name) => keyOf('namespaces', name)),
    ...TARGETS.map((name) => keyOf('synctargets', name)),
    keyOf('clusterworkloadplacements', 'multi'),
  ];
  for (const key of keys) await world.deliver(key);
}

/** What must agree at rest: decisions, labels, reservations and the policy's status. */
async function stateOf(world: World): Promise<unknown> {
  const namespaces = NAMESPACES.map(async (name) => {
    const labels = Object.keys((await world.object('namespaces', name)).metadata.labels ?? {});
    const groups = await world.store.listGroups(WORKSPACE, name);
    return {
      placed: await world.placed(name),
      published: groups.every((group) => group.published),
      shown: labels.filter((label) => label.startsWith(STATE_LABEL_PREFIX)).sort(),
    };
  });
  const holders = TARGETS.map(async (name) => {
    const { held } = await world.store.listReservations(targetKey(WORKSPACE, name));
    return [name, held.map(({ group }) => group.namespace).sort()];
  });
  const policy = await world.object('clusterworkloadplacements', 'multi');
  const { selectedTargets } = policy['status'] as { selectedTargets: string[] };
  return { namespaces: await Promise.all(namespaces), holders: await Promise.all(holders), selectedTargets };
}

describe('messages in any order, repeated, four at a time', () => {
  const shown = ['west', 'east'].map((name) => stateLabel(targetKey(WORKSPACE, name))).sort();
  const placed = { placed: { west: 1, east: 2 }, published: true, shown };
  const expected = {
    namespaces: [placed, placed, { placed: {}, published: true, shown: [] }],
    holders: [
      ['west', ['n1', 'n2']],
      ['east', ['n1', 'n2']],
      ['south', []],
    ],
    selectedTargets: ['east', 'west'],
  };

  it(`end in one state, for ${SEEDS} seeds`, async () => {
    for (let seed = 1; seed <= SEEDS; seed++) {
      const world = createWorld();
      await deliverInDisorder(world, createHistory(world), seed);
      await echo(world);
      expect(await stateOf(world), `seed ${seed}`).toEqual(expected);
    }
  });
});
