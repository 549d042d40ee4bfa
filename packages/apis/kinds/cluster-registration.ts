import * as z from 'zod';
import { resourceType } from '../resources.ts';
import { capabilities, conditions, dnsLabel, observedGeneration, quantities, time } from './fields.ts';
import { AGE, conditionPath, type KindDefinition } from './kind.ts';

const clusterRegistrationSpec = z.object({
  location: dnsLabel.describe('Region or site, a DNS label.'),
  capabilities: capabilities.optional().describe('What the cluster can do.'),
  capacity: quantities.optional().describe('What placements may use of it.'),
  clusterEndpoint: z
    .object({
      serverURL: z.string().regex(/^https?:\/\/.+/),
      caBundle: z.string().optional().describe('PEM certificates, base64.'),
      tlsConfig: z.object({ insecureSkipVerify: z.boolean().default(false) }).optional(),
    })
    .optional()
    .describe('API server of the member cluster. Recorded for tools; nothing here acts on it.'),
  apiBindings: z
    .array(z.object({ name: z.string().min(1), workspace: z.string().min(1) }))
    .optional()
    .describe('APIBindings through which the cluster is used. Recorded for tools; nothing here acts on it.'),
});

const clusterRegistrationStatus = z.object({
  conditions: conditions
    .optional()
    .describe('HeartbeatHealthy; Ready, which sums up; ConfigurationValid once the spec had a mistake.'),
  observedGeneration: observedGeneration.describe(
    'Generation of the spec this status speaks of. Not filled in this version.',
  ),
  lastHeartbeat: time.optional().describe('When the relay of the cluster was last heard of.'),
  connectedAPIs: z
    .array(z.object({ apiBinding: z.string(), connected: z.boolean(), error: z.string().optional() }))
    .optional()
    .describe('State of the APIBindings. Not filled in this version.'),
  allocatedResources: quantities.optional().describe('What placements have reserved. Not filled in this version.'),
});

export const CLUSTER_REGISTRATION = {
  resource: resourceType({ group: 'tmc.kcp.io', resource: 'clusterregistrations' }),
  singular: 'clusterregistration',
  shortNames: ['cr'],
  description: 'A member cluster registered by location and capabilities; counts as a target like a SyncTarget does.',
  spec: clusterRegistrationSpec,
  specRequired: true,
  status: clusterRegistrationStatus,
  rules: [],
  columns: [
    { name: 'Location', type: 'string', jsonPath: '.spec.location' },
    { name: 'Ready', type: 'string', jsonPath: conditionPath('Ready', 'status') },
    AGE,
    { name: 'Reason', type: 'string', jsonPath: conditionPath('Ready', 'reason'), priority: 1 },
    { name: 'Last heartbeat', type: 'date', jsonPath: '.status.lastHeartbeat', priority: 1 },
  ],
} as const satisfies KindDefinition;
