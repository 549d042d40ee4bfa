import * as z from 'zod';
import { resourceType } from '../resources.ts';
import { conditions, labelSelector, observedGeneration, replicaScheduling, time } from './fields.ts';
import { AGE, conditionPath, type KindDefinition } from './kind.ts';

const workloadSelector = z.object({
  labelSelector: labelSelector.optional().describe('Labels of the workloads; matchLabels only.'),
  workloadTypes: z
    .array(z.object({ apiVersion: z.string().min(1), kind: z.string().min(1) }))
    .optional()
    .describe('Kinds of the workloads; all synced ones when absent.'),
  namespaceSelector: labelSelector.optional().describe('Their namespaces, by label; all when empty or absent.'),
});

const clusterSelector = z.object({
  labelSelector: labelSelector.optional().describe('Labels of the target.'),
  locationSelector: z.array(z.string().min(1)).optional().describe('Regions or sites, one of which must be its.'),
  clusterNames: z.array(z.string().min(1)).optional().describe('Names of targets, one of which must be its.'),
});

const workloadPlacementSpec = z.object({
  strategy: z
    .enum(['RoundRobin', 'Affinity', 'Spread', 'Capacity'])
    .default('RoundRobin')
    .describe('RoundRobin: targets in turn; Affinity: the best scored; Spread: over all; Capacity: the least loaded.'),
  placementPolicy: z
    .enum(['RoundRobin', 'LeastLoaded', 'Random', 'LocationAware'])
    .optional()
    .describe('The same choice in other words; goes before strategy. Random is drawn by hash, so that it stays.'),
  locationSelector: labelSelector.optional().describe('Labels of the target.'),
  capabilityRequirements: z
    .array(z.object({ type: z.string().min(1), required: z.boolean().default(true) }))
    .optional()
    .describe('Capabilities a target must have, or should have when not required.'),
  workloadSelector: workloadSelector.optional().describe('What is placed; everything in the workspace when absent.'),
  clusterSelector: clusterSelector.optional().describe('Where it may go.'),
  numberOfClusters: z
    .int32()
    .min(1)
    .optional()
    .describe('Most targets. When absent: every eligible one with strategy Spread, else 1.'),
  replicaScheduling: replicaScheduling
    .default('Duplicated')
    .describe('Divided: replicas are split over the targets; Duplicated: every target gets all of them.'),
});

const workloadPlacementStatus = z.object({
  conditions: conditions.optional().describe('Ready.'),
  observedGeneration,
  selectedClusters: z.array(z.string()).optional().describe('Names of the chosen targets.'),
  placementDecisions: z
    .array(
      z.object({
        clusterName: z.string(),
        reason: z.string().optional(),
        score: z.number().optional(),
        decisionTime: time.optional(),
      }),
    )
    .optional()
    .describe('Every chosen target with its reason.'),
});

export type WorkloadPlacementSpec = z.infer<typeof workloadPlacementSpec>;

export const WORKLOAD_PLACEMENT = {
  resource: resourceType({ group: 'tmc.kcp.io', resource: 'workloadplacements' }),
  singular: 'workloadplacement',
  shortNames: ['wp'],
  description: 'Places workloads of the workspace by strategy, labels and capabilities of targets.',
  spec: workloadPlacementSpec,
  specRequired: true,
  status: workloadPlacementStatus,
  rules: [
    {
      cel: '!has(self.workloadSelector) || !has(self.workloadSelector.labelSelector) || !has(self.workloadSelector.labelSelector.matchExpressions)',
      message: 'workloadSelector.labelSelector takes matchLabels only: remove matchExpressions',
      field: 'workloadSelector.labelSelector.matchExpressions',
      holds: (spec) => {
        const selector = spec['workloadSelector'] as { labelSelector?: { matchExpressions?: unknown } } | undefined;
        return selector?.labelSelector?.matchExpressions === undefined;
      },
    },
  ],
  columns: [
    { name: 'Strategy', type: 'string', jsonPath: '.spec.strategy' },
    { name: 'Ready', type: 'string', jsonPath: conditionPath('Ready', 'status') },
    { name: 'Clusters', type: 'string', jsonPath: '.status.selectedClusters' },
    AGE,
    { name: 'Reason', type: 'string', jsonPath: conditionPath('Ready', 'reason'), priority: 1 },
  ],
} as const satisfies KindDefinition;
