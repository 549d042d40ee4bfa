import type { JsonObject } from '@tmc/kernel/object.ts';
import { describe, expect, it } from 'vitest';
import { createMemoryTable } from '../memory/table.ts';
import { decisionHistoryKey, decisionKey, reservationKey, targetFactsKey } from './keys.ts';
import { createSyncStore } from './sync-store.ts';

describe('sync store', () => {
  it('gives the present decisions of one namespace, not their history nor those of others', async () => {
    const table = createMemoryTable();
    const put = (key: { pk: string; sk: string }, data: JsonObject) => table.write({ op: 'put', key, data });
    await put(decisionKey('ws', 'ns', 'a'), { decision: { policy: 'a' }, published: true });
    await put(decisionKey('ws', 'ns', 'b'), { decision: { policy: 'b' }, published: false, withdrawn: true });
    await put(decisionKey('ws', 'other', 'a'), { decision: { policy: 'other' } });
    await put(decisionHistoryKey('ws', 'ns', 'a', 1), { decision: { policy: 'old' } });
    const decisions = await createSyncStore(table).decisions('ws', 'ns');
    expect(decisions).toEqual([{ policy: 'a' }, { policy: 'b' }]);
  });

  it('gives the facts of a target, undefined when it is unknown', async () => {
    const table = createMemoryTable();
    await table.write({ op: 'put', key: targetFactsKey('k'), data: { value: { key: 'k', name: 'east' } } });
    const store = createSyncStore(table);
    expect(await store.findTarget('k')).toEqual({ key: 'k', name: 'east' });
    expect(await store.findTarget('x')).toBeUndefined();
  });

  it('gives each namespace with a reservation on a target once, none of other targets', async () => {
    const table = createMemoryTable();
    const reserve = (targetKey: string, namespace: string, policy: string) =>
      table.write({
        op: 'put',
        key: reservationKey(targetKey, ['ws', namespace, policy].join('#')),
        data: { group: { workspace: 'ws', namespace, policy }, needs: {} },
      });
    for (const [target, namespace, policy] of [
      ['k', 'a', 'p'],
      ['k', 'a', 'q'],
      ['k', 'b', 'p'],
      ['other', 'c', 'p'],
    ] as const)
      await reserve(target, namespace, policy);
    expect(await createSyncStore(table).namespacesOf('k')).toEqual([
      { workspace: 'ws', namespace: 'a' },
      { workspace: 'ws', namespace: 'b' },
    ]);
  });
});
