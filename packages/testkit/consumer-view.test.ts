import { marksOf } from '@tmc/apis/list-marks.ts';
import type { Envelope } from '@tmc/kernel/envelope.ts';
import { formatKey } from '@tmc/kernel/key.ts';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ConsumerView, differencesOf, digestOfStates, type HeldState } from './consumer-view.ts';
import { seededRandom, shuffled } from './random.ts';

const keyOf = (name: string) => ({ workspace: 'ws', group: '', resource: 'configmaps', namespace: 'default', name });
const idOf = (name: string) => formatKey(keyOf(name));

type Told = { epoch?: number; rv?: number; uid?: string };

function message(change: Envelope['change'], name: string, { epoch = 1, rv = 0, uid = 'u1' }: Told = {}): Envelope {
  const source = { kind: 'hub', id: 'hub', relay: 'r', epoch } as const;
  return { v: 1, id: 'm', at: 0, source, key: keyOf(name), uid, rv: String(rv), change };
}

function marks(names: readonly string[], told: Told): Envelope[] {
  const lists = [...marksOf(names.map(idOf), 60)];
  return lists.map((list) => ({ ...message('evaluate', '*', { ...told, uid: '' }), list }));
}

function viewOf(...messages: Envelope[]): ConsumerView {
  const view = new ConsumerView();
  for (const each of messages) view.apply(each);
  return view;
}

const known = (view: ConsumerView) =>
  view.entries().map(({ key, epoch, uid, rv }) => [key.name, epoch, uid, Number(rv)]);

describe('a consumer that believes messages', () => {
  it('keeps the newest state of a key, whatever came last', () => {
    const [old, late] = [message('upsert', 'a', { rv: 9 }), message('upsert', 'a', { rv: 10 })];
    expect(known(viewOf(late, old, late))).toEqual([['a', 1, 'u1', 10]]);
  });

  it('removes what was deleted, also when the deletion names the version last seen', () => {
    expect(known(viewOf(message('upsert', 'a', { rv: 5 }), message('delete', 'a', { rv: 5 })))).toEqual([]);
    expect(known(viewOf(message('delete', 'a', { rv: 5 }), message('upsert', 'a', { rv: 5 })))).toEqual([]);
  });

  it('keeps the next incarnation, whether its upsert comes before or after the deletion', () => {
    const [gone, again] = [message('delete', 'a', { rv: 6 }), message('upsert', 'a', { rv: 8, uid: 'u2' })];
    expect(known(viewOf(message('upsert', 'a', { rv: 5 }), again, gone))).toEqual([['a', 1, 'u2', 8]]);
    expect(known(viewOf(gone, again))).toEqual([['a', 1, 'u2', 8]]);
  });

  it('believes a higher epoch at any revision, and a lower one never', () => {
    const [restored, before] = [message('upsert', 'a', { epoch: 2, rv: 3 }), message('upsert', 'a', { rv: 90 })];
    expect(known(viewOf(before, restored))).toEqual([['a', 2, 'u1', 3]]);
    expect(viewOf(restored).apply(before)).toBe('old');
    expect(viewOf(restored).apply(message('delete', 'a', { rv: 91 }))).toBe('old');
  });

  it('lets nothing go when sight is lost, but remembers it until a newer state', () => {
    const view = viewOf(message('upsert', 'a', { rv: 5 }), message('unseen', 'a', { rv: 5 }));
    expect(view.entries()[0]).toMatchObject({ rv: '5', unseen: true });
    view.apply(message('upsert', 'a', { rv: 6 }));
    expect(view.entries()[0]).toMatchObject({ rv: '6', unseen: false });
    expect(view.apply(message('unseen', 'a', { rv: 5 }))).toBe('old');
  });

  it('takes no notice of functions, ticks and heartbeats', () => {
    const other = {
      ...message('upsert', 'a', { rv: 5 }),
      source: { kind: 'function', id: 'place', relay: '', epoch: 1 },
    };
    expect(viewOf().apply(other as Envelope)).toBe('ignored');
    expect(viewOf().apply(message('evaluate', 'a', { rv: 5 }))).toBe('ignored');
  });
});

describe('list marks in the view', () => {
  it('sweep what they do not list and was not newer, of their own source and kind only', () => {
    const elsewhere = {
      ...message('upsert', 'x', { rv: 1 }),
      source: { kind: 'member', id: 't1', relay: 'r', epoch: 1 },
    };
    const others = [
      elsewhere as Envelope,
      { ...message('upsert', 'y', { rv: 1 }), key: { ...keyOf('y'), resource: 'secrets' } },
    ];
    const told = ['a', 'b', 'c'].map((name, at) => message('upsert', name, { rv: 5 + at }));
    expect(known(viewOf(...told, ...others, ...marks(['b'], { rv: 6 }))).map(([name]) => name)).toEqual([
      'b',
      'c',
      'x',
      'y',
    ]);
  });

  it('hold against an upsert that comes later and is not newer', () => {
    const view = viewOf(...marks([], { rv: 7 }));
    expect(view.apply(message('upsert', 'a', { rv: 6 }))).toBe('old');
    expect(view.apply(message('upsert', 'a', { rv: 8 }))).toBe('news');
  });

  it('that are not whole change nothing', () => {
    const view = viewOf(message('upsert', 'a', { rv: 5 }));
    const [mark] = marks(['b'], { rv: 6 });
    const broken = { ...mark, list: { ...mark?.list, count: 2 } } as Envelope;
    expect(view.apply(broken)).toBe('broken');
    expect(view.entries()).toHaveLength(1);
  });
});

