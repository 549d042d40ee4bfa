import * as z from 'zod';
import { resourceType } from '../resources.ts';
import { conditions, labelSelector, observedGeneration, syncTargetResource } from './fields.ts';
import { AGE, conditionPath, type KindDefinition } from './kind.ts';

const locationSpec = z.object({
  resource: syncTargetResource.prefault({}).describe('What the location is made of.'),
  displayName: z.string().optional().describe('Name for people.'),
  description: z.string().optional().describe('Text for people.'),
  locationType: z
    .enum(['Region', 'AvailabilityZone', 'DataCenter', 'Edge', 'Cloud', 'OnPremise'])
    .optional()
    .describe('Kind of place, for people.'),
  availableSelectorLabels: z
    .array(z.object({ key: z.string().min(1), values: z.array(z.string()).min(1), description: z.string().optional() }))
    .optional()
    .describe('Labels that placements may select on, for people.'),
  instanceSelector: labelSelector
    .optional()
    .describe('Which SyncTargets of the workspace belong to it: by their labels; all when empty, none when absent.'),
});

const locationStatus = z.object({
  conditions: conditions.optional(),
  observedGeneration,
  instances: z.int().min(0).optional().describe('SyncTargets that belong to it.'),
  availableInstances: z.int().min(0).optional().describe('Those that are ready and schedulable.'),
});

export const LOCATION = {
  resource: resourceType({ group: 'scheduling.kcp.io', resource: 'locations' }),
  singular: 'location',
  shortNames: [],
  description: 'A named set of SyncTargets. Placements select locations by the labels of the Location.',
  spec: locationSpec,
  specRequired: true,
  status: locationStatus,
  rules: [],
  columns: [
    { name: 'Available', type: 'integer', jsonPath: '.status.availableInstances' },
    { name: 'Instances', type: 'integer', jsonPath: '.status.instances' },
    { name: 'Ready', type: 'string', jsonPath: conditionPath('Ready', 'status') },
    AGE,
    { name: 'Type', type: 'string', jsonPath: '.spec.locationType', priority: 1 },
    { name: 'Description', type: 'string', jsonPath: '.spec.description', priority: 1 },
  ],
} as const satisfies KindDefinition;
