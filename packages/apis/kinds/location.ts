import * as z from 'zod';
import { resourceType } from '../resources.ts';
import { conditions, labelSelector, observedGeneration, syncTargetResource } from './fields.ts';
import { AGE, type KindDefinition } from './kind.ts';

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
  conditions: conditions.optional().describe('State of the location. Not filled in this version.'),
  observedGeneration: observedGeneration.describe(
    'Generation of the spec this status speaks of. Not filled in this version.',
  ),
  instances: z.int().min(0).optional().describe('SyncTargets that belong to it. Not filled in this version.'),
  availableInstances: z
    .int()
    .min(0)
    .optional()
    .describe('Those that are ready and schedulable. Not filled in this version.'),
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
    AGE,
    { name: 'Type', type: 'string', jsonPath: '.spec.locationType', priority: 1 },
    { name: 'Description', type: 'string', jsonPath: '.spec.description', priority: 1 },
  ],
} as const satisfies KindDefinition;
