import {
  convertClusterRegistration,
  convertClusterWorkloadPlacement,
  convertLocation,
  convertNamespace,
  convertPlacement,
  convertSyncTarget,
  convertWorkloadPlacement,
} from '@tmc/apis/convert.ts';
import { syncerFinalizer } from '@tmc/apis/names.ts';
import { canonicalJson } from '@tmc/kernel/canonical.ts';
import type { KubeObject } from '@tmc/kernel/object.ts';
import { hubInterest } from '@tmc/relay/interest.ts';
import { strip } from '@tmc/sync/transform/strip.ts';
import { configMap, deployment, namespace, secret, service } from '@tmc/testkit/objects.ts';
import { describe, expect, it } from 'vitest';

/*
 * A relay tells a change only when its interest function sees it: what placement or sync reads and that function does not would be
 * carried late or never. So every field of a full object is changed, and whatever consumers then see differently must be told.
 */

type Reads = (obj: KubeObject) => unknown;
type Case = { readonly group: string; readonly resource: string; readonly full: KubeObject; readonly reads: Reads };

const meta = {
  name: 'a',
  uid: 'u1',
  generation: 3,
  resourceVersion: '7',
  labels: { region: 'eu', team: 'x' },
  annotations: { note: 'y' },
};
const control = (kind: string, spec: object, status: object = {}): KubeObject =>
  ({ apiVersion: 'v1', kind, metadata: { ...meta }, spec, status }) as KubeObject;
const conditions = [
  { type: 'Ready', status: 'True', reason: 'R', message: 'm', lastTransitionTime: '2026-01-01T00:00:00Z' },
];

/** Facts without the revision, which rises for reasons nobody looks at; of an object that servers refuse, none. */
const facts =
  (convert: (obj: KubeObject, workspace: string) => { ok: boolean; value?: object }): Reads =>
  (obj) => {
    const converted = convert(obj, 'ws');
    return converted.ok ? { ...converted.value, rv: '' } : undefined;
  };
/** What sync reads of an object: what crosses, and what says whether and where copies are. */
const carried: Reads = (obj) => {
  const { uid, generation, finalizers, labels, annotations, deletionTimestamp } = obj.metadata;
  return [strip(obj), uid, generation, finalizers, labels, annotations, deletionTimestamp, obj['type']];
};

