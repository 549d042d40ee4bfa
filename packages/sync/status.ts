import { canonicalJson, isPlainObject } from '@tmc/kernel/canonical.ts';
import type { Condition, Json, JsonObject, KubeObject } from '@tmc/kernel/object.ts';

/** What one target contributes to the status of an upstream object. */
export type Contribution = {
  readonly targetKey: string;
  readonly targetName: string;
  /** The copy, undefined when the target has none (yet). */
  readonly downstreamObj: KubeObject | undefined;
  /** The copy was made from what upstream wishes now. */
  readonly isCurrent: boolean;
  /** The target answers; else nothing is known about its copy. */
  readonly isReachable: boolean;
};

const COUNTERS = [
  'replicas',
  'updatedReplicas',
  'readyReplicas',
  'availableReplicas',
  'unavailableReplicas',
  'terminatingReplicas',
] as const;

/** Conditions that the control plane of a Deployment writes; all others on the upstream object are somebody else's and stay. */
const DEPLOYMENT_CONDITIONS = ['Available', 'Progressing', 'ReplicaFailure'] as const;
/** Conditions that are good news: an unreachable target makes them Unknown, never True. */
const GOOD_NEWS = new Set<string>(['Available', 'Progressing']);

/**
 * The status of an upstream object from its copies, or undefined when the kind's status is not carried up. Deployments: counters are
 * summed, conditions merge True > False > Unknown (contract of upstream), the observed generation is upstream's once every copy
 * is current and observed. Services: all addresses of all load balancers.
 */
export function aggregateStatus(
  upstreamObj: KubeObject,
  contributions: readonly Contribution[],
): JsonObject | undefined {
  if (upstreamObj.kind === 'Deployment') return deploymentStatus(upstreamObj, contributions);
  if (upstreamObj.kind === 'Service') return serviceStatus(upstreamObj, contributions);
  return undefined;
}

/** The merge patch from the present status to the aggregate, undefined when nothing changes. */
export function planStatusPatch(upstreamObj: KubeObject, status: JsonObject): JsonObject | undefined {
  const before = statusOf(upstreamObj);
  const changes = Object.entries(status).filter(([field, value]) => !sameValue(before[field], value));
  return changes.length > 0 ? { status: Object.fromEntries(changes) } : undefined;
}

/** True while a Deployment's copy is on its way to what its spec asks: what it says now is soon outdated. */
export function isInFlux(downstreamObj: KubeObject): boolean {
  if (downstreamObj.kind !== 'Deployment') return false;
  const status = statusOf(downstreamObj);
  const spec = downstreamObj['spec'];
  const wanted = isPlainObject(spec) && typeof spec['replicas'] === 'number' ? spec['replicas'] : 1;
  return (
    !isObserved(downstreamObj) ||
    numberIn(status, 'updatedReplicas') < wanted ||
    numberIn(status, 'availableReplicas') < wanted ||
    numberIn(status, 'replicas') > wanted
  );
}

/** True while a Deployment's copy on a target that answers is still to be made, to be brought up to date or to be rolled out. */
export function isOnItsWay({ downstreamObj, isCurrent, isReachable }: Contribution): boolean {
  if (!isReachable) return false;
  return !isCurrent || !downstreamObj || isInFlux(downstreamObj);
}

/** null removes, and equals absent. */
function sameValue(before: Json | undefined, after: Json | undefined): boolean {
  return canonicalJson(before ?? null) === canonicalJson(after ?? null);
}

function deploymentStatus(upstreamObj: KubeObject, contributions: readonly Contribution[]): JsonObject {
  const statuses = contributions.map(({ downstreamObj }) => (downstreamObj ? statusOf(downstreamObj) : {}));
  const sums = COUNTERS.map((field) => {
    const sum = statuses.reduce((total, status) => total + numberIn(status, field), 0);
    // Zero counters are absent, as Deployment controllers write them.
    return [field, sum === 0 ? null : sum] as const;
  });
  const observed = contributions.every(
    ({ isCurrent, isReachable, downstreamObj }) =>
      isCurrent && isReachable && downstreamObj && isObserved(downstreamObj),
  );
  const { generation } = upstreamObj.metadata;
  const conditions = mergedConditions(upstreamObj, contributions);
  return {
    ...Object.fromEntries(sums),
    conditions: conditions.length > 0 ? (conditions as unknown as Json) : null,
    ...(observed && contributions.length > 0 && generation !== undefined ? { observedGeneration: generation } : {}),
  };
}

