/** Field schemas that several kinds share. Descriptions and `x-kubernetes-*` go into the CRDs and the reference page as they stand. */
import * as z from 'zod';
import { findQuantity, QUANTITY_PATTERN } from '../quantity.ts';

/** An amount such as `500m` or `2Gi`; Kubernetes lets it be written as a number too. */
export const quantity = z
  .union([z.string(), z.int()])
  .refine((value) => findQuantity(value) !== undefined, 'a quantity such as 500m or 2Gi')
  .meta({ 'x-kubernetes-int-or-string': true, pattern: QUANTITY_PATTERN });

/** Resource name → amount. */
export const quantities = z.record(z.string(), quantity);

/** RFC 3339. */
export const time = z.iso.datetime({ offset: true });

/** A Go duration, as Kubernetes writes them: `30s`, `1m30s`. */
export const duration = z.string().regex(/^([0-9]+(\.[0-9]+)?(ms|s|m|h))+$/);

/** At most 63 characters of lower case letters, digits and `-`. */
export const dnsLabel = z
  .string()
  .max(63)
  .regex(/^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/);

const requirement = z
  .object({
    key: z.string().min(1),
    operator: z.enum(['In', 'NotIn', 'Exists', 'DoesNotExist']),
    values: z.array(z.string()).optional(),
  })
  .refine(
    ({ operator, values }) => (operator === 'In' || operator === 'NotIn') === (values ?? []).length > 0,
    'values with In and NotIn, none with Exists and DoesNotExist',
  );

/** `metav1.LabelSelector`: all parts must hold, an empty one matches everything. */
export const labelSelector = z.object({
  matchLabels: z.record(z.string(), z.string()).optional(),
  matchExpressions: z.array(requirement).optional(),
});

const condition = z.object({
  type: z.string().min(1),
  status: z.enum(['True', 'False', 'Unknown']),
  reason: z.string().optional(),
  message: z.string().optional(),
  lastTransitionTime: time.optional(),
  observedGeneration: z.int().min(0).optional(),
});

/** Standard conditions, one of each type. */
export const conditions = z
  .array(condition)
  .meta({ 'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': ['type'] });

/** Something a member cluster can do. */
export const capabilities = z.array(
  z.object({
    type: z.string().min(1).describe('Name that placements ask for.'),
    available: z.boolean().default(true).describe('False: known, but not to be counted on.'),
    properties: z.record(z.string(), z.string()).optional().describe('Free details for people and tools.'),
  }),
);

/** `plural` or `plural.group`, as kubectl names resources. */
export const resourceName = z.string().regex(/^[a-z0-9]+(\.[a-z0-9]([-a-z0-9.]*[a-z0-9])?)?$/);

/** The group, version and resource that locations and placements speak of: SyncTargets, nothing else. */
export const syncTargetResource = z.object({
  group: z.literal('workload.kcp.io').default('workload.kcp.io'),
  version: z.literal('v1alpha1').default('v1alpha1'),
  resource: z.literal('synctargets').default('synctargets'),
});

/** The generation of the spec a status speaks of. */
export const observedGeneration = z.int().min(0).optional().describe('Generation of the spec this status speaks of.');

/** Divided: replicas are split over the targets; Duplicated: every target gets all of them. */
export const replicaScheduling = z.enum(['Divided', 'Duplicated']);
