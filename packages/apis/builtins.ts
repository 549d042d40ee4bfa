import type { JsonObject } from '@tmc/kernel/object.ts';
import { type ResourceType, resourceType } from './resources.ts';

/** A kind of Kubernetes that kcp does not have and that we export, so that tenants can create it. */
export type ExportedBuiltin = {
  readonly resource: ResourceType;
  readonly shortNames: readonly string[];
  readonly subresources: JsonObject;
  readonly columns: readonly JsonObject[];
};

const AGE: JsonObject = { name: 'Age', type: 'date', jsonPath: '.metadata.creationTimestamp' };

/** Deployments and Services; ConfigMaps, Secrets and namespaces are in every kcp workspace and are claimed instead. */
export const EXPORTED_BUILTINS: readonly ExportedBuiltin[] = [
  {
    resource: resourceType({ group: 'apps', resource: 'deployments' }),
    shortNames: ['deploy'],
    subresources: {
      status: {},
      scale: {
        specReplicasPath: '.spec.replicas',
        statusReplicasPath: '.status.replicas',
      },
    },
    columns: [
      { name: 'Desired', type: 'integer', jsonPath: '.spec.replicas' },
      { name: 'Ready', type: 'integer', jsonPath: '.status.readyReplicas' },
      { name: 'Up-to-date', type: 'integer', jsonPath: '.status.updatedReplicas' },
      { name: 'Available', type: 'integer', jsonPath: '.status.availableReplicas' },
      AGE,
    ],
  },
  {
    resource: resourceType({ group: '', resource: 'services' }),
    shortNames: ['svc'],
    subresources: { status: {} },
    columns: [
      { name: 'Type', type: 'string', jsonPath: '.spec.type' },
      { name: 'Cluster-IP', type: 'string', jsonPath: '.spec.clusterIP' },
      { name: 'External-IP', type: 'string', jsonPath: '.status.loadBalancer.ingress[0].ip' },
      AGE,
    ],
  },
];