function mergedConditions(upstreamObj: KubeObject, contributions: readonly Contribution[]): Condition[] {
  const before = conditionsOf(upstreamObj);
  const own = DEPLOYMENT_CONDITIONS as readonly string[];
  const merged = DEPLOYMENT_CONDITIONS.flatMap((type) => {
    const condition = mergeCondition(type, contributions);
    return condition ? [keepTimes(condition, before)] : [];
  });
  return [...merged, ...before.filter((condition) => !own.includes(condition.type))];
}

const RANK: Readonly<Record<Condition['status'], number>> = { True: 2, False: 1, Unknown: 0 };

function mergeCondition(type: string, contributions: readonly Contribution[]): Condition | undefined {
  const found = contributions
    .filter(({ isReachable }) => isReachable)
    .flatMap(({ downstreamObj, targetName }) => {
      const condition = downstreamObj && conditionsOf(downstreamObj).find((c) => c.type === type);
      return condition ? [{ condition, targetName }] : [];
    })
    .sort((a, b) => RANK[b.condition.status] - RANK[a.condition.status] || (a.targetName < b.targetName ? -1 : 1));
  const silent = contributions.filter(({ isReachable }) => !isReachable).map(({ targetName }) => targetName);
  const first = found[0]?.condition;
  if (silent.length > 0 && GOOD_NEWS.has(type)) {
    const message = `nothing is known from ${silent.sort().join(', ')}`;
    return { type, status: 'Unknown', reason: 'TargetUnreachable', message, lastTransitionTime: timeOf(first) };
  }
  return first && { ...first };
}

/** Times move only with the content: members write theirs at every progress, which is no news for the user. */
function keepTimes(condition: Condition, before: readonly Condition[]): Condition {
  const known = before.find((c) => c.type === condition.type);
  if (known?.status !== condition.status) return condition;
  const same = known.reason === condition.reason && known.message === condition.message;
  return same ? known : { ...condition, lastTransitionTime: known.lastTransitionTime };
}

const timeOf = (condition: Condition | undefined): string => condition?.lastTransitionTime ?? '1970-01-01T00:00:00Z';

function serviceStatus(upstreamObj: KubeObject, contributions: readonly Contribution[]): JsonObject {
  const addresses = new Map<string, Json>();
  for (const { downstreamObj } of contributions) {
    const balancer = downstreamObj ? statusOf(downstreamObj)['loadBalancer'] : undefined;
    const ingress = isPlainObject(balancer) && Array.isArray(balancer['ingress']) ? balancer['ingress'] : [];
    for (const address of ingress) addresses.set(canonicalJson(address), address);
  }
  const union = [...addresses].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, address]) => address);
  const current = statusOf(upstreamObj)['loadBalancer'];
  // `{}` and absent are the same: no write for a Service that has no load balancer.
  const had = isPlainObject(current) && Array.isArray(current['ingress']) && current['ingress'].length > 0;
  if (union.length === 0 && !had) return {};
  return { loadBalancer: union.length > 0 ? { ingress: union } : { ingress: null } };
}

function statusOf(obj: KubeObject): JsonObject {
  return isPlainObject(obj['status']) ? obj['status'] : {};
}

function conditionsOf(obj: KubeObject): Condition[] {
  const { conditions } = statusOf(obj);
  return Array.isArray(conditions) ? (conditions as unknown as Condition[]) : [];
}

function isObserved(downstreamObj: KubeObject): boolean {
  return numberIn(statusOf(downstreamObj), 'observedGeneration') >= (downstreamObj.metadata.generation ?? 0);
}

function numberIn(status: JsonObject, field: string): number {
  const value = status[field];
  return typeof value === 'number' ? value : 0;
}
