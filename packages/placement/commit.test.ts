import { createMemoryTable } from '@tmc/adapters/memory/table.ts';
import { createPlacementStore } from '@tmc/adapters/table/placement-store.ts';
import { targetKey } from '@tmc/apis/hash.ts';
import type { ResourceKey } from '@tmc/kernel/key.ts';
import { describe, expect, it } from 'vitest';
import { commit } from './commit.ts';
import { createPlace } from './handle.ts';
import type { DecisionDraft } from './snapshot.ts';
import { createWorld, demo, keyOf, WORKSPACE } from './world.model.ts';

const draft = (names: string[], weight = 1): DecisionDraft => ({
  workspace: 'ws1',
  namespace: 'demo',
  policy: 'placements//p',
  division: 'Divided',
  selects: {},
  targets: names.map((name) => ({ key: name, workspace: 'ws1', name, state: 'Active', weight, score: 0, reason: 'r' })),
  rejected: [],
  inputs: {},
  satisfied: true,
  wantsMore: false,
  message: 'm',
});

describe('committing', () => {
  const fences = new Map<string, number>();

  it('remembers targets left by decisions that nobody heard of, until one is published', async () => {
    const store = createPlacementStore(createMemoryTable(), { nowS: () => 0 });
    const first = await commit(store, { draft: draft(['a', 'b']), fences, nowMs: 1 });
    const second = await commit(store, {
      draft: draft(['a']),
      fences,
      nowMs: 2,
      ...(first ? { previous: first } : {}),
    });
    const third = await commit(store, {
      draft: draft(['a'], 2),
      fences,
      nowMs: 3,
      ...(second ? { previous: second } : {}),
    });
    expect(third?.leaving).toEqual(['b']);
    expect((await store.listReservations('b')).held).toHaveLength(1);
    if (third) await store.markPublished(third);
    expect((await store.listReservations('b')).held).toEqual([]);
    expect((await store.listReservations('a')).held).toHaveLength(1);
  });

  it('tells sync of targets and shares, not of reasons alone, and never forgets that it has to', async () => {
    const store = createPlacementStore(createMemoryTable(), { nowS: () => 0 });
    const first = await commit(store, { draft: draft(['a']), fences, nowMs: 1 });
    expect(first?.toSync).toBe(true);
    const reason = { ...draft(['a']), message: 'another' };
    const second = await commit(store, { draft: reason, fences, nowMs: 2, ...(first ? { previous: first } : {}) });
    expect(second?.toSync).toBe(true);
    if (second) await store.markPublished(second);
    const published = await store.findGroup({ workspace: 'ws1', namespace: 'demo', policy: 'placements//p' });
    const third = await commit(store, {
      draft: draft(['a']),
      fences,
      nowMs: 3,
      ...(published ? { previous: published } : {}),
    });
    expect(third?.toSync).toBe(false);
  });
});

describe('an old state read from the hub', () => {
  it('does not replace newer facts', async () => {
    const world = createWorld();
    await demo(world);
    const key = keyOf('synctargets', 'east');
    const old = await world.hub.get(key);
    await world.target('east', 'us-east-1', { ready: false });
    let reads = 0;
    const hub = {
      ...world.hub,
      get: async (asked: ResourceKey) => {
        reads += 1;
        return reads === 1 ? old : world.hub.get(asked);
      },
    };
    const place = createPlace({
      hub,
      store: world.store,
      send: async () => ({ failed: [] }),
      clock: () => 0,
      ids: () => 'id',
    });
    await place(world.envelopeOf(key, old, 'upsert'), 1);
    expect((await world.store.findTarget(targetKey(WORKSPACE, 'east')))?.value.ready).toBe(false);
  });
});
