import type { DecisionWrite } from '@tmc/placement/commit.ts';
import type { StoredGroup } from '@tmc/placement/load.ts';
import { describe, expect, it } from 'vitest';
import { createMemoryTable } from '../memory/table.ts';
import { decisionHistoryKey, decisionKey } from './keys.ts';
import { createPlacementStore } from './placement-store.ts';

const NOW_S = 1_000_000;
const POLICY = 'clusterworkloadplacements//p';

function createStore() {
  const table = createMemoryTable();
  return { table, store: createPlacementStore(table, { nowS: () => NOW_S }) };
}

function group(names: readonly string[], more: Partial<StoredGroup> = {}, version = 1): DecisionWrite['group'] {
  return {
    decision: {
      workspace: 'ws1',
      namespace: 'demo',
      policy: POLICY,
      version,
      division: 'Divided',
      selects: {},
      targets: names.map((name) => ({
        key: name,
        workspace: 'ws1',
        name,
        state: 'Active',
        weight: 1,
        score: 0,
        reason: 'chosen',
      })),
      rejected: [],
      decidedAtMs: 0,
      inputs: { policy: 'p/1' },
    },
    published: false,
    toSync: true,
    satisfied: true,
    message: 'ok',
    leaving: [],
    withdrawn: false,
    ...more,
  };
}

const write = (next: DecisionWrite['group'], more: Partial<DecisionWrite> = {}): DecisionWrite => ({
  group: next,
  needs: {},
  fences: new Map(),
  ...more,
});

const many = Array.from({ length: 150 }, (_, index) => `t${index}`);
const ref = { workspace: 'ws1', namespace: 'demo', policy: POLICY };

describe('storing a decision', () => {
  it('stores history, reservations and the place in the waiting list with it', async () => {
    const { table, store } = createStore();
    const stored = await store.commitDecision(write(group(['a'], { waitsIn: 'ws1' }), { needs: { cpu: '1' } }));
    expect(await store.findGroup(ref)).toEqual(stored);
    expect(await store.listReservations('a')).toEqual({ fence: 0, held: [{ group: ref, needs: { cpu: '1' } }] });
    expect(await store.listWaiting('ws1')).toEqual([ref]);
    expect((await table.get(decisionHistoryKey('ws1', 'demo', POLICY, 1)))?.expiresAtS).toBeGreaterThan(NOW_S);
  });

  it('refuses a write that rests on an older state, and then writes nothing', async () => {
    const { store } = createStore();
    const first = await store.commitDecision(write(group(['a'])));
    if (!first) throw new Error('not stored');
    const second = await store.commitDecision(write(group(['b'], { leaving: ['a'] }, 2), { previous: first }));
    expect(await store.commitDecision(write(group(['c'], {}, 2), { previous: first }))).toBeUndefined();
    expect(await store.commitDecision(write(group(['c'])))).toBeUndefined();
    expect((await store.listReservations('c')).held).toEqual([]);
    expect(await store.findGroup(ref)).toEqual(second);
  });

  it('refuses a second decision that counts on the same room of a target', async () => {
    const { store } = createStore();
    const fences = new Map([['a', (await store.listReservations('a')).fence]]);
    const other = group(['a']);
    const rival = { ...other, decision: { ...other.decision, namespace: 'rival' } };
    expect(await store.commitDecision(write(group(['a']), { fences }))).toBeDefined();
    expect(await store.commitDecision(write(rival, { fences }))).toBeUndefined();
    const again = new Map([['a', (await store.listReservations('a')).fence]]);
    expect(await store.commitDecision(write(rival, { fences: again }))).toBeDefined();
  });

  it('holds more targets than fit in one transaction, and gives them up when published', async () => {
    const { store } = createStore();
    const first = await store.commitDecision(write(group(many)));
    if (!first) throw new Error('not stored');
    expect(await store.markPublished(first)).toBe(true);
    const published = await store.findGroup(ref);
    if (!published) throw new Error('not found');
    expect(published.published).toBe(true);
    const second = await store.commitDecision(write(group([], { leaving: many }, 2), { previous: published }));
    if (!second) throw new Error('not stored');
    expect((await store.listReservations('t149')).held).toHaveLength(1);
    expect(await store.markPublished(second)).toBe(true);
    for (const name of many) expect((await store.listReservations(name)).held).toEqual([]);
  });

  it('lets go of what was withdrawn, but keeps the proof of it', async () => {
    const { table, store } = createStore();
    const first = await store.commitDecision(write(group(['a'])));
    if (!first) throw new Error('not stored');
    expect(await store.listPolicyGroups('ws1', POLICY)).toHaveLength(1);
    const gone = group([], { leaving: ['a'], withdrawn: true }, 2);
    const second = await store.commitDecision(write(gone, { previous: first }));
    if (!second) throw new Error('not stored');
    expect(await store.markPublished(first)).toBe(false);
    expect(await store.markPublished(second)).toBe(true);
    expect(await store.listPolicyGroups('ws1', POLICY)).toEqual([]);
    const proof = await table.get(decisionKey('ws1', 'demo', POLICY));
    expect(proof?.data['decision']).toMatchObject({ version: 2, targets: [] });
    expect(proof?.expiresAtS).toBeGreaterThan(NOW_S);
  });
});
