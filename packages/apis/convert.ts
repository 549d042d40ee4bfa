/**
 * From kinds to the internal model: every placement kind to one `Policy`, targets, locations and namespaces to the facts that
 * placement decides on. All are pure; what a user can mend comes back as problems, all of them at once.
 */
export { convertClusterWorkloadPlacement } from './convert/cluster-workload-placement.ts';
export { convertLocation, convertNamespace } from './convert/facts.ts';
export { convertPlacement } from './convert/placement.ts';
export { ALL_TARGETS } from './convert/policy-base.ts';
export { convertClusterRegistration, convertSyncTarget } from './convert/target.ts';
export { convertWorkloadPlacement } from './convert/workload-placement.ts';
