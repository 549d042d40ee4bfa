import { describe, expect, it } from 'vitest';
import { Store, type StoreEvent } from './store.ts';

const ref = (name: string, cluster = '') => ({ storage: 'things', cluster, namespace: 'ns', name });
const thing = (name: string, value: number) => ({ kind: 'Thing', metadata: { name, namespace: 'ns' }, value });
const rv = (obj: { metadata: { resourceVersion?: string } } | undefined) => Number(obj?.metadata.resourceVersion);

describe('Store', () => {
  it('gives every write of any kind the next revision of one counter', () => {
    const store = new Store({ historyLimit: 100 });
    const one = store.put(ref('a'), thing('a', 1));
    const other = store.put({ ...ref('b'), storage: 'others' }, thing('b', 1));
    const gone = store.remove(ref('a'));
    expect([rv(other), rv(gone)]).toEqual([rv(one) + 1, rv(one) + 2]);
    expect(store.revision).toBe(rv(gone));
  });

  it('shows a collection as it was, updates and deletions undone', () => {
    const store = new Store({ historyLimit: 100 });
    store.put(ref('a'), thing('a', 1));
    const at = rv(store.put(ref('b'), thing('b', 1)));
    store.put(ref('a'), thing('a', 2));
    store.remove(ref('b'));
    store.put(ref('c'), thing('c', 1));
    const names = store.listAt('things', at)?.map(({ metadata, value }) => `${metadata.name}${value}`);
    expect(names).toEqual(['a1', 'b1']);
    expect(store.list('things').map(({ metadata }) => metadata.name)).toEqual(['a', 'c']);
  });

  it('forgets on compaction: older snapshots and events are undefined, newer ones stay', () => {
    const store = new Store({ historyLimit: 100 });
    const before = rv(store.put(ref('a'), thing('a', 1)));
    const middle = rv(store.put(ref('a'), thing('a', 2)));
    store.put(ref('a'), thing('a', 3));
    store.history.compact(middle);
    expect(store.listAt('things', before)).toBeUndefined();
    expect(store.history.since('things', before)).toBeUndefined();
    expect(store.listAt('things', middle)?.[0]?.['value']).toBe(2);
    expect(store.history.since('things', middle)).toHaveLength(1);
  });

  it('keeps at least the limit of events and then drops the oldest', () => {
    const store = new Store({ historyLimit: 10 });
    for (let value = 0; value < 25; value++) store.put(ref('a'), thing('a', value));
    expect(store.history.since('things', store.revision - 10)).toHaveLength(10);
    expect(store.history.since('things', 2)).toBeUndefined();
  });

  it('tells all listeners events in revision order, also when a listener writes', () => {
    const store = new Store({ historyLimit: 100 });
    const seen: [number[], number[]] = [[], []];
    const note = (at: 0 | 1) => (event: StoreEvent) => void seen[at].push(event.revision);
    store.subscribe('things', note(0));
    store.subscribe('things', ({ obj }) => {
      if (obj['value'] === 1) store.put(ref('b'), thing('b', 2));
    });
    store.subscribe('things', note(1));
    store.put(ref('a'), thing('a', 1));
    expect(seen[0]).toEqual([2, 3]);
    expect(seen[1]).toEqual(seen[0]);
  });

  it('lists one cluster and namespace in name order', () => {
    const store = new Store({ historyLimit: 100 });
    for (const name of ['c', 'a', 'b']) store.put(ref(name, 'one'), thing(name, 1));
    store.put(ref('z', 'two'), thing('z', 1));
    const names = (scope: object) => store.list('things', scope).map(({ metadata }) => metadata.name);
    expect(names({ cluster: 'one', namespace: 'ns' })).toEqual(['a', 'b', 'c']);
    expect(names({ cluster: 'one', namespace: 'other' })).toEqual([]);
    expect(names({})).toEqual(['a', 'b', 'c', 'z']);
  });
});
