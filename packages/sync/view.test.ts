import { downstreamNamespaceName } from '@tmc/apis/hash.ts';
import { OWNER_LABEL, specDiffAnnotation, stateLabel, syncerFinalizer, UPSTREAM_ANNOTATION } from '@tmc/apis/names.ts';
import type { KubeObject } from '@tmc/kernel/object.ts';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { claimedUpstream, downstreamKeyOf, isOurCopy } from './copy-identity.ts';
import { decide, decided, deploymentOf, keyOf, NS, targetNamed, WS } from './testing/world.ts';
import { viewFor } from './view.ts';

const settings = { sourceClusterName: 'kcp-virtual', epoch: 4 };
const now = '2026-01-01T00:00:00Z';
const west = targetNamed('west', { memberCluster: 'kcp-west' });
const east = targetNamed('east', { namespaceMapping: 'Preserve' });

const upstreamOf = (obj: KubeObject, metadata: Partial<KubeObject['metadata']> = {}): KubeObject => ({
  ...obj,
  metadata: { uid: 'u1', resourceVersion: '42', ...obj.metadata, ...metadata },
});

function viewOf(
  upstreamObj: KubeObject,
  { target = west, resource = 'deployments', decision = decide([west, east]) } = {},
) {
  const view = viewFor({
    key: keyOf(resource, upstreamObj.metadata.name),
    upstreamObj,
    decision,
    target,
    settings,
    now,
  });
  if (!view.ok) throw new Error(view.problem);
  return view;
}

type PodSpec = { containers: { env?: unknown[] }[]; initContainers?: { env?: unknown[] }[] };
const podSpecOf = (obj: KubeObject) => (obj['spec'] as { template: { spec: PodSpec } }).template.spec;

