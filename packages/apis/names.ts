/**
 * Label, annotation and finalizer keys. Those of upstream TMC are a contract with other tools and keep their names; ours are
 * marked as such. `<key>` is a target key (`hash.ts`).
 */

/** Hub object or namespace: '' pending, `Sync`, `Upsync`. Publishes a decision, never is one. */
export const stateLabel = (key: string): string => `state.workload.kcp.io/${key}`;
/** Hub object: held until the target's copy is gone. Added before the first copy is made. */
export const syncerFinalizer = (key: string): string => `workload.kcp.io/syncer-${key}`;
/** Hub object or namespace: asks to remove it from that target, RFC 3339. */
export const deletionAnnotation = (key: string): string => `deletion.internal.workload.kcp.io/${key}`;
/** Hub object: JSON patch rooted at spec for that target. */
export const specDiffAnnotation = (key: string): string => `experimental.spec-diff.workload.kcp.io/${key}`;

export const STATE_LABEL_PREFIX = 'state.workload.kcp.io/';
export const SYNCER_FINALIZER_PREFIX = 'workload.kcp.io/syncer-';

/** Copy: the key of the target that owns it; what a member relay selects on. */
export const OWNER_LABEL = 'internal.workload.kcp.io/cluster';
/** Downstream namespace: where it comes from, as locator JSON. */
export const LOCATOR_ANNOTATION = 'kcp.io/namespace-locator';
/** Downstream namespace: the same for all namespaces of one workspace on one target. */
export const TENANT_LABEL = 'kcp.io/tenant-id';
/** Hub namespace: a placement covers it (value empty). */
export const PLACEMENT_ANNOTATION = 'scheduling.kcp.io/placement';
/** SyncTarget (ours): held until no object of its workspace has a copy there, or the member is out of reach. */
export const TARGET_FINALIZER = 'internal.workload.kcp.io/copies';
/** SyncTarget: its key. */
export const TARGET_KEY_LABEL = 'internal.workload.kcp.io/key';

/** Copy: labels and annotations the virtual-cluster demo shows. */
export const MANAGED_LABEL = 'workload.kcp.io/managed';
export const SYNCED_FROM_LABEL = 'workload.kcp.io/synced-from';
export const SOURCE_CLUSTER_ANNOTATION = 'workload.kcp.io/source-cluster';
export const SYNC_TARGET_ANNOTATION = 'workload.kcp.io/sync-target';
export const SYNC_TIMESTAMP_ANNOTATION = 'workload.kcp.io/sync-timestamp';

/** Copy (ours): workspace, namespace and name of the upstream object, `workspace|namespace/name`. */
export const UPSTREAM_ANNOTATION = 'internal.workload.kcp.io/upstream';
/** Copy (ours): source version `epoch/uid/rv` of the upstream state it was made from; only ever grows. */
export const SOURCE_VERSION_ANNOTATION = 'internal.workload.kcp.io/source-version';
/** Copy (ours): generation of that upstream state, for kinds that have one: an equal one tells that the wish did not change. */
export const SOURCE_GENERATION_ANNOTATION = 'internal.workload.kcp.io/source-generation';
/** Copy (ours): hash of the content we applied, without the annotations that record a write. */
export const CONTENT_HASH_ANNOTATION = 'internal.workload.kcp.io/content-hash';

/** Annotations that record a write and are no content: left out of the content hash. */
export const RECORD_ANNOTATIONS: readonly string[] = [
  SYNC_TIMESTAMP_ANNOTATION,
  SOURCE_VERSION_ANNOTATION,
  SOURCE_GENERATION_ANNOTATION,
  CONTENT_HASH_ANNOTATION,
];

/** Field manager of everything written to members; for the hub it names the component. */
export const MEMBER_FIELD_MANAGER = 'tmc-syncer';
export const HUB_FIELD_MANAGER = 'tmc';

/** API group of SyncTarget and ClusterWorkloadPlacement. */
export const WORKLOAD_GROUP = 'workload.kcp.io';