const locations = { requiredLocations: ['eu'], preferredLocations: ['us'] };
const CASES: readonly Case[] = [
  {
    group: 'workload.kcp.io',
    resource: 'synctargets',
    full: control(
      'SyncTarget',
      {
        location: 'eu',
        workloadCluster: { name: 'm1' },
        unschedulable: true,
        evictAfter: '2026-01-01T00:00:00Z',
        capabilities: [{ type: 'gpu', available: true }],
        resourceQuotas: { cpu: '4', custom: { 'example.com/x': '2' } },
        supportedResourceTypes: ['deployments.apps'],
      },
      {
        conditions,
        allocatable: { cpu: '3', memory: '1Gi' },
        syncedResources: [{ group: 'apps', resource: 'deployments', versions: ['v1'], state: 'Accepted' }],
      },
    ),
    reads: facts(convertSyncTarget),
  },
  {
    group: 'tmc.kcp.io',
    resource: 'clusterregistrations',
    full: control(
      'ClusterRegistration',
      {
        location: 'eu',
        clusterEndpoint: { serverURL: 'https://member.example' },
        capacity: { cpu: '4' },
        capabilities: [{ type: 'gpu', available: true }],
      },
      { conditions },
    ),
    reads: facts(convertClusterRegistration),
  },
  {
    group: 'workload.kcp.io',
    resource: 'clusterworkloadplacements',
    full: control('ClusterWorkloadPlacement', {
      namespaceSelector: { matchLabels: { managed: 'true' } },
      locationSelector: locations,
      minReplicas: 1,
      maxReplicas: 2,
    }),
    reads: facts(convertClusterWorkloadPlacement),
  },
  {
    group: 'tmc.kcp.io',
    resource: 'workloadplacements',
    full: control('WorkloadPlacement', {
      workloadSelector: { labelSelector: { matchLabels: { app: 'web' } } },
      clusterSelector: {},
      numberOfClusters: 2,
    }),
    reads: facts(convertWorkloadPlacement),
  },
  {
    group: 'scheduling.kcp.io',
    resource: 'placements',
    full: control('Placement', { locationSelectors: [{ matchLabels: { a: 'b' } }], namespaceSelector: {} }),
    reads: facts(convertPlacement),
  },
  {
    group: 'scheduling.kcp.io',
    resource: 'locations',
    full: control('Location', {
      resource: { group: 'workload.kcp.io', version: 'v1alpha1', resource: 'synctargets' },
      instanceSelector: { matchLabels: { region: 'eu' } },
    }),
    reads: facts(convertLocation),
  },
  {
    group: '',
    resource: 'namespaces',
    full: { ...namespace({ name: 'a' }), metadata: { ...meta } },
    reads: (obj) => [{ ...convertNamespace(obj, 'ws'), rv: '' }, obj.metadata.labels, obj.metadata.annotations],
  },
  ...[
    ['apps', 'deployments', deployment(meta)] as const,
    ['', 'services', service(meta)] as const,
    ['', 'configmaps', configMap(meta, { key: 'value' })] as const,
    ['', 'secrets', secret(meta)] as const,
  ].map(([group, resource, obj]) => {
    const metadata = { ...obj.metadata, finalizers: [syncerFinalizer('t1')] };
    return { group, resource, full: { ...obj, metadata, status: { replicas: 1 } }, reads: carried };
  }),
];

/** The object without each of its fields, with each text, number or flag changed, and being deleted. */
function* variants(full: KubeObject): Generator<[path: string, obj: KubeObject]> {
  for (const path of pathsOf(full)) {
    if (path.join('.') === 'metadata.name') continue;
    yield [`without ${path.join('.')}`, edited(full, path, () => undefined)];
    yield [`other ${path.join('.')}`, edited(full, path, (value) => otherThan(value))];
  }
  const deleting = { ...full.metadata, deletionTimestamp: '2026-01-02T00:00:00Z' };
  yield ['being deleted', { ...full, metadata: deleting }];
}

function* pathsOf(value: unknown, path: string[] = []): Generator<string[]> {
  if (path.length > 0) yield path;
  if (typeof value !== 'object' || value === null) return;
  for (const [name, member] of Object.entries(value)) yield* pathsOf(member, [...path, name]);
}

function otherThan(value: unknown): unknown {
  if (typeof value === 'string') return `${value}1`;
  if (typeof value === 'number') return value + 1;
  return typeof value === 'boolean' ? !value : value;
}

function edited(full: KubeObject, path: readonly string[], change: (value: unknown) => unknown): KubeObject {
  const copy = structuredClone(full);
  let parent = copy as unknown as Record<string, unknown>;
  for (const name of path.slice(0, -1)) parent = parent[name] as Record<string, unknown>;
  const last = path.at(-1) as string;
  const next = change(parent[last]);
  if (next !== undefined) parent[last] = next;
  else if (Array.isArray(parent)) parent.splice(Number(last), 1);
  else delete parent[last];
  return copy;
}

describe('what a relay tells of the hub', () => {
  it.each(CASES)('holds all that is read of $resource', ({ group, resource, full, reads }) => {
    const before = { read: canonicalJson(reads(full)), told: hubInterest({ group, resource }, full) };
    let seen = 0;
    const untold: string[] = [];
    for (const [name, obj] of variants(full)) {
      const read = obj.metadata && reads(obj);
      if (read === undefined || canonicalJson(read) === before.read) continue;
      seen += 1;
      if (hubInterest({ group, resource }, obj) === before.told) untold.push(name);
    }
    expect(untold).toEqual([]);
    expect(seen).toBeGreaterThan(3);
  });
});