describe('what a target sees', () => {
  it('is stamped with owner, origin and version, in the namespace of its mapping', () => {
    const { copy, key } = viewOf(upstreamOf(deploymentOf('web')));
    expect(copy.metadata).toMatchObject({
      labels: {
        app: 'web',
        [OWNER_LABEL]: west.key,
        'workload.kcp.io/managed': 'true',
        'workload.kcp.io/synced-from': WS,
      },
      annotations: {
        'workload.kcp.io/source-cluster': 'kcp-virtual',
        'workload.kcp.io/sync-target': 'west',
        'workload.kcp.io/sync-timestamp': now,
        'internal.workload.kcp.io/upstream': `${WS}|${NS}/web`,
        'internal.workload.kcp.io/source-version': '4/u1/42',
      },
    });
    const syncTarget = { cluster: WS, name: 'west', uid: 'uid-of-west' };
    expect(key.namespace).toBe(downstreamNamespaceName({ syncTarget, cluster: WS, namespace: NS }));
    expect(viewOf(upstreamOf(deploymentOf('web')), { target: east }).key.namespace).toBe(NS);
  });

  it('holds nothing of identity, deletion, status and the control plane', () => {
    const { copy } = viewOf(
      upstreamOf(
        { ...deploymentOf('web'), status: { replicas: 9 } },
        {
          deletionTimestamp: now,
          generation: 3,
          creationTimestamp: null,
          finalizers: [syncerFinalizer(west.key), 'mine'],
          ownerReferences: [{ name: 'o' }],
          managedFields: [{ manager: 'kubectl' }],
          labels: {
            keep: 'a',
            [stateLabel(east.key)]: 'Sync',
            'claimed.internal.apis.kcp.io/x': 'y',
            [OWNER_LABEL]: 'forged',
          },
          annotations: {
            keep: 'b',
            'kcp.io/cluster': 'x',
            'experimental.status.workload.kcp.io/k': '{}',
            'kubectl.kubernetes.io/last-applied-configuration': '{}',
            [UPSTREAM_ANNOTATION]: 'other|ns/name',
          },
        },
      ),
    );
    expect(Object.keys(copy).sort()).toEqual(['apiVersion', 'kind', 'metadata', 'spec']);
    expect(Object.keys(copy.metadata).sort()).toEqual(['annotations', 'labels', 'name', 'namespace']);
    expect(Object.keys(copy.metadata.labels!).filter((key) => !key.includes('workload.kcp.io/'))).toEqual(['keep']);
    expect(Object.keys(copy.metadata.labels!)).not.toContain(stateLabel(east.key));
    expect(copy.metadata.labels![OWNER_LABEL]).toBe(west.key);
    expect(Object.keys(copy.metadata.annotations!).filter((key) => !key.includes('workload.kcp.io/'))).toEqual([
      'keep',
    ]);
    expect(copy.metadata.annotations![UPSTREAM_ANNOTATION]).toBe(`${WS}|${NS}/web`);
  });

  it('tells every container where it runs, in place of what it said itself', () => {
    const obj = deploymentOf('web');
    podSpecOf(obj).containers[0]!.env = [
      { name: 'A', value: '1' },
      { name: 'SYNC_TARGET', value: 'no' },
    ];
    podSpecOf(obj).initContainers = [{}];
    const env = [
      { name: 'PHYSICAL_CLUSTER', value: 'kcp-west' },
      { name: 'SYNC_TARGET', value: 'west' },
    ];
    const { containers, initContainers } = podSpecOf(viewOf(upstreamOf(obj)).copy);
    expect(containers[0]!.env).toEqual([...env, { name: 'A', value: '1' }]);
    expect(initContainers![0]!.env).toEqual(env);
  });

  it('divides replicas among active targets only', () => {
    const targets = [
      { ...decided(west), weight: 2 },
      decided(east),
      { ...decided(targetNamed('gone')), state: 'Evicting' as const },
    ];
    const decision = decide([], { division: 'Divided', targets });
    const replicas = [west, east].map(
      (target) => viewOf(upstreamOf(deploymentOf('web')), { target, decision }).copy['spec'],
    );
    expect(replicas).toMatchObject([{ replicas: 2 }, { replicas: 1 }]);
  });

  it('follows the spec diff of its own target, after everything else', () => {
    const diff = JSON.stringify([{ op: 'replace', path: '/replicas', value: 9 }]);
    const upstreamObj = upstreamOf(deploymentOf('web'), { annotations: { [specDiffAnnotation(west.key)]: diff } });
    const decision = decide([west, east], { division: 'Divided' });
    expect(viewOf(upstreamObj, { decision }).copy['spec']).toMatchObject({ replicas: 9 });
    expect(viewOf(upstreamObj, { decision, target: east }).copy['spec']).not.toMatchObject({ replicas: 9 });
  });

  it.each([
    ['not json', 'not a JSON array'],
    ['{}', 'not a JSON array'],
    ['[{"op":"replace","path":"/nothing/here","value":1}]', 'an operation failed'],
    ['[{"op":"explode","path":"/replicas"}]', 'an operation failed'],
  ])('is refused with the reason when the spec diff is %s', (diff, reason) => {
    const upstreamObj = upstreamOf(deploymentOf('web'), { annotations: { [specDiffAnnotation(west.key)]: diff } });
    const view = viewFor({
      key: keyOf('deployments', 'web'),
      upstreamObj,
      decision: decide([west]),
      target: west,
      settings,
      now,
    });
    expect(view).toMatchObject({ ok: false, problem: expect.stringContaining(reason) });
  });

  it.each<[string, object, object]>([
    [
      'what the hub allocated is left out',
      {
        clusterIP: '10.0.0.1',
        clusterIPs: ['10.0.0.1'],
        ipFamilies: ['IPv4'],
        ipFamilyPolicy: 'SingleStack',
        type: 'NodePort',
      },
      { type: 'NodePort' },
    ],
    ['a headless wish stays', { clusterIP: 'None', clusterIPs: ['None'] }, { clusterIP: 'None' }],
    ['a family wish stays', { ipFamilyPolicy: 'PreferDualStack' }, { ipFamilyPolicy: 'PreferDualStack' }],
  ])('of a Service: %s', (_title, spec, expected) => {
    const service = {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name: 's' },
      spec: { ...spec, ports: [{ port: 80, nodePort: 30001 }] },
    };
    expect(viewOf(upstreamOf(service), { resource: 'services' }).copy['spec']).toEqual({
      ...expected,
      ports: [{ port: 80 }],
    });
  });

  it('has one hash for one content, whatever version and time it was made from', () => {
    const a = viewOf(upstreamOf(deploymentOf('web')));
    const b = viewOf(upstreamOf(deploymentOf('web'), { resourceVersion: '43' }));
    expect(a.hash).toBe(b.hash);
    expect(viewOf(upstreamOf(deploymentOf('web', 'nginx:2'))).hash).not.toBe(a.hash);
  });

  it('drops nulls and an empty strategy, which members would fill in', () => {
    const obj = deploymentOf('web');
    Object.assign(obj['spec'] as object, { strategy: {}, paused: null });
    expect(Object.keys(viewOf(upstreamOf(obj)).copy['spec'] as object).sort()).toEqual([
      'replicas',
      'selector',
      'template',
    ]);
  });
});

describe('two tenants', () => {
  const dns = fc.stringMatching(/^[a-z]([a-z0-9-]{0,8}[a-z0-9])?$/);
  const value = fc.string({ maxLength: 12 });

  it('with equal namespaces and names never meet, and neither sees the other', () => {
    const config = (data: string): KubeObject => ({
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: 'x', uid: 'u', resourceVersion: '5' },
      data: { data },
    });
    const tenants = fc.tuple(dns, dns, dns, dns, value, value).filter(([a, b, , , x, y]) => a !== b && x !== y);
    fc.assert(
      fc.property(tenants, ([a, b, namespace, name, x, y]) => {
        const decision = decide([west]);
        const view = (workspace: string, data: string) => {
          const key = keyOf('configmaps', name, { workspace, namespace });
          const made = viewFor({ key, upstreamObj: config(data), decision, target: west, settings, now });
          if (!made.ok) throw new Error(made.problem);
          return { upstreamKey: key, ...made, downstream: downstreamKeyOf(key, west) };
        };
        const [ofA, ofB] = [view(a, x), view(b, y)];
        expect(ofA.downstream.namespace).not.toBe(ofB.downstream.namespace);
        expect(isOurCopy(ofA.copy, ofB.upstreamKey, west.key)).toBe(false);
        expect(claimedUpstream(ofA.downstream, ofA.copy)).toEqual(ofA.upstreamKey);
        expect(view(b, y)).toEqual(ofB);
        expect(ofB.copy['data']).toEqual({ data: y });
      }),
      { numRuns: 300 },
    );
  });
});
