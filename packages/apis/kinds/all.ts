import { CLUSTER_REGISTRATION } from './cluster-registration.ts';
import { CLUSTER_WORKLOAD_PLACEMENT } from './cluster-workload-placement.ts';
import type { KindDefinition } from './kind.ts';
import { LOCATION } from './location.ts';
import { PLACEMENT } from './placement.ts';
import { SYNC_TARGET } from './sync-target.ts';
import { WORKLOAD_PLACEMENT } from './workload-placement.ts';

/** The kinds of the project, in the order in which the reference page tells them. */
export const KINDS: readonly KindDefinition[] = [
  SYNC_TARGET,
  LOCATION,
  PLACEMENT,
  CLUSTER_WORKLOAD_PLACEMENT,
  CLUSTER_REGISTRATION,
  WORKLOAD_PLACEMENT,
];
