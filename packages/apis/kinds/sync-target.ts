import * as z from 'zod';
import { resourceType } from '../resources.ts';
import {
  capabilities,
  conditions,
  duration,
  labelSelector,
  observedGeneration,
  quantities,
  quantity,
  resourceName,
  time,
} from './fields.ts';
import { AGE, conditionPath, type KindDefinition } from './kind.ts';

const reference = (what: string) =>
  z.object({ name: z.string().min(1).describe(`Name of the ${what}.`), namespace: z.string().optional() }).optional();

const workloadCluster = z.object({
  name: z.string().min(1).optional().describe('Name of the member cluster; the name of the SyncTarget when absent.'),
  endpoint: z
    .string()
    .regex(/^https?:\/\/.+/)
    .optional()
    .describe('URL of its API server. Recorded for tools; nothing here acts on it.'),
  credentials: z
    .object({ secretRef: reference('Secret'), serviceAccountRef: reference('ServiceAccount') })
    .optional()
    .describe(
      'References to credentials, never the credentials themselves. Recorded for tools; nothing here acts on it.',
    ),
});

const syncerConfig = z.object({
  syncMode: z
    .enum(['push', 'pull', 'bidirectional'])
    .default('push')
    .describe(
      'push: written from outside. Nothing is placed on pull (fetched by the relay in the cluster) and bidirectional in this version.',
    ),
  syncInterval: duration
    .default('30s')
    .describe('Wanted time between two looks at an unchanged object. Recorded for tools; nothing here acts on it.'),
  retryBackoff: z
    .object({
      initialInterval: duration.default('1s'),
      maxInterval: duration.default('5m'),
      multiplier: z.number().min(1).default(2),
    })
    .prefault({})
    .describe('Wanted waiting times between attempts. Recorded for tools; nothing here acts on it.'),
});

const resourceQuotas = z.object({
  cpu: quantity.optional(),
  memory: quantity.optional(),
  storage: quantity.optional(),
  pods: quantity.optional(),
  custom: quantities.optional().describe('Further resources by name.'),
});

const supportedExport = z.object({
  export: z.string().min(1).describe('Name of the APIExport.'),
  path: z.string().optional().describe('Workspace of the export; its own workspace when absent.'),
});

const syncTargetSpec = z.object({
  workloadCluster: workloadCluster.optional().describe('The member cluster behind this target.'),
  location: z
    .string()
    .max(63)
    .optional()
    .describe('Region or site. When absent the label `region`, then `topology.kubernetes.io/region`, tells it.'),
  unschedulable: z.boolean().default(false).describe('Cordon: no new placements; what is there stays.'),
  evictAfter: time.optional().describe('From this instant on placements leave the target; needs unschedulable.'),
  syncerConfig: syncerConfig.prefault({}).describe('How objects travel.'),
  namespaceMapping: z
    .enum(['Hashed', 'Preserve'])
    .default('Hashed')
    .describe(
      'Names of namespaces in the member cluster: `kcp-<hash>`, or the same as in the workspace. Cannot change.',
    ),
  capabilities: capabilities.optional().describe('What the cluster can do.'),
  resourceQuotas: resourceQuotas.optional().describe('Most that placements may use of the cluster.'),
  supportedResourceTypes: z
    .array(resourceName)
    .optional()
    .describe('Resources it accepts (`deployments.apps`); all synced ones when absent.'),
  supportedAPIExports: z
    .array(supportedExport)
    .optional()
    .describe('APIExports whose resources this target offers. Recorded for tools; nothing here acts on it.'),
  selector: labelSelector
    .extend({ namespaceSelector: labelSelector.optional(), locations: z.array(z.string()).optional() })
    .optional()
    .describe('Which workloads the owner of the cluster means it for. Recorded for tools; nothing here acts on it.'),
  cells: z
    .record(z.string(), z.string())
    .optional()
    .describe('Targets with equal cells share network or storage. Recorded for tools; nothing here acts on it.'),
});

const syncedResource = z.object({
  group: z.string().default(''),
  resource: z.string().min(1),
  versions: z.array(z.string()).min(1),
  identityHash: z.string().optional(),
  state: z.enum(['Pending', 'Accepted', 'Incompatible']).default('Pending'),
});

const virtualWorkspace = z.object({
  url: z.string().optional(),
  syncerURL: z.string().optional(),
  upsyncerURL: z.string().optional(),
  logicalCluster: z.string().optional(),
  ready: z.boolean().optional(),
});

