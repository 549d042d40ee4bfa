import type { KubeObject } from '@tmc/kernel/object.ts';
import { describe, expect, it } from 'vitest';
import {
  ALL_TARGETS,
  convertClusterRegistration,
  convertClusterWorkloadPlacement,
  convertLocation,
  convertNamespace,
  convertPlacement,
  convertSyncTarget,
  convertWorkloadPlacement,
} from './convert.ts';
import { targetKey } from './hash.ts';
import type { Converted } from './policy.ts';
import { matchesSelector } from './selectors.ts';

const WS = 'root:tmc-workloads';
const object = (spec: unknown, rest: { status?: unknown; labels?: Record<string, string> } = {}): KubeObject => ({
  apiVersion: 'x/v1alpha1',
  kind: 'X',
  metadata: {
    name: 'x',
    uid: 'u1',
    resourceVersion: '7',
    generation: 3,
    ...(rest.labels ? { labels: rest.labels } : {}),
  },
  ...(spec === undefined ? {} : { spec }),
  ...(rest.status === undefined ? {} : { status: rest.status }),
});

function convertedOf<T>(converted: Converted<T>): T {
  if (!converted.ok) throw new Error(JSON.stringify(converted.problems));
  return converted.value;
}
const problemsOf = (converted: Converted<unknown>) => (converted.ok ? [] : converted.problems);

describe('ClusterWorkloadPlacement', () => {
  it('the demo policy: required and preferred locations, one to two targets, replicas divided', () => {
    const policy = convertedOf(
      convertClusterWorkloadPlacement(
        object({
          namespaceSelector: { matchLabels: { 'workload.kcp.io/managed': 'true' } },
          locationSelector: { requiredLocations: ['us-west-2', 'us-east-1'], preferredLocations: ['us-west-2'] },
          resourceRequirements: { minCpu: '500m', minMemory: '1Gi' },
          minReplicas: 1,
          maxReplicas: 2,
        }),
        WS,
      ),
    );
    expect(policy).toEqual({
      id: 'clusterworkloadplacements//x',
      workspace: WS,
      uid: 'u1',
      rv: '7',
      generation: 3,
      namespaces: { selector: { matchLabels: { 'workload.kcp.io/managed': 'true' } } },
      selects: {},
      locationWorkspace: WS,
      hard: { locations: ['us-west-2', 'us-east-1'], resources: { cpu: '500m', memory: '1Gi' } },
      soft: { preferredLocations: ['us-west-2'], preferredCapabilities: [] },
      min: 1,
      max: 2,
      spread: 'Spread',
      division: 'Divided',
    });
  });

  it('an empty spec takes all namespaces and every target', () => {
    expect(convertedOf(convertClusterWorkloadPlacement(object({}), WS))).toMatchObject({
      namespaces: { selector: {} },
      hard: {},
      min: 1,
      max: ALL_TARGETS,
      division: 'Divided',
    });
  });

  it('tells all problems at once, with what was expected and found', () => {
    const problems = problemsOf(
      convertClusterWorkloadPlacement(
        object({
          locationSelector: { requiredLocations: 'us-west-2' },
          resourceRequirements: { minCpu: 'lots' },
          minReplicas: 3,
          maxReplicas: 2,
          replicaScheduling: 'Halved',
          namespaceSelector: { matchExpressions: [{ key: 'a', operator: 'In' }] },
        }),
        WS,
      ),
    );
    expect(problems).toEqual(
      expect.arrayContaining([
        { field: 'spec.locationSelector.requiredLocations', expected: 'array', received: '"us-west-2"' },
        { field: 'spec.resourceRequirements.minCpu', expected: 'a quantity such as 500m or 2Gi', received: '"lots"' },
        {
          field: 'spec.minReplicas',
          expected: 'minReplicas must not be greater than maxReplicas (both count targets)',
          received: '3',
        },
        { field: 'spec.replicaScheduling', expected: 'one of Divided, Duplicated', received: '"Halved"' },
      ]),
    );
    expect(problems.map((p) => p.field)).toContain('spec.namespaceSelector.matchExpressions[0]');
    expect(problems).toHaveLength(5);
  });

  it('an object without spec is refused', () => {
    expect(problemsOf(convertClusterWorkloadPlacement(object(undefined), WS))).toEqual([
      { field: 'spec', expected: 'object', received: 'nothing' },
    ]);
  });

  it('minReplicas counts with its default', () => {
    expect(convertClusterWorkloadPlacement(object({ maxReplicas: 1 }), WS).ok).toBe(true);
    expect(problemsOf(convertClusterWorkloadPlacement(object({ maxReplicas: 0 }), WS))[0]).toEqual({
      field: 'spec.maxReplicas',
      expected: 'at least 1',
      received: '0',
    });
  });
});

