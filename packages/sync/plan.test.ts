import { specDiffAnnotation, stateLabel, syncerFinalizer } from '@tmc/apis/names.ts';
import type { KubeObject } from '@tmc/kernel/object.ts';
import type { Decision, TargetFacts } from '@tmc/kernel/records.ts';
import type { SourceVersion } from '@tmc/kernel/source-version.ts';
import { describe, expect, it } from 'vitest';
import { covers, type Placed } from './load.ts';
import { planCopy, planObject, planRelease, planRemoval } from './plan.ts';
import { MemoryServer } from './testing/memory-server.ts';
import { decide, decided, deploymentOf, keyOf, NS, targetNamed } from './testing/world.ts';
import { viewFor } from './view.ts';

const east = targetNamed('east');
const west = targetNamed('west');
const finalizers = (...targets: TargetFacts[]) => targets.map((target) => syncerFinalizer(target.key));
const labels = (...targets: TargetFacts[]) => Object.fromEntries(targets.map((t) => [stateLabel(t.key), 'Sync']));

const upstream = (metadata: Partial<KubeObject['metadata']> = {}): KubeObject => ({
  ...deploymentOf('web'),
  metadata: { name: 'web', namespace: NS, uid: 'u1', resourceVersion: '42', ...metadata },
});

const placed = (decisions: Decision[], more: Partial<Placed> = {}): Placed => ({
  hasAuthority: decisions.length > 0,
  decisions,
  targets: new Map([east, west].map((target) => [target.key, target])),
  ...more,
});

const noMember = () => false;
const stepsOf = (obj: KubeObject, p: Placed) =>
  planObject(obj, p, noMember).steps.map(
    (step) => `${step.kind} ${step.kind === 'hold' ? step.targetKey : step.target.name}`,
  );

describe('planObject', () => {
  it('asks for all labels and finalizers in one patch and a fresh write per target', () => {
    const plan = planObject(
      upstream({ labels: { app: 'web' }, finalizers: ['mine'] }),
      placed([decide([east, west])]),
      noMember,
    );
    const metadata = { labels: labels(east, west), finalizers: ['mine', ...finalizers(east, west)] };
    expect(plan.metadata).toEqual({ metadata });
    expect(plan.steps).toMatchObject([
      { kind: 'write', fresh: true },
      { kind: 'write', fresh: true },
    ]);
  });

  it('asks for no patch when the object says what is decided', () => {
    const obj = upstream({ labels: labels(east), finalizers: finalizers(east) });
    const plan = planObject(obj, placed([decide([east])]), noMember);
    expect(plan.metadata).toBeUndefined();
    expect(plan.steps).toMatchObject([{ kind: 'write', fresh: false }]);
  });

  const held = { labels: labels(east, west), finalizers: finalizers(east, west) };
  const soft = { ...held, annotations: { [`finalizers.workload.kcp.io/${west.key}`]: 'dns' } };
  const evicting = decide([], { targets: [decided(east), { ...decided(west), state: 'Evicting' }] });
  it.each<[string, KubeObject, Placed, string[]]>([
    ['a dropped target is removed', upstream(held), placed([decide([east])]), ['write east', 'remove west']],
    ['a withdrawn decision removes all', upstream(held), placed([decide([])]), ['remove east', 'remove west']],
    ['no decision at all removes nothing', upstream(held), placed([]), [`hold ${east.key}`, `hold ${west.key}`]],
    [
      'deletion removes all, decided or not',
      upstream({ ...held, deletionTimestamp: 'now' }),
      placed([]),
      ['remove east', 'remove west'],
    ],
    ['a soft finalizer holds a copy', upstream(soft), placed([decide([east])]), ['write east', `hold ${west.key}`]],
    ['an evicting target is left alone', upstream(held), placed([evicting]), ['write east']],
    [
      'a target nobody knows yet is waited for',
      upstream(),
      placed([decide([east])], { targets: new Map() }),
      [`hold ${east.key}`],
    ],
    ['an object nobody placed needs nothing', upstream(), placed([decide([])]), []],
    [
      'two policies on one target write once',
      upstream(),
      placed([decide([east]), decide([east], { policy: 'q' })]),
      ['write east'],
    ],
  ])('%s', (_title, obj, p, expected) => expect(stepsOf(obj, p)).toEqual(expected));

  it('releases a finalizer that names no target of the fleet, when decisions speak about the namespace', () => {
    const obj = upstream({ finalizers: [syncerFinalizer('nobody'), ...finalizers(east)], labels: labels(east) });
    expect(planObject(obj, placed([decide([east])]), noMember).metadata).toEqual({
      metadata: { finalizers: finalizers(east) },
    });
    expect(planObject(obj, placed([]), noMember).metadata).toBeUndefined();
  });

  it('holds a finalizer whose target is not known while a cluster is configured for it, and says what ends that', () => {
    const obj = upstream({ finalizers: finalizers(east, west), labels: labels(east, west) });
    const unknown = placed([decide([east])], { targets: new Map([[east.key, east]]) });
    const plan = planObject(obj, unknown, () => true);
    expect(plan.metadata).toBeUndefined();
    expect(plan.steps[1]).toMatchObject({
      kind: 'hold',
      targetKey: west.key,
      hint: expect.stringContaining('SyncTarget'),
    });
  });

  it('adds nothing to an object that is being deleted', () => {
    const obj = upstream({ deletionTimestamp: 'now', finalizers: ['mine'] });
    expect(planObject(obj, placed([decide([east])]), noMember)).toEqual({ metadata: undefined, steps: [] });
  });
});