const syncTargetStatus = z.object({
  conditions: conditions
    .optional()
    .describe(
      'HeartbeatHealthy; Ready, which sums up; ConfigurationValid once the spec had a mistake; Deleting while copies hold it.',
    ),
  observedGeneration: observedGeneration.describe(
    'Generation of the spec this status speaks of. Not filled in this version.',
  ),
  allocatable: quantities
    .optional()
    .describe('What workloads may use. Not filled in this version; counts when something else fills it.'),
  capacity: quantities.optional().describe('What the nodes of the cluster have. Not filled in this version.'),
  allocated: quantities.optional().describe('What placements have reserved. Not filled in this version.'),
  syncedResources: z.array(syncedResource).optional().describe('Resources carried, with their state.'),
  lastSyncerHeartbeatTime: time.optional().describe('When the relay of the cluster was last heard of.'),
  lastSyncTime: time.optional().describe('When an object was last written to the cluster. Not filled in this version.'),
  syncerIdentifier: z
    .string()
    .optional()
    .describe('The relay that speaks for the cluster. Not filled in this version.'),
  syncerVersion: z.string().optional().describe('Version of that relay. Not filled in this version.'),
  workloadCount: z.int().min(0).optional().describe('Objects copied to the cluster. Not filled in this version.'),
  virtualWorkspaces: z
    .array(virtualWorkspace)
    .optional()
    .describe('Where the relay finds its view, per shard. Not filled in this version.'),
  tunnelWorkspaces: z
    .array(z.object({ url: z.string().min(1) }))
    .optional()
    .describe('Where the reverse tunnel dials, per shard. Not filled in this version.'),
});

export type SyncTargetSpec = z.infer<typeof syncTargetSpec>;
export type SyncTargetStatus = z.infer<typeof syncTargetStatus>;

export const SYNC_TARGET = {
  resource: resourceType({ group: 'workload.kcp.io', resource: 'synctargets' }),
  singular: 'synctarget',
  shortNames: [],
  description: 'The record of one member cluster in a workspace: where it is, what it offers, how it is doing.',
  spec: syncTargetSpec,
  specRequired: false,
  status: syncTargetStatus,
  rules: [
    {
      // The default of the whole spec, {}, is checked too, before the defaults inside it are set.
      cel: '!has(self.namespaceMapping) || !has(oldSelf.namespaceMapping) || self.namespaceMapping == oldSelf.namespaceMapping',
      message:
        'namespaceMapping cannot change, copies would stay behind under the old names: delete the SyncTarget and create it anew',
      field: 'namespaceMapping',
    },
    {
      cel: '!has(self.evictAfter) || self.unschedulable',
      message: 'evictAfter needs unschedulable: true, else new placements would follow those that leave',
      field: 'evictAfter',
      holds: (spec) => spec['evictAfter'] === undefined || spec['unschedulable'] === true,
    },
    {
      cel: "self.syncerConfig.syncMode != 'pull' || !has(self.workloadCluster) || !has(self.workloadCluster.credentials)",
      message: 'workloadCluster.credentials are of no use in syncMode pull: remove them or set syncMode to push',
      field: 'workloadCluster.credentials',
      holds: (spec) => !(isPull(spec['syncerConfig']) && hasCredentials(spec['workloadCluster'])),
    },
  ],
  columns: [
    { name: 'Location', type: 'string', jsonPath: '.spec.location' },
    { name: 'Ready', type: 'string', jsonPath: conditionPath('Ready', 'status') },
    { name: 'Key', type: 'string', jsonPath: '.metadata.labels.internal\\.workload\\.kcp\\.io/key' },
    AGE,
    { name: 'Reason', type: 'string', jsonPath: conditionPath('Ready', 'reason'), priority: 1 },
    { name: 'Mode', type: 'string', jsonPath: '.spec.syncerConfig.syncMode', priority: 1 },
    { name: 'Unschedulable', type: 'boolean', jsonPath: '.spec.unschedulable', priority: 1 },
    { name: 'Last heartbeat', type: 'date', jsonPath: '.status.lastSyncerHeartbeatTime', priority: 1 },
    { name: 'Synced API resources', type: 'string', jsonPath: '.status.syncedResources', priority: 1 },
  ],
} as const satisfies KindDefinition;

function isPull(syncerConfig: unknown): boolean {
  return (syncerConfig as { syncMode?: unknown } | undefined)?.syncMode === 'pull';
}

function hasCredentials(workloadCluster: unknown): boolean {
  return (workloadCluster as { credentials?: unknown } | undefined)?.credentials !== undefined;
}
