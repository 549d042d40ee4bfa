import * as z from 'zod';
import { resourceType } from '../resources.ts';
import { conditions, labelSelector, observedGeneration, quantity, replicaScheduling, time } from './fields.ts';
import { AGE, conditionPath, type KindDefinition } from './kind.ts';

const clusterWorkloadPlacementSpec = z.object({
  namespaceSelector: labelSelector
    .optional()
    .describe('Which namespaces of the workspace it places, by their labels; all when empty or absent.'),
  locationSelector: z
    .object({
      requiredLocations: z.array(z.string().min(1)).optional().describe('A target must be in one of them.'),
      preferredLocations: z.array(z.string().min(1)).optional().describe('Better ones, the best first.'),
    })
    .optional()
    .describe('Where workloads may and should run.'),
  resourceRequirements: z
    .object({ minCpu: quantity.optional(), minMemory: quantity.optional() })
    .optional()
    .describe('What a target must have free.'),
  minReplicas: z.int32().min(1).default(1).describe('Fewest targets; with fewer eligible ones nothing is placed.'),
  maxReplicas: z.int32().min(1).optional().describe('Most targets; every eligible one when absent.'),
  replicaScheduling: replicaScheduling
    .default('Divided')
    .describe('Divided: replicas are split over the targets; Duplicated: every target gets all of them.'),
});

const clusterWorkloadPlacementStatus = z.object({
  conditions: conditions.optional().describe('Ready.'),
  observedGeneration,
  selectedTargets: z.array(z.string()).optional().describe('Names of the chosen targets.'),
  targetSelections: z
    .array(
      z.object({
        targetName: z.string(),
        workspace: z.string().optional(),
        selected: z.boolean(),
        reason: z.string().optional(),
        score: z.number().optional(),
        lastEvaluationTime: time.optional(),
      }),
    )
    .optional()
    .describe('Every candidate with the reason for or against it.'),
  lastPlacementTime: time.optional().describe('When the choice last changed.'),
});

export type ClusterWorkloadPlacementSpec = z.infer<typeof clusterWorkloadPlacementSpec>;

export const CLUSTER_WORKLOAD_PLACEMENT = {
  resource: resourceType({ group: 'workload.kcp.io', resource: 'clusterworkloadplacements' }),
  singular: 'clusterworkloadplacement',
  shortNames: ['cwp'],
  description:
    'Spreads the workloads of namespaces over several targets by location. Replicas here are targets, not pods.',
  spec: clusterWorkloadPlacementSpec,
  specRequired: true,
  status: clusterWorkloadPlacementStatus,
  rules: [
    {
      cel: '!has(self.maxReplicas) || self.minReplicas <= self.maxReplicas',
      message: 'minReplicas must not be greater than maxReplicas (both count targets)',
      field: 'minReplicas',
      holds: ({ minReplicas = 1, maxReplicas }) =>
        typeof minReplicas !== 'number' || typeof maxReplicas !== 'number' || minReplicas <= maxReplicas,
    },
  ],
  columns: [
    { name: 'Ready', type: 'string', jsonPath: conditionPath('Ready', 'status') },
    { name: 'Targets', type: 'string', jsonPath: '.status.selectedTargets' },
    { name: 'Min', type: 'integer', jsonPath: '.spec.minReplicas' },
    { name: 'Max', type: 'integer', jsonPath: '.spec.maxReplicas' },
    AGE,
    { name: 'Reason', type: 'string', jsonPath: conditionPath('Ready', 'reason'), priority: 1 },
    { name: 'Preferred', type: 'string', jsonPath: '.spec.locationSelector.preferredLocations', priority: 1 },
    { name: 'Scheduling', type: 'string', jsonPath: '.spec.replicaScheduling', priority: 1 },
  ],
} as const satisfies KindDefinition;