describe('Placement', () => {
  const spec = { locationSelectors: [{ matchLabels: { cloud: 'a' } }, {}], namespaceSelector: {} };

  it('chooses one location and one target that gets everything', () => {
    expect(convertedOf(convertPlacement(object({ ...spec, locationWorkspace: 'root:places' }), WS))).toMatchObject({
      id: 'placements//x',
      hard: { locationSelectors: [{ matchLabels: { cloud: 'a' } }, {}] },
      namespaces: { selector: {} },
      locationWorkspace: 'root:places',
      min: 1,
      max: 1,
      spread: 'OneLocation',
      division: 'Duplicated',
    });
  });

  it('no location selector selects nothing, no namespace selector no namespace', () => {
    const policy = convertedOf(convertPlacement(object({}), WS));
    expect(policy.hard.locationSelectors).toEqual([]);
    expect(matchesSelector(policy.namespaces.selector ?? {}, { any: 'label' })).toBe(false);
    expect(policy.locationWorkspace).toBe(WS);
  });

  it('places SyncTargets only', () => {
    const problems = problemsOf(convertPlacement(object({ ...spec, locationResource: { resource: 'nodes' } }), WS));
    expect(problems).toEqual([
      { field: 'spec.locationResource.resource', expected: 'synctargets', received: '"nodes"' },
    ]);
  });
});

describe('WorkloadPlacement', () => {
  it('the sample of the integration guide', () => {
    const policy = convertedOf(
      convertWorkloadPlacement(
        object({
          strategy: 'Spread',
          locationSelector: { matchLabels: { region: 'us-west' } },
          capabilityRequirements: [
            { type: 'compute', required: true },
            { type: 'gpu', required: false },
          ],
        }),
        WS,
      ),
    );
    expect(policy).toMatchObject({
      id: 'workloadplacements//x',
      namespaces: { selector: {} },
      hard: { targetSelector: { matchLabels: { region: 'us-west' } }, capabilities: ['compute'] },
      soft: { preferredCapabilities: ['gpu'] },
      min: 1,
      max: ALL_TARGETS,
      spread: 'Spread',
      division: 'Duplicated',
    });
  });

  it('the fields of the MVP flavour', () => {
    const policy = convertedOf(
      convertWorkloadPlacement(
        object({
          placementPolicy: 'LeastLoaded',
          numberOfClusters: 2,
          workloadSelector: {
            labelSelector: { matchLabels: { app: 'web' } },
            workloadTypes: [
              { apiVersion: 'apps/v1', kind: 'Deployment' },
              { apiVersion: 'v1', kind: 'Service' },
            ],
            namespaceSelector: { matchLabels: { team: 'a' } },
          },
          clusterSelector: {
            labelSelector: { matchLabels: { tier: 'gold' } },
            locationSelector: ['eu'],
            clusterNames: ['one', 'two'],
          },
        }),
        WS,
      ),
    );
    expect(policy).toMatchObject({
      namespaces: { selector: { matchLabels: { team: 'a' } } },
      selects: { resources: ['deployments.apps', 'services'], matchLabels: { app: 'web' } },
      hard: { targetSelector: { matchLabels: { tier: 'gold' } }, locations: ['eu'], targetNames: ['one', 'two'] },
      max: 2,
      spread: 'LeastLoaded',
    });
  });

  it.each([
    ['RoundRobin', 'RoundRobin', 1],
    ['Affinity', 'Spread', 1],
    ['Spread', 'Spread', ALL_TARGETS],
    ['Capacity', 'LeastLoaded', 1],
  ])('strategy %s is %s over at most %i', (strategy, spread, max) => {
    expect(convertedOf(convertWorkloadPlacement(object({ strategy }), WS))).toMatchObject({ spread, max });
  });

  it('both selectors of a target must hold', () => {
    const { hard } = convertedOf(
      convertWorkloadPlacement(
        object({
          locationSelector: { matchLabels: { region: 'a' } },
          clusterSelector: { labelSelector: { matchLabels: { region: 'b' } } },
        }),
        WS,
      ),
    );
    expect(matchesSelector(hard.targetSelector ?? {}, { region: 'a' })).toBe(false);
    expect(matchesSelector(hard.targetSelector ?? {}, { region: 'b' })).toBe(false);
  });

  it('refuses a kind that is not synced and label expressions, instead of placing nothing or everything', () => {
    const unknown = object({ workloadSelector: { workloadTypes: [{ apiVersion: 'batch/v1', kind: 'Job' }] } });
    expect(problemsOf(convertWorkloadPlacement(unknown, WS))).toEqual([
      {
        field: 'spec.workloadSelector.workloadTypes[0]',
        expected: 'one of ConfigMap, Secret, Service, Deployment with its apiVersion',
        received: 'batch/v1 Job',
      },
    ]);
    const expressions = { matchExpressions: [{ key: 'app', operator: 'Exists' }] };
    const problems = problemsOf(
      convertWorkloadPlacement(object({ workloadSelector: { labelSelector: expressions } }), WS),
    );
    expect(problems[0]?.expected).toContain('takes matchLabels only');
  });
});

