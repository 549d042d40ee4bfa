import { formatGroupResource, groupOf } from '@tmc/kernel/key.ts';
import type { KubeObject } from '@tmc/kernel/object.ts';
import { WORKLOAD_PLACEMENT, type WorkloadPlacementSpec } from '../kinds/workload-placement.ts';
import type { Converted, FieldProblem, Policy } from '../policy.ts';
import { SYNCED_RESOURCES } from '../resources.ts';
import { bothSelectors } from '../selectors.ts';
import { parseKind, selectorOf } from './parse.ts';
import { ALL_TARGETS, policyBase } from './policy-base.ts';

/** Strategy words of both flavours → how targets are chosen. Affinity and LocationAware are the score itself. */
const SPREADS = {
  RoundRobin: 'RoundRobin',
  Random: 'RoundRobin',
  Affinity: 'Spread',
  Spread: 'Spread',
  LocationAware: 'Spread',
  Capacity: 'LeastLoaded',
  LeastLoaded: 'LeastLoaded',
} as const satisfies Record<string, Policy['spread']>;

type WorkloadTypes = NonNullable<NonNullable<WorkloadPlacementSpec['workloadSelector']>['workloadTypes']>;

/**
 * A WorkloadPlacement as a policy. It is satisfied with one target and takes up to `numberOfClusters`; without that number
 * strategy Spread takes every eligible target, the others one.
 */
export function convertWorkloadPlacement(obj: KubeObject, workspace: string): Converted<Policy> {
  const parsed = parseKind(WORKLOAD_PLACEMENT, obj);
  const problems = [...(parsed.ok ? [] : parsed.problems), ...(parsed.ok ? unknownTypes(parsed.value.spec) : [])];
  if (!parsed.ok || problems.length > 0) return { ok: false, problems };
  const { spec } = parsed.value;
  const choice = spec.placementPolicy ?? spec.strategy;
  return {
    ok: true,
    value: {
      ...policyBase(obj, workspace, WORKLOAD_PLACEMENT.resource),
      namespaces: { selector: selectorOf(spec.workloadSelector?.namespaceSelector) ?? {} },
      selects: selects(spec),
      locationWorkspace: workspace,
      hard: hardRules(spec),
      soft: { preferredLocations: [], preferredCapabilities: capabilities(spec, false) },
      min: 1,
      max: spec.numberOfClusters ?? (choice === 'Spread' ? ALL_TARGETS : 1),
      spread: SPREADS[choice],
      division: spec.replicaScheduling,
    },
  };
}

function selects({ workloadSelector }: WorkloadPlacementSpec): Policy['selects'] {
  const types = workloadSelector?.workloadTypes ?? [];
  const matchLabels = workloadSelector?.labelSelector?.matchLabels;
  return {
    ...(types.length > 0 ? { resources: types.flatMap((type) => resourceOf(type) ?? []) } : {}),
    ...(matchLabels ? { matchLabels } : {}),
  };
}

function hardRules(spec: WorkloadPlacementSpec): Policy['hard'] {
  const { labelSelector, locationSelector = [], clusterNames = [] } = spec.clusterSelector ?? {};
  const targetSelector = bothSelectors(selectorOf(spec.locationSelector), selectorOf(labelSelector));
  const required = capabilities(spec, true);
  return {
    ...(targetSelector ? { targetSelector } : {}),
    ...(locationSelector.length > 0 ? { locations: locationSelector } : {}),
    ...(clusterNames.length > 0 ? { targetNames: clusterNames } : {}),
    ...(required.length > 0 ? { capabilities: required } : {}),
  };
}

function capabilities({ capabilityRequirements = [] }: WorkloadPlacementSpec, required: boolean): string[] {
  return capabilityRequirements.filter((need) => need.required === required).map((need) => need.type);
}

/** A kind that is not synced would silently place nothing. */
function unknownTypes({ workloadSelector }: WorkloadPlacementSpec): FieldProblem[] {
  return (workloadSelector?.workloadTypes ?? []).flatMap((type, index) =>
    resourceOf(type)
      ? []
      : [
          {
            field: `spec.workloadSelector.workloadTypes[${index}]`,
            expected: `one of ${SYNCED_RESOURCES.map((r) => r.kind).join(', ')} with its apiVersion`,
            received: `${type.apiVersion} ${type.kind}`,
          },
        ],
  );
}

/** `deployments.apps` for `apps/v1` `Deployment`. */
function resourceOf({ apiVersion, kind }: WorkloadTypes[number]): string | undefined {
  const known = SYNCED_RESOURCES.find((r) => r.kind === kind && r.group === groupOf(apiVersion));
  return known && formatGroupResource(known);
}
