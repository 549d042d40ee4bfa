import type { KubeObject } from '@tmc/kernel/object.ts';
import { CLUSTER_WORKLOAD_PLACEMENT, type ClusterWorkloadPlacementSpec } from '../kinds/cluster-workload-placement.ts';
import type { Converted, Policy, ResourceNeeds } from '../policy.ts';
import { parseKind, selectorOf } from './parse.ts';
import { ALL_TARGETS, policyBase } from './policy-base.ts';

/**
 * A ClusterWorkloadPlacement as a policy: the best scored targets, replicas divided unless it says otherwise. Without maxReplicas
 * every eligible target is taken, since required locations are how its author limits them.
 */
export function convertClusterWorkloadPlacement(obj: KubeObject, workspace: string): Converted<Policy> {
  const parsed = parseKind(CLUSTER_WORKLOAD_PLACEMENT, obj);
  if (!parsed.ok) return parsed;
  const { spec } = parsed.value;
  return {
    ok: true,
    value: {
      ...policyBase(obj, workspace, CLUSTER_WORKLOAD_PLACEMENT.resource),
      namespaces: { selector: selectorOf(spec.namespaceSelector) ?? {} },
      selects: {},
      locationWorkspace: workspace,
      hard: hardRules(spec),
      soft: { preferredLocations: spec.locationSelector?.preferredLocations ?? [], preferredCapabilities: [] },
      min: spec.minReplicas,
      max: spec.maxReplicas ?? ALL_TARGETS,
      spread: 'Spread',
      division: spec.replicaScheduling,
    },
  };
}

/** An empty list of required locations requires none. */
function hardRules({ locationSelector, resourceRequirements }: ClusterWorkloadPlacementSpec): Policy['hard'] {
  const locations = locationSelector?.requiredLocations ?? [];
  const resources = needs(resourceRequirements);
  return {
    ...(locations.length > 0 ? { locations } : {}),
    ...(Object.keys(resources).length > 0 ? { resources } : {}),
  };
}

function needs(requirements: ClusterWorkloadPlacementSpec['resourceRequirements']): ResourceNeeds {
  const { minCpu, minMemory } = requirements ?? {};
  return {
    ...(minCpu === undefined ? {} : { cpu: String(minCpu) }),
    ...(minMemory === undefined ? {} : { memory: String(minMemory) }),
  };
}
