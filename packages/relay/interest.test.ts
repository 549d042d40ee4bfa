import { syncerFinalizer } from '@tmc/apis/names.ts';
import type { KubeObject } from '@tmc/kernel/object.ts';
import { configMap, deployment, namespace, secret, syncTarget } from '@tmc/testkit/objects.ts';
import { describe, expect, it } from 'vitest';
import { hubInterest, isHeld, memberInterest } from './interest.ts';

const DEPLOYMENTS = { group: 'apps', resource: 'deployments' };
const TARGETS = { group: 'workload.kcp.io', resource: 'synctargets' };
type Change = (object: KubeObject) => void;

function changed(object: KubeObject, change: Change): KubeObject {
  const copy = structuredClone(object);
  change(copy);
  return copy;
}

const noise: [string, Change][] = [
  ['resourceVersion', (o) => Object.assign(o.metadata, { resourceVersion: '77' })],
  ['managedFields', (o) => Object.assign(o.metadata, { managedFields: [{ manager: 'kubectl' }] })],
];
const metadata: [string, Change][] = [
  ['uid', (o) => Object.assign(o.metadata, { uid: 'another' })],
  ['labels', (o) => Object.assign(o.metadata, { labels: { a: 'b' } })],
  ['deletion', (o) => Object.assign(o.metadata, { deletionTimestamp: '2026-01-01T00:00:00Z' })],
];

describe('interest of the hub', () => {
  const upstreamObj = deployment({ name: 'web', uid: 'u', generation: 1 });
  const hash = hubInterest(DEPLOYMENTS, upstreamObj);

  it.each<[string, Change]>([
    ...metadata,
    ['annotations', (o) => Object.assign(o.metadata, { annotations: { a: 'b' } })],
    ['finalizers', (o) => Object.assign(o.metadata, { finalizers: [syncerFinalizer('t')] })],
    ['generation', (o) => Object.assign(o.metadata, { generation: 2 })],
    ['spec', (o) => Object.assign(o, { spec: { replicas: 9 } })],
  ])('%s matters', (_name, change) => {
    expect(hubInterest(DEPLOYMENTS, changed(upstreamObj, change))).not.toBe(hash);
  });

  it.each<[string, Change]>([...noise, ['status', (o) => Object.assign(o, { status: { replicas: 1 } })]])(
    '%s does not matter',
    (_name, change) => {
      expect(hubInterest(DEPLOYMENTS, changed(upstreamObj, change))).toBe(hash);
    },
  );

  it.each([configMap({ name: 'c' }), secret({ name: 's' })])('data of a $kind matters', (object) => {
    const resource = { group: '', resource: `${object.kind.toLowerCase()}s` };
    const other = changed(object, (o) => Object.assign(o, { data: { password: 'ZWxzZQ==' } }));
    expect(hubInterest(resource, other)).not.toBe(hubInterest(resource, object));
  });

  it('a heartbeat on a target does not matter, its readiness does', () => {
    const status =
      (ready: string, time: string): Change =>
      (o) =>
        Object.assign(o, {
          status: {
            lastSyncerHeartbeatTime: time,
            conditions: [{ type: 'Ready', status: ready, lastTransitionTime: time }],
          },
        });
    const target = changed(syncTarget({ name: 't' }), status('True', '1'));
    const later = changed(target, status('True', '2'));
    const down = changed(target, status('False', '2'));
    expect(hubInterest(TARGETS, later)).toBe(hubInterest(TARGETS, target));
    expect(hubInterest(TARGETS, down)).not.toBe(hubInterest(TARGETS, target));
    const cordoned = changed(target, (o) => Object.assign(o, { spec: { unschedulable: true } }));
    expect(hubInterest(TARGETS, cordoned)).not.toBe(hubInterest(TARGETS, target));
  });

  it('of a binding, the phase and the granted claims matter', () => {
    const resource = { group: 'apis.kcp.io', resource: 'apibindings' };
    const binding = { ...namespace({ name: 'tmc' }), kind: 'APIBinding' };
    const bound = { ...binding, status: { phase: 'Bound', conditions: [{ time: '1' }] } };
    expect(hubInterest(resource, bound)).not.toBe(hubInterest(resource, binding));
    expect(hubInterest(resource, { ...bound, status: { phase: 'Bound' } })).toBe(hubInterest(resource, bound));
    const granted = { ...bound, status: { phase: 'Bound', appliedPermissionClaims: [{ resource: 'secrets' }] } };
    expect(hubInterest(resource, granted)).not.toBe(hubInterest(resource, bound));
  });
});

describe('interest of a member', () => {
  const downstreamObj = { ...deployment({ name: 'web', uid: 'u', generation: 1 }), status: { replicas: 1 } };
  const hash = memberInterest(downstreamObj, false);

  it.each<[string, Change]>([
    ...metadata,
    ['annotations', (o) => Object.assign(o.metadata, { annotations: { a: 'b' } })],
    ['generation', (o) => Object.assign(o.metadata, { generation: 2 })],
    ['status', (o) => Object.assign(o, { status: { replicas: 2 } })],
  ])('%s matters', (_name, change) => {
    expect(memberInterest(changed(downstreamObj, change), false)).not.toBe(hash);
  });

  it.each(noise)('%s does not matter', (_name, change) => {
    expect(memberInterest(changed(downstreamObj, change), false)).toBe(hash);
  });

  it('drift matters, and content where there is no generation', () => {
    expect(memberInterest(downstreamObj, true)).not.toBe(hash);
    expect(memberInterest(configMap({ name: 'c' }, { a: '1' }), false)).not.toBe(
      memberInterest(configMap({ name: 'c' }, { a: '2' }), false),
    );
  });
});

describe('held objects', () => {
  it.each<[string, Partial<KubeObject['metadata']>, boolean]>([
    ['without finalizers', {}, false],
    ['with a stranger’s finalizer', { finalizers: ['example.com/x'] }, false],
    ['with ours', { finalizers: ['example.com/x', syncerFinalizer('t')] }, true],
    ['with ours, being deleted', { finalizers: [syncerFinalizer('t')], deletionTimestamp: '2026' }, false],
  ])('%s', (_name, meta, held) => {
    expect(isHeld(configMap({ name: 'c', ...meta }))).toBe(held);
  });
});
