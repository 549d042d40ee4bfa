import type { Policy } from '@tmc/apis/policy.ts';
import type { Decision, TargetFacts } from '@tmc/kernel/records.ts';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decide } from './decide.ts';
import { NO_LOAD, type PlacementSnapshot, type TargetLoad } from './snapshot.ts';

const NOW = 1_000_000;

const target = (name: string, more: Partial<TargetFacts> = {}): TargetFacts => ({
  key: `key-${name}`,
  workspace: 'ws1',
  name,
  uid: `uid-${name}`,
  rv: '1',
  labels: {},
  location: '',
  ready: true,
  unschedulable: false,
  namespaceMapping: 'Hashed',
  syncMode: 'push',
  allocatable: {},
  capabilities: [],
  syncedResources: [],
  ...more,
});

const policy = (more: Partial<Policy> = {}): Policy => ({
  id: 'clusterworkloadplacements//p',
  workspace: 'ws1',
  uid: 'p',
  rv: '1',
  generation: 1,
  namespaces: { selector: {} },
  selects: {},
  locationWorkspace: 'ws1',
  hard: {},
  soft: { preferredLocations: [], preferredCapabilities: [] },
  min: 1,
  max: 1,
  spread: 'Spread',
  division: 'Divided',
  ...more,
});

type Input = {
  policy?: Partial<Policy>;
  targets: TargetFacts[];
  load?: Record<string, Partial<TargetLoad>>;
  current?: Decision;
};

function snapshot(input: Input): PlacementSnapshot {
  return {
    policy: policy(input.policy),
    namespace: { workspace: 'ws1', name: 'demo', uid: 'n', rv: '1', labels: {}, terminating: false },
    candidates: input.targets.map((facts) => ({ facts, load: { ...NO_LOAD, ...input.load?.[facts.name] } })),
    locations: [],
    ...(input.current ? { current: input.current } : {}),
  };
}

function decided(input: Input): Decision {
  const { satisfied: _s, wantsMore: _w, message: _m, ...draft } = decide(snapshot(input), NOW);
  return { ...draft, version: 1, decidedAtMs: NOW };
}

const names = (input: Input): string[] => decide(snapshot(input), NOW).targets.map((t) => t.name);
const reasons = (input: Input): Record<string, string> =>
  Object.fromEntries(decide(snapshot(input), NOW).rejected.map((r) => [r.name, r.reason]));

describe('a hard rule', () => {
  it.each<[string, Partial<Policy>, Partial<TargetFacts>, string]>([
    ['location', { hard: { locations: ['eu'] } }, { location: 'us' }, 'needs location eu, is in us'],
    ['push', {}, { syncMode: 'pull' }, 'syncMode pull is not supported by this version, set push'],
    [
      'push, not both ways',
      {},
      { syncMode: 'bidirectional' },
      'syncMode bidirectional is not supported by this version, set push',
    ],
    ['location, unknown', { hard: { locations: ['eu'] } }, {}, 'needs location eu, is in an unknown one'],
    ['name', { hard: { targetNames: ['b', 'c'] } }, {}, 'not one of the named targets b, c'],
    [
      'labels',
      { hard: { targetSelector: { matchLabels: { a: 'b' } } } },
      {},
      'labels do not match the target selector',
    ],
    ['capability', { hard: { capabilities: ['gpu'] } }, { capabilities: ['ssd'] }, 'needs capability gpu, has ssd'],
    ['no selected location', { hard: { locationSelectors: [] } }, {}, 'in no location that the policy selects'],
    [
      'API',
      { selects: { resources: ['services'] } },
      { syncedResources: ['configmaps'] },
      'needs services, syncs configmaps',
    ],
    ['eviction', {}, { evictAfterMs: NOW }, 'evicting since 1970-01-01T00:16:40.000Z'],
    ['capacity', { hard: { resources: { cpu: '4' } } }, { allocatable: { cpu: '2500m' } }, 'needs 4 cpu, 2500m free'],
    ['readiness', {}, { ready: false }, 'not ready'],
    ['cordon', {}, { unschedulable: true }, 'cordoned (unschedulable)'],
  ])('of %s keeps a target out and says why', (_title, rule, facts, reason) => {
    const input = { policy: rule, targets: [target('a', facts)] };
    expect(names(input)).toEqual([]);
    expect(reasons(input)).toEqual({ a: reason });
  });

  it('counts what others have reserved', () => {
    const input = {
      policy: { hard: { resources: { cpu: '2' } } },
      targets: [target('a', { allocatable: { cpu: '4' } }), target('b', { allocatable: { cpu: '4' } })],
      load: { a: { reserved: { cpu: 2500n } } },
    };
    expect(names(input)).toEqual(['b']);
    expect(reasons(input)).toEqual({ a: 'needs 2 cpu, 1500m free' });
  });

  it('that breaks moves the group when another target is there', () => {
    const rule = { policy: { hard: { locations: ['eu'] } } };
    const current = decided({ ...rule, targets: [target('a', { location: 'eu' })] });
    const targets = [target('a', { location: 'us' }), target('b', { location: 'eu' })];
    expect(names({ ...rule, targets, current })).toEqual(['b']);
  });
});

