import { syncerFinalizer } from '@tmc/apis/names.ts';
import { CONTROL_RESOURCES, NAMESPACES, SYNCED_RESOURCES } from '@tmc/apis/resources.ts';
import { formatGroupResource } from '@tmc/kernel/key.ts';
import type { KubeObject } from '@tmc/kernel/object.ts';
import { configMap, deployment, namespace, secret, syncTarget } from '@tmc/testkit/objects.ts';
import { describe, expect, it } from 'vitest';
import { hubInterest, isHeld, memberInterest } from './interest.ts';

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

const set =
  (change: Record<string, unknown>): Change =>
  (o) =>
    void Object.assign(o, change);
const meta =
  (change: Record<string, unknown>): Change =>
  (o) =>
    void Object.assign(o.metadata, change);
const status = (change: Record<string, unknown>): Change => set({ status: change });
const ready = (value: string, time: string) => ({
  conditions: [{ type: 'Ready', status: value, lastTransitionTime: time }],
});
const annotations = meta({ annotations: { a: 'b' } });
const finalizers = meta({ finalizers: ['example.com/x'] });
const spec = set({ spec: { changed: true } });
const anyStatus = status({ conditions: [{ type: 'Whatever', status: 'True' }], observedGeneration: 3 });
const heartbeat = status({ lastSyncerHeartbeatTime: 'now', allocated: { cpu: '1' } });
const policies = { matters: { annotations, finalizers, spec }, silent: { anyStatus } };
const workloads = { matters: { annotations, finalizers, generation: meta({ generation: 2 }) }, silent: { anyStatus } };

/** By resource: a sample, and beyond what holds for all kinds, changes that are told and changes that are not. */
type Kind = { sample?: KubeObject; matters: Record<string, Change>; silent: Record<string, Change> };
const KINDS: Record<string, Kind> = {
  'synctargets.workload.kcp.io': {
    sample: syncTarget({ name: 't' }),
    matters: {
      finalizers,
      spec,
      readiness: status(ready('True', '1')),
      room: status({ allocatable: { cpu: '4' } }),
      'the kinds it takes': status({ syncedResources: [{ resource: 'services', versions: ['v1'] }] }),
    },
    silent: { annotations, heartbeat, anyStatus },
  },
  'clusterregistrations.tmc.kcp.io': {
    matters: { finalizers, spec, readiness: status(ready('True', '1')) },
    silent: { annotations, heartbeat: status({ lastHeartbeat: 'now' }), anyStatus },
  },
  'locations.scheduling.kcp.io': {
    matters: { spec },
    silent: { annotations, instances: status({ instances: 3, availableInstances: 2 }) },
  },
  'placements.scheduling.kcp.io': policies,
  'workloadplacements.tmc.kcp.io': policies,
  'clusterworkloadplacements.workload.kcp.io': policies,
  namespaces: {
    sample: namespace({ name: 'n' }),
    matters: { annotations },
    silent: { 'its own finalizers': spec, phase: status({ phase: 'Active' }) },
  },
  'apibindings.apis.kcp.io': {
    matters: {
      spec,
      phase: status({ phase: 'Bound' }),
      claims: status({ appliedPermissionClaims: [{ resource: 'secrets' }] }),
    },
    silent: { anyStatus },
  },
  'deployments.apps': { ...workloads, sample: deployment({ name: 'web', generation: 1 }) },
  services: workloads,
  configmaps: {
    sample: configMap({ name: 'c' }),
    matters: {
      annotations,
      finalizers,
      data: set({ data: { a: '2' } }),
      binaryData: set({ binaryData: { a: 'eA==' } }),
    },
    silent: {},
  },
  secrets: {
    sample: secret({ name: 's' }),
    matters: { annotations, finalizers, data: set({ data: { a: 'eA==' } }), immutable: set({ immutable: true }) },
    silent: {},
  },
};

const named = (text: string) => {
  const [resource = '', ...group] = text.split('.');
  return { resource, group: group.join('.') };
};

describe.each(Object.entries(KINDS))('interest in %s of the hub', (name, { sample, matters, silent }) => {
  const resource = named(name);
  const object = sample ?? { apiVersion: 'v1', kind: 'Any', metadata: { name: 'x', uid: 'u' }, spec: { wish: 1 } };
  const hash = hubInterest(resource, object);

  it.each([...metadata, ...Object.entries(matters)])('%s matters', (_change, change) => {
    expect(hubInterest(resource, changed(object, change))).not.toBe(hash);
  });

  it.each([...noise, ...Object.entries(silent)])('%s does not matter', (_change, change) => {
    expect(hubInterest(resource, changed(object, change))).toBe(hash);
  });
});

describe('interest of the hub', () => {
  it('covers every kind that is read', () => {
    const read = [...CONTROL_RESOURCES, NAMESPACES, ...SYNCED_RESOURCES].map(formatGroupResource);
    expect(Object.keys(KINDS).sort()).toEqual([...read, 'apibindings.apis.kcp.io'].sort());
  });

  it.each(['synctargets.workload.kcp.io', 'clusterregistrations.tmc.kcp.io'])(
    'of %s, not when a condition was set',
    (name) => {
      const at = (value: string, time: string) =>
        hubInterest(named(name), changed(syncTarget({ name: 't' }), status(ready(value, time))));
      expect(at('True', '2')).toBe(at('True', '1'));
      expect(at('False', '2')).not.toBe(at('True', '2'));
    },
  );
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
