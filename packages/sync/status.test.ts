import type { Condition, JsonObject, KubeObject } from '@tmc/kernel/object.ts';
import { describe, expect, it } from 'vitest';
import { aggregateStatus, type Contribution, isInFlux, planStatusPatch } from './status.ts';

const T0 = '2026-01-01T00:00:00Z';
const T1 = '2026-01-01T00:01:00Z';

const condition = (type: string, status: Condition['status'], lastTransitionTime = T0): Condition => ({
  type,
  status,
  reason: `${type}${status}`,
  message: '',
  lastTransitionTime,
});

const upstream = (status: object = {}): KubeObject => ({
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name: 'web', generation: 7 },
  status,
});

function copy(targetName: string, status: object, more: Partial<Contribution> = {}): Contribution {
  const metadata = { name: 'web', generation: 2 };
  const downstreamObj = { apiVersion: 'apps/v1', kind: 'Deployment', metadata, spec: { replicas: 2 }, status };
  return { targetKey: targetName, targetName, downstreamObj, isCurrent: true, isReachable: true, ...more };
}

const healthy = { observedGeneration: 2, replicas: 2, updatedReplicas: 2, readyReplicas: 2, availableReplicas: 2 };
const conditionsIn = (status: JsonObject | undefined) => status?.['conditions'] as unknown as Condition[];

describe('status of a Deployment', () => {
  it('sums counters and maps the observed generation', () => {
    const status = aggregateStatus(upstream(), [copy('a', healthy), copy('b', { ...healthy, readyReplicas: 1 })]);
    expect(status).toMatchObject({ replicas: 4, readyReplicas: 3, availableReplicas: 4, observedGeneration: 7 });
    expect(status?.['unavailableReplicas']).toBeNull();
  });

  it.each<[string, Partial<Contribution>, object]>([
    ['a copy is outdated', { isCurrent: false }, healthy],
    ['a controller has not seen its copy', {}, { ...healthy, observedGeneration: 1 }],
    ['a copy is missing', { downstreamObj: undefined }, healthy],
  ])('leaves the observed generation alone while %s', (_title, more, status) => {
    expect(aggregateStatus(upstream(), [copy('a', healthy), copy('b', status, more)])).not.toHaveProperty(
      'observedGeneration',
    );
  });

  it.each<[Condition['status'][], Condition['status']]>([
    [['False', 'True'], 'True'],
    [['Unknown', 'False'], 'False'],
    [['Unknown', 'Unknown'], 'Unknown'],
  ])('merges %j into %s', (statuses, expected) => {
    const copies = statuses.map((s, i) => copy(`t${i}`, { ...healthy, conditions: [condition('Available', s)] }));
    expect(conditionsIn(aggregateStatus(upstream(), copies))).toMatchObject([{ type: 'Available', status: expected }]);
  });

  it('is never healthy while a target is unreachable', () => {
    const conditions = [condition('Available', 'True'), condition('ReplicaFailure', 'True')];
    const silent = { downstreamObj: undefined, isReachable: false, isCurrent: false };
    const status = aggregateStatus(upstream(), [copy('a', { ...healthy, conditions }), copy('b', {}, silent)]);
    const available = { type: 'Available', status: 'Unknown', reason: 'TargetUnreachable' };
    expect(conditionsIn(status)).toContainEqual(expect.objectContaining(available));
    expect(conditionsIn(status)).toContainEqual(expect.objectContaining({ type: 'ReplicaFailure', status: 'True' }));
  });

  it('keeps conditions of others, and times while nothing but they changed', () => {
    const mine = { ...condition('workload.kcp.io/Synced', 'False'), reason: 'SyncFailed' };
    const before = upstream({ conditions: [condition('Available', 'True', T0), mine] });
    const copies = [copy('a', { ...healthy, conditions: [condition('Available', 'True', T1)] })];
    const status = aggregateStatus(before, copies);
    expect(conditionsIn(status)).toEqual([condition('Available', 'True', T0), mine]);
    expect(planStatusPatch(before, { conditions: status!['conditions'] })).toBeUndefined();
  });

  it('writes nothing when a copy has said nothing yet', () => {
    const before = upstream();
    expect(planStatusPatch(before, aggregateStatus(before, [copy('a', {})])!)).toBeUndefined();
  });

  it('takes a counter that fell to zero away', () => {
    const before = upstream({ ...healthy, observedGeneration: 7 });
    const patch = planStatusPatch(before, aggregateStatus(before, [copy('a', { observedGeneration: 2 })])!);
    expect(patch).toMatchObject({ status: { replicas: null, readyReplicas: null } });
  });
});

describe('isInFlux', () => {
  it.each<[string, object, boolean]>([
    ['all replicas are new and available', healthy, false],
    ['the controller has not looked', { ...healthy, observedGeneration: 1 }, true],
    ['some are old', { ...healthy, updatedReplicas: 1 }, true],
    ['some are not available', { ...healthy, availableReplicas: 1 }, true],
    ['old ones are still there', { ...healthy, replicas: 3 }, true],
  ])('when %s', (_title, status, expected) => expect(isInFlux(copy('a', status).downstreamObj!)).toBe(expected));
});

describe('status of a Service', () => {
  const service = (ingress?: JsonObject[]): KubeObject => ({
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: 's' },
    status: { loadBalancer: ingress ? { ingress } : {} },
  });
  const of = (targetName: string, ingress?: JsonObject[]): Contribution => ({
    targetKey: targetName,
    targetName,
    downstreamObj: service(ingress),
    isCurrent: true,
    isReachable: true,
  });

  it('holds all addresses once, in one order', () => {
    const status = aggregateStatus(service(), [
      of('a', [{ ip: '2.2.2.2' }]),
      of('b', [{ ip: '1.1.1.1' }, { ip: '2.2.2.2' }]),
    ]);
    expect(status).toEqual({ loadBalancer: { ingress: [{ ip: '1.1.1.1' }, { ip: '2.2.2.2' }] } });
    expect(planStatusPatch(service([{ ip: '1.1.1.1' }, { ip: '2.2.2.2' }]), status!)).toBeUndefined();
  });

  it('is left alone without load balancers, and cleared when the last went', () => {
    expect(planStatusPatch(service(), aggregateStatus(service(), [of('a')])!)).toBeUndefined();
    const had = service([{ ip: '1.1.1.1' }]);
    expect(planStatusPatch(had, aggregateStatus(had, [of('a')])!)).toEqual({
      status: { loadBalancer: { ingress: null } },
    });
  });
});