describe('choosing', () => {
  it('prefers earlier locations, then capabilities, then names', () => {
    const soft = { preferredLocations: ['eu', 'us'], preferredCapabilities: ['gpu'] };
    const targets = [
      target('a'),
      target('b', { capabilities: ['gpu'] }),
      target('c', { location: 'us' }),
      target('d', { location: 'eu' }),
    ];
    const order = [1, 2, 3, 4].map((max) => names({ policy: { soft, max }, targets }));
    expect(order).toEqual([['d'], ['c', 'd'], ['b', 'c', 'd'], ['a', 'b', 'c', 'd']]);
    expect(reasons({ policy: { soft, max: 3 }, targets })).toEqual({
      a: '3 of at most 3 targets are chosen already; score 0: no preference applies',
    });
  });

  it('keeps its choice when a better target appears, until the policy changes', () => {
    const soft = { preferredLocations: ['eu'], preferredCapabilities: [] };
    const current = decided({ policy: { soft }, targets: [target('a')] });
    const targets = [target('a'), target('b', { location: 'eu' })];
    expect(names({ policy: { soft }, targets, current })).toEqual(['a']);
    expect(names({ policy: { soft, generation: 2 }, targets, current })).toEqual(['b']);
  });

  it('takes the least loaded target when asked to', () => {
    const load = { a: { groups: 3 }, b: { groups: 1 }, c: { groups: 2 } };
    const targets = [target('a'), target('b'), target('c')];
    expect(names({ policy: { spread: 'LeastLoaded', max: 2 }, targets, load })).toEqual(['b', 'c']);
  });

  it('keeps all that runs when fewer than the minimum can be chosen', () => {
    const current = decided({ policy: { min: 2, max: 2 }, targets: [target('a'), target('b')] });
    const targets = [target('a'), target('b', { evictAfterMs: 1 })];
    const draft = decide(snapshot({ policy: { min: 2, max: 2 }, targets, current }), NOW);
    expect(draft.targets.map((t) => t.name)).toEqual(['a', 'b']);
    expect(draft.satisfied).toBe(false);
    expect(draft.message).toContain('1 of at least 2 targets are eligible (b: evicting since');
  });
});

const arbitraryTarget = fc.record({
  name: fc.stringMatching(/^[a-f]$/),
  location: fc.constantFrom('', 'eu', 'us'),
  ready: fc.boolean(),
  unschedulable: fc.boolean(),
  capabilities: fc.constantFrom<string[]>([], ['gpu']),
});
const arbitraryInput = fc
  .record({
    targets: fc.uniqueArray(arbitraryTarget, { selector: (t) => t.name, maxLength: 6 }),
    spread: fc.constantFrom<Policy['spread']>('OneLocation', 'Spread', 'RoundRobin', 'LeastLoaded'),
    min: fc.integer({ min: 1, max: 3 }),
    more: fc.integer({ min: 0, max: 3 }),
    hard: fc.constantFrom<Policy['hard']>(
      {},
      { locations: ['eu'] },
      { capabilities: ['gpu'] },
      { locationSelectors: [{}] },
    ),
    preferredLocations: fc.constantFrom<string[]>([], ['eu'], ['us', 'eu']),
  })
  .map(({ targets, min, more, preferredLocations, ...rest }) => ({
    targets: targets.map(({ name, ...facts }) => target(name, facts)),
    policy: { ...rest, min, max: min + more, soft: { preferredLocations, preferredCapabilities: [] } },
  }));

describe('every decision', () => {
  it('is the same whatever the order of the input', () =>
    fc.assert(
      fc.property(arbitraryInput, ({ targets, ...rest }) => {
        const reversed = { ...rest, targets: [...targets].reverse() };
        expect(decide(snapshot(reversed), NOW)).toEqual(decide(snapshot({ ...rest, targets }), NOW));
      }),
    ));

  it('is repeated when made again on its own result', () =>
    fc.assert(
      fc.property(arbitraryInput, (input) => {
        const current = decided(input);
        expect(decided({ ...input, current })).toEqual(current);
      }),
    ));

  it('respects minimum, maximum and hard rules, and names every target once', () =>
    fc.assert(
      fc.property(arbitraryInput, ({ targets, policy: rules }) => {
        const draft = decide(snapshot({ targets, policy: rules }), NOW);
        const chosen = draft.targets.map((t) => targets.find((facts) => facts.name === t.name));
        expect(chosen.length === 0 || (chosen.length >= rules.min && chosen.length <= rules.max)).toBe(true);
        for (const facts of chosen) {
          expect(facts?.ready && !facts.unschedulable).toBe(true);
          if (rules.hard.locations) expect(rules.hard.locations).toContain(facts?.location);
          if (rules.hard.capabilities) expect(facts?.capabilities).toEqual(rules.hard.capabilities);
        }
        const all = [...draft.targets, ...draft.rejected].map((t) => t.name).sort();
        expect(all).toEqual(targets.map((t) => t.name).sort());
        expect([...draft.targets, ...draft.rejected].every((t) => t.reason.length > 0)).toBe(true);
      }),
    ));

  it('stays when targets that were not chosen come and go', () =>
    fc.assert(
      fc.property(arbitraryInput, arbitraryInput, ({ targets, policy: rules }, { targets: others }) => {
        const current = decided({ targets, policy: rules });
        fc.pre(current.targets.length === rules.max);
        const chosen = targets.filter((facts) => current.targets.some((t) => t.name === facts.name));
        const strangers = others.filter((facts) => !chosen.some((t) => t.name === facts.name));
        const next = decided({ targets: [...strangers, ...chosen], policy: rules, current });
        expect(next.targets).toEqual(current.targets);
      }),
    ));
});