describe('planRelease', () => {
  it('lets go of what is gone, finalizer and label together, and of nothing else', () => {
    const obj = upstream({ labels: labels(east, west), finalizers: ['mine', ...finalizers(east, west)] });
    expect(planRelease(obj, [west.key])).toEqual({
      metadata: { finalizers: ['mine', ...finalizers(east)], labels: { [stateLabel(west.key)]: null } },
    });
    expect(planRelease(obj, [])).toBeUndefined();
  });
});

describe('planCopy', () => {
  const key = keyOf('deployments', 'web');
  const settings = { sourceClusterName: 'hub', epoch: 1 };

  function viewAt(rv: string, image = 'nginx:1', { uid = 'u1', epoch = 1 } = {}) {
    const upstreamObj = { ...deploymentOf('web', image), metadata: { name: 'web', uid, resourceVersion: rv } };
    const view = viewFor({
      key,
      upstreamObj,
      decision: decide([east]),
      target: east,
      settings: { ...settings, epoch },
      now: 'T',
    });
    if (!view.ok) throw new Error(view.problem);
    return view;
  }

  /** The copy as a member holds it after the apply, perhaps edited. */
  async function liveFrom(
    view: ReturnType<typeof viewAt>,
    edit: (obj: KubeObject) => void = () => {},
  ): Promise<KubeObject> {
    const live = await new MemoryServer().member.apply(view.key, view.copy, 'createOnly');
    edit(live);
    return live;
  }

  const planFor = (view: ReturnType<typeof viewAt>, downstreamObj: KubeObject | undefined, recordVersion = true) =>
    planCopy({ upstreamKey: key, targetKey: east.key, view, downstreamObj, recordVersion }).kind;

  it.each<[string, ReturnType<typeof viewAt>, (obj: KubeObject) => void, string]>([
    ['the same again', viewAt('42'), () => {}, 'nothing'],
    ['a newer wish', viewAt('43', 'nginx:2'), () => {}, 'update'],
    ['an older wish', viewAt('41', 'nginx:2'), () => {}, 'doubt'],
    ['an older version of a longer number', viewAt('9', 'nginx:2'), () => {}, 'doubt'],
    ['a higher version of an earlier epoch', viewAt('99', 'nginx:2', { epoch: 0 }), () => {}, 'doubt'],
    ['the same content at a lower version of a later epoch', viewAt('1', 'nginx:1', { epoch: 2 }), () => {}, 'update'],
    ['a lower version of a later epoch', viewAt('1', 'nginx:2', { epoch: 2 }), () => {}, 'update'],
    ['a later incarnation', viewAt('50', 'nginx:2', { uid: 'u2' }), () => {}, 'update'],
    ['an edited copy', viewAt('42'), (obj) => Object.assign(obj['spec'] as object, { replicas: 9 }), 'update'],
    [
      'a copy without its version',
      viewAt('42'),
      (obj) => Object.assign(obj.metadata.annotations!, { 'internal.workload.kcp.io/source-version': 'x' }),
      'update',
    ],
    ['a copy being deleted', viewAt('43'), (obj) => Object.assign(obj.metadata, { deletionTimestamp: 'now' }), 'wait'],
    ['a foreign object', viewAt('43'), (obj) => Object.assign(obj.metadata, { labels: {} }), 'refuse'],
    [
      'a copy of another object',
      viewAt('43'),
      (obj) => Object.assign(obj.metadata.annotations!, { 'internal.workload.kcp.io/upstream': 'ws2|shop/web' }),
      'refuse',
    ],
  ])('%s', async (_title, view, edit, expected) =>
    expect(planFor(view, await liveFrom(viewAt('42'), edit))).toBe(expected),
  );

  it('an absent copy is created', () => expect(planFor(viewAt('42'), undefined)).toBe('create'));

  it('records a newer version of equal content only where asked to', async () => {
    const live = await liveFrom(viewAt('42'));
    expect([planFor(viewAt('43'), live, true), planFor(viewAt('43'), live, false)]).toEqual(['update', 'nothing']);
  });

  it('removes its own copies, not those of a later incarnation nor foreign objects', async () => {
    const live = await liveFrom(viewAt('42'));
    const removal = (version: SourceVersion, targetKey = east.key) =>
      planRemoval(live, { upstreamKey: key, targetKey, version }).kind;
    expect(removal({ epoch: 1, uid: 'u1', rv: '40' })).toBe('remove');
    expect(removal({ epoch: 1, uid: 'u0', rv: '40' })).toBe('doubt');
    expect(removal({ epoch: 2, uid: 'u0', rv: '40' })).toBe('remove');
    expect(removal({ epoch: 1, uid: 'u1', rv: '50' }, west.key)).toBe('not ours');
  });
});

describe('covers', () => {
  const key = keyOf('deployments', 'web');
  const obj = upstream({ labels: { tier: 'front' }, annotations: { [specDiffAnnotation('x')]: '[]' } });
  it.each<[Decision['selects'], boolean]>([
    [{}, true],
    [{ resources: ['deployments.apps'] }, true],
    [{ resources: ['services'] }, false],
    [{ matchLabels: { tier: 'front' } }, true],
    [{ matchLabels: { tier: 'back' } }, false],
  ])('%j: %s', (selects, expected) => expect(covers(decide([], { selects }), key, obj)).toBe(expected));
});
