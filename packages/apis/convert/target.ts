import { formatGroupResource } from '@tmc/kernel/key.ts';
import type { KubeObject } from '@tmc/kernel/object.ts';
import type { TargetFacts } from '@tmc/kernel/records.ts';
import { targetKey } from '../hash.ts';
import { CLUSTER_REGISTRATION } from '../kinds/cluster-registration.ts';
import { SYNC_TARGET, type SyncTargetSpec, type SyncTargetStatus } from '../kinds/sync-target.ts';
import type { Converted } from '../policy.ts';
import { compareQuantities } from '../quantity.ts';
import { conditionStatus, parseKind } from './parse.ts';

type Quantities = Record<string, string | number>;

/** Labels that tell a target's location when its spec does not, the first that is there counts. */
const REGION_LABELS = ['region', 'topology.kubernetes.io/region'] as const;

/** Facts of a SyncTarget. Ready means condition Ready is True: a target nobody has heard of yet is not. */
export function convertSyncTarget(obj: KubeObject, workspace: string): Converted<TargetFacts> {
  const parsed = parseKind(SYNC_TARGET, obj);
  if (!parsed.ok) return parsed;
  const { spec, status } = parsed.value;
  return {
    ok: true,
    value: {
      ...targetBase(obj, workspace, spec.location),
      ...(spec.workloadCluster?.name ? { memberCluster: spec.workloadCluster.name } : {}),
      ready: conditionStatus(status.conditions, 'Ready') === 'True',
      unschedulable: spec.unschedulable,
      ...(obj.metadata.deletionTimestamp ? { terminating: true } : {}),
      ...(spec.evictAfter === undefined ? {} : { evictAfterMs: Date.parse(spec.evictAfter) }),
      namespaceMapping: spec.namespaceMapping,
      syncMode: spec.syncerConfig.syncMode,
      allocatable: capped(status.allocatable ?? {}, quotas(spec)),
      capabilities: available(spec.capabilities),
      syncedResources: syncedResources(spec, status),
    },
  };
}

/**
 * Facts of a ClusterRegistration. Its key is that of a SyncTarget of the same name, which stands for the same member cluster:
 * register a cluster by one of the two.
 */
export function convertClusterRegistration(obj: KubeObject, workspace: string): Converted<TargetFacts> {
  const parsed = parseKind(CLUSTER_REGISTRATION, obj);
  if (!parsed.ok) return parsed;
  const { spec, status } = parsed.value;
  return {
    ok: true,
    value: {
      ...targetBase(obj, workspace, spec.location),
      ready: conditionStatus(status.conditions, 'Ready') === 'True',
      unschedulable: false,
      namespaceMapping: 'Hashed',
      syncMode: 'push',
      allocatable: capped({}, spec.capacity ?? {}),
      capabilities: available(spec.capabilities),
      syncedResources: [],
    },
  };
}

type Base = 'key' | 'workspace' | 'name' | 'uid' | 'rv' | 'labels' | 'location';

function targetBase(obj: KubeObject, workspace: string, stated: string | undefined): Pick<TargetFacts, Base> {
  const { name, uid = '', resourceVersion = '', labels = {} } = obj.metadata;
  const location = stated || REGION_LABELS.map((label) => labels[label]).find(Boolean) || '';
  return {
    key: targetKey(workspace, name),
    workspace,
    name,
    uid,
    rv: resourceVersion,
    // So that selecting by region does not depend on whether the location stands in the spec or in a label.
    labels: location ? { region: location, ...labels } : labels,
    location,
  };
}

function available(capabilities: SyncTargetSpec['capabilities']): string[] {
  return (capabilities ?? []).filter((capability) => capability.available).map((capability) => capability.type);
}

/** The quotas of a target by resource name; `custom` ones stand beside the four named ones. */
function quotas({ resourceQuotas = {} }: SyncTargetSpec): Quantities {
  const { custom = {}, ...named } = resourceQuotas;
  const all = Object.entries({ ...custom, ...named });
  return Object.fromEntries(all.filter((entry): entry is [string, string | number] => entry[1] !== undefined));
}

/** What is allocatable, but no more than the quota; a quota alone stands for what the cluster does not report. */
function capped(allocatable: Quantities, limits: Quantities): Record<string, string> {
  const result: Record<string, string> = {};
  for (const name of new Set([...Object.keys(allocatable), ...Object.keys(limits)])) {
    const [have, limit] = [allocatable[name], limits[name]];
    const smaller = have !== undefined && (limit === undefined || compareQuantities(have, limit) <= 0) ? have : limit;
    if (smaller !== undefined) result[name] = String(smaller);
  }
  return result;
}

/** What the status says it syncs, less what is incompatible; before there is a status, what the spec supports. */
function syncedResources(spec: SyncTargetSpec, status: SyncTargetStatus): string[] {
  if (!status.syncedResources?.length) return [...(spec.supportedResourceTypes ?? [])];
  return status.syncedResources.filter(({ state }) => state !== 'Incompatible').map(formatGroupResource);
}
