import * as z from 'zod';
import { resourceType } from '../resources.ts';
import { conditions, labelSelector, observedGeneration, syncTargetResource } from './fields.ts';
import { AGE, conditionPath, type KindDefinition } from './kind.ts';

const placementSpec = z.object({
  locationSelectors: z
    .array(labelSelector)
    .optional()
    .describe('Selectors on labels of Locations, one of which must hold; an empty list selects nothing.'),
  locationResource: syncTargetResource.prefault({}).describe('What the locations are made of.'),
  namespaceSelector: labelSelector
    .optional()
    .describe('Which namespaces of the workspace it places; all when empty, none when absent.'),
  locationWorkspace: z.string().optional().describe('Workspace of the Locations; its own workspace when absent.'),
});

const placementStatus = z.object({
  phase: z.enum(['Pending', 'Unbound', 'Bound']).default('Pending').describe('Bound once a namespace uses it.'),
  conditions: conditions.optional().describe('Ready and Scheduled.'),
  observedGeneration,
  selectedLocation: z
    .object({ path: z.string(), locationName: z.string().min(1) })
    .optional()
    .describe('The location that was chosen.'),
});

export const PLACEMENT = {
  resource: resourceType({ group: 'scheduling.kcp.io', resource: 'placements' }),
  singular: 'placement',
  shortNames: [],
  description: 'Chooses one Location and in it one SyncTarget for namespaces; several Placements give several targets.',
  spec: placementSpec,
  specRequired: true,
  status: placementStatus,
  rules: [],
  columns: [
    { name: 'Phase', type: 'string', jsonPath: '.status.phase' },
    { name: 'Location', type: 'string', jsonPath: '.status.selectedLocation.locationName' },
    { name: 'Ready', type: 'string', jsonPath: conditionPath('Ready', 'status') },
    AGE,
    { name: 'Reason', type: 'string', jsonPath: conditionPath('Ready', 'reason'), priority: 1 },
    { name: 'Scheduled', type: 'string', jsonPath: conditionPath('Scheduled', 'status'), priority: 1 },
  ],
} as const satisfies KindDefinition;