type Event = { name: string; act: 'put' | 'remove' | 'restore' | 'list' };
const names = ['a', 'b', 'c', 'd'];
const events = fc.array(
  fc.record({
    name: fc.constantFrom(...names),
    act: fc.oneof(
      { weight: 6, arbitrary: fc.constant('put' as const) },
      { weight: 4, arbitrary: fc.constant('remove' as const) },
      { weight: 1, arbitrary: fc.constant('restore' as const) },
      { weight: 1, arbitrary: fc.constant('list' as const) },
    ),
  }),
  { maxLength: 30 },
);

/** A server, and the relay that tells of it: every change, after a list all there is with marks, after a restore in a new epoch. */
function history(script: readonly Event[]): { server: HeldState[]; messages: Envelope[] } {
  let objects = new Map<string, { uid: string; rv: number }>();
  let [backup, epoch, rv, uids] = [objects, 1, 1, 0];
  const messages: Envelope[] = [];
  const retell = () => {
    for (const [name, state] of objects) messages.push(message('upsert', name, { epoch, ...state }));
    messages.push(...marks([...objects.keys()], { epoch, rv }));
  };
  for (const { name, act } of script) {
    if (act === 'put') {
      uids += 1;
      rv += 1;
      const state = { uid: objects.get(name)?.uid ?? `u${uids}`, rv };
      objects.set(name, state);
      messages.push(message('upsert', name, { epoch, ...state }));
    } else if (act === 'remove') {
      const state = objects.get(name);
      rv += 1;
      if (objects.delete(name)) messages.push(message('delete', name, { epoch, rv, uid: state?.uid ?? '' }));
    } else if (act === 'restore') {
      objects = new Map(backup);
      rv = Math.max(1, ...[...objects.values()].map((state) => state.rv));
      epoch += 1;
      retell();
    } else {
      backup = new Map(objects);
      retell();
    }
  }
  const server = [...objects].map(([name, state]) => ({ id: idOf(name), uid: state.uid, rv: String(state.rv) }));
  return { server, messages };
}

describe('a complete set of messages', () => {
  it('gives what the server holds, in any order and any number of times', () => {
    fc.assert(
      fc.property(events, fc.integer(), (script, seed) => {
        const { server, messages } = history(script);
        const random = seededRandom(seed);
        const twice = messages.filter(() => random() < 0.4);
        const view = viewOf(...shuffled([...messages, ...twice], random));
        expect(differencesOf(view.entries(), server)).toEqual([]);
        expect(digestOfStates(view.entries())).toBe(digestOfStates(server));
      }),
      { numRuns: 500 },
    );
  });

  it('without deletions, which a list tells of afterwards, gives the same', () => {
    fc.assert(
      fc.property(events, fc.integer(), (script, seed) => {
        const { server, messages } = history([...script, { name: 'a', act: 'list' }]);
        const kept = messages.filter(({ change }) => change !== 'delete');
        const view = viewOf(...shuffled(kept, seededRandom(seed)));
        expect(differencesOf(view.entries(), server)).toEqual([]);
      }),
      { numRuns: 300 },
    );
  });

  it.each([
    ['the epoch is not compared', { compare: (a: { rv: string }, b: { rv: string }) => Number(a.rv) - Number(b.rv) }],
    ['the newest is not kept', { compare: () => 1 }],
  ])('gives something else when %s: the property can fail', (_name, rules) => {
    const isSame = fc.check(
      fc.property(events, fc.integer(), (script, seed) => {
        const { server, messages } = history(script);
        const view = new ConsumerView(rules);
        for (const each of shuffled(messages, seededRandom(seed))) view.apply(each);
        return digestOfStates(view.entries()) === digestOfStates(server);
      }),
      { numRuns: 500, seed: 1 },
    );
    expect(isSame.failed).toBe(true);
  });
});

describe('comparing', () => {
  const state = (rv: string, hash?: string) => ({ id: idOf('a'), uid: 'u1', rv, ...(hash && { hash }) });

  it('says in words what is missing, other or left over', () => {
    const extra = { ...state('7'), id: idOf('b') };
    expect(differencesOf([state('5'), extra], [state('6')])).toEqual([
      `${idOf('a')} is uid u1 rv 6, believed uid u1 rv 5`,
      `${idOf('b')} is gone, believed uid u1 rv 7`,
    ]);
    expect(differencesOf([], [state('6')])).toEqual([`missing ${idOf('a')} (uid u1, rv 6)`]);
  });

  it('by hash takes states for equal that differ in nothing a consumer reads', () => {
    const [told, now] = [[state('5', 'h')], [state('9', 'h')]];
    expect(differencesOf(told, now, 'hash')).toEqual([]);
    expect(digestOfStates(told, 'hash')).toBe(digestOfStates(now, 'hash'));
    expect(digestOfStates(told)).not.toBe(digestOfStates(now));
  });
});
