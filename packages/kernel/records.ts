/**
 * What slices leave for each other in the table. Records, not objects: workloads are never stored, the hub and the members are
 * the truth about them.
 */

/** Schedulable facts of one target, projected from its SyncTarget. */
export type TargetFacts = {
  /** base62 key of (workspace, name). */
  readonly key: string;
  /** Workspace that holds the SyncTarget. */
  readonly workspace: string;
  readonly name: string;
  /** Name of the physical cluster (`spec.workloadCluster.name`), the target's own when absent. */
  readonly memberCluster?: string;
  readonly uid: string;
  /** resourceVersion of the SyncTarget these facts were read from. */
  readonly rv: string;
  readonly labels: Readonly<Record<string, string>>;
  /** Region or site, '' when unknown. */
  readonly location: string;
  readonly ready: boolean;
  readonly unschedulable: boolean;
  /** The SyncTarget is being deleted: placed nowhere any more, and kept until its copies are gone. */
  readonly terminating?: boolean;
  /** From this instant (ms) placements leave the target. */
  readonly evictAfterMs?: number;
  readonly namespaceMapping: 'Hashed' | 'Preserve';
  readonly syncMode: 'push' | 'pull' | 'bidirectional';
  /** Resource name → quantity text, as the SyncTarget states it. */
  readonly allocatable: Readonly<Record<string, string>>;
  /** Capability types that are available. */
  readonly capabilities: readonly string[];
  /** `resource.group` of what it syncs; empty: unknown, everything is assumed. */
  readonly syncedResources: readonly string[];
};

/** A target in a decision. */
export type DecidedTarget = {
  readonly key: string;
  readonly workspace: string;
  readonly name: string;
  /** Evicting: the copy stays until its replacement is healthy, new objects do not go there. */
  readonly state: 'Active' | 'Evicting';
  /** Share when replicas are divided; 0 gives none. */
  readonly weight: number;
  readonly score: number;
  readonly reason: string;
};

/** Where the objects of one namespace run by one policy: the authority for sync, whatever labels say. */
export type Decision = {
  readonly workspace: string;
  readonly namespace: string;
  /** `<resource>/<namespace or empty>/<name>` of the policy. */
  readonly policy: string;
  /** Grows by one with every change of the decision. */
  readonly version: number;
  /** Duplicated: every target gets the whole spec. Divided: replicas are split by weight. */
  readonly division: 'Duplicated' | 'Divided';
  /** Which objects of the namespace it covers; absent members cover all. */
  readonly selects: {
    readonly resources?: readonly string[];
    readonly matchLabels?: Readonly<Record<string, string>>;
  };
  readonly targets: readonly DecidedTarget[];
  /** Every other candidate, with the reason it was not chosen. */
  readonly rejected: readonly { readonly name: string; readonly reason: string }[];
  readonly decidedAtMs: number;
  /** Versions of what the decision was made from, by `kind/name`. */
  readonly inputs: Readonly<Record<string, string>>;
};