describe('SyncTarget', () => {
  it('an empty one has the defaults and is not ready', () => {
    expect(convertedOf(convertSyncTarget(object(undefined), WS))).toEqual({
      key: targetKey(WS, 'x'),
      workspace: WS,
      name: 'x',
      uid: 'u1',
      rv: '7',
      labels: {},
      location: '',
      ready: false,
      unschedulable: false,
      namespaceMapping: 'Hashed',
      syncMode: 'push',
      allocatable: {},
      capabilities: [],
      syncedResources: [],
    });
  });

  it('reads conditions, drain, mode, capabilities and what it syncs', () => {
    const facts = convertedOf(
      convertSyncTarget(
        object(
          {
            workloadCluster: { name: 'kcp-west', endpoint: 'https://west.example.com' },
            location: 'us-west-2',
            unschedulable: true,
            evictAfter: '2026-01-02T03:04:05Z',
            syncerConfig: { syncMode: 'pull' },
            namespaceMapping: 'Preserve',
            capabilities: [{ type: 'gpu' }, { type: 'ssd', available: false }],
            supportedResourceTypes: ['services'],
          },
          {
            labels: { region: 'from-label' },
            status: {
              conditions: [{ type: 'Ready', status: 'True' }],
              syncedResources: [
                { group: 'apps', resource: 'deployments', versions: ['v1'], state: 'Accepted' },
                { group: '', resource: 'services', versions: ['v1'], state: 'Incompatible' },
                { resource: 'configmaps', versions: ['v1'] },
              ],
            },
          },
        ),
        WS,
      ),
    );
    expect(facts).toMatchObject({
      memberCluster: 'kcp-west',
      location: 'us-west-2',
      labels: { region: 'from-label' },
      ready: true,
      unschedulable: true,
      evictAfterMs: Date.UTC(2026, 0, 2, 3, 4, 5),
      syncMode: 'pull',
      namespaceMapping: 'Preserve',
      capabilities: ['gpu'],
      syncedResources: ['deployments.apps', 'configmaps'],
    });
  });

  it.each([
    [{ region: 'a', 'topology.kubernetes.io/region': 'b' }, 'a'],
    [{ 'topology.kubernetes.io/region': 'b' }, 'b'],
  ])('takes the location from labels %j when the spec has none', (labels, location) => {
    expect(convertedOf(convertSyncTarget(object({}, { labels }), WS)).location).toBe(location);
  });

  it('a quota caps what is allocatable and stands in for what is not reported', () => {
    const spec = { resourceQuotas: { cpu: 2, memory: '1Gi', custom: { 'example.com/gpu': '1' } } };
    const status = { allocatable: { cpu: '4000m', memory: '512Mi', pods: 110 } };
    expect(convertedOf(convertSyncTarget(object(spec, { status }), WS)).allocatable).toEqual({
      cpu: '2',
      memory: '512Mi',
      pods: '110',
      'example.com/gpu': '1',
    });
  });

  it('eviction needs a cordon, pull mode no credentials', () => {
    const problems = problemsOf(
      convertSyncTarget(
        object({
          evictAfter: '2026-01-02T03:04:05Z',
          syncerConfig: { syncMode: 'pull' },
          workloadCluster: { credentials: { secretRef: { name: 'x' } } },
        }),
        WS,
      ),
    );
    expect(problems.map((p) => p.field)).toEqual(['spec.evictAfter', 'spec.workloadCluster.credentials']);
  });
});

describe('ClusterRegistration, Location, Namespace', () => {
  it('a registration is a target with location, capabilities and capacity', () => {
    const spec = {
      location: 'us-west-2',
      capabilities: [
        { type: 'compute', available: true },
        { type: 'storage', available: true },
      ],
      capacity: { cpu: 8 },
    };
    expect(convertedOf(convertClusterRegistration(object(spec), WS))).toMatchObject({
      key: targetKey(WS, 'x'),
      location: 'us-west-2',
      labels: { region: 'us-west-2' },
      capabilities: ['compute', 'storage'],
      allocatable: { cpu: '8' },
      ready: false,
    });
    expect(problemsOf(convertClusterRegistration(object({ location: 'US West' }), WS))[0]?.field).toBe('spec.location');
  });

  it('a location has its labels and selector; without one nothing belongs to it', () => {
    const facts = convertedOf(convertLocation(object({ instanceSelector: {} }, { labels: { cloud: 'a' } }), WS));
    expect(facts).toEqual({ workspace: WS, name: 'x', rv: '7', labels: { cloud: 'a' }, instanceSelector: {} });
    const none = convertedOf(convertLocation(object({}), WS));
    expect(matchesSelector(none.instanceSelector, { cloud: 'a' })).toBe(false);
  });

  it('a namespace in deletion is terminating', () => {
    const ns = object(undefined, { labels: { a: 'b' } });
    expect(convertNamespace(ns, WS)).toEqual({
      workspace: WS,
      name: 'x',
      uid: 'u1',
      rv: '7',
      labels: { a: 'b' },
      terminating: false,
    });
    const going = { ...ns, metadata: { ...ns.metadata, deletionTimestamp: '2026-01-01T00:00:00Z' } };
    expect(convertNamespace(going, WS).terminating).toBe(true);
  });
});
