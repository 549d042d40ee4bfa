/**
 * The API servers as slices see them. A slice declares what it needs as a `Pick` of these; `adapters/kube` implements them.
 * Every call has a deadline inside; every failure is a TmcError whose kind says what the queue must do:
 * `retry` unreachable, throttled, unknown outcome, restarting · `conflict` stale uid or resourceVersion, already exists ·
 * `terminal` invalid, forbidden for good, unsupported.
 */
import type { GroupResource, ResourceKey } from './key.ts';
import type { JsonObject, KubeObject } from './object.ts';

/** Preconditions of a write: with either set, a mismatch is a `conflict`. */
export type Preconditions = { readonly uid?: string; readonly resourceVersion?: string };

/** A complete list at one revision; an incomplete list is thrown, never returned. */
export type ObjectList = { readonly items: readonly KubeObject[]; readonly resourceVersion: string };

/** The hub: kcp with many workspaces, or one plain API server with a single workspace. Nobody above may ask which. */
export type HubApi = {
  /** Undefined only on proof: a Status NotFound that names the object. */
  get(key: ResourceKey): Promise<KubeObject | undefined>;
  /** Objects of one workspace, all namespaces unless one is given; following `continue` to the end. */
  list(
    resource: GroupResource,
    scope: { workspace: string; namespace?: string; labelSelector?: string },
  ): Promise<ObjectList>;
  /** Creates; `conflict` when it exists. */
  create(key: ResourceKey, object: KubeObject): Promise<KubeObject>;
  /** JSON merge patch, null removes. The returned object carries the new resourceVersion. `retry`-safe, not repeated inside. */
  patch(key: ResourceKey, patch: JsonObject, when?: Preconditions & { subresource?: 'status' }): Promise<KubeObject>;
  /** Absent already is success. */
  delete(key: ResourceKey, when?: Preconditions): Promise<void>;
  /** The workspace an object of a wildcard list or watch lives in. */
  workspaceOf(object: KubeObject): string;
};

/** One member cluster. Namespaces here are downstream names; `workspace` of keys is the target key and is not sent. */
export type MemberApi = {
  get(key: ResourceKey): Promise<KubeObject | undefined>;
  list(resource: GroupResource, scope: { namespace?: string; labelSelector?: string }): Promise<ObjectList>;
  /**
   * Server-side apply as `tmc-syncer`, forced. `createOnly` makes it fail with `conflict` when the object exists (a
   * resourceVersion no object has, which API servers ignore for absent ones), otherwise uid and resourceVersion in `when` guard it.
   */
  apply(key: ResourceKey, object: KubeObject, when: Preconditions | 'createOnly'): Promise<KubeObject>;
  /** Background deletion by uid; absent already is success, another uid is `conflict`. */
  delete(key: ResourceKey, uid: string): Promise<void>;
};

/** One event of a watch stream; `BOOKMARK` carries metadata only. */
export type WatchEvent = { readonly type: 'ADDED' | 'MODIFIED' | 'DELETED' | 'BOOKMARK'; readonly object: KubeObject };

export type WatchOptions = {
  readonly resourceVersion?: string;
  readonly labelSelector?: string;
  readonly timeoutSeconds: number;
  /** WatchList: present objects as ADDED, then a bookmark annotated `k8s.io/initial-events-end`. */
  readonly sendInitialEvents?: boolean;
  /** Called once the server accepted the stream: until something happens it may stay silent for minutes. */
  readonly opened?: () => void;
  readonly signal: AbortSignal;
};

export type PageOptions = {
  readonly limit?: number;
  readonly continue?: string;
  readonly labelSelector?: string;
  /** Items carry metadata only. */
  readonly metadataOnly?: boolean;
  readonly signal: AbortSignal;
};

/** One page of a list. */
export type ObjectPage = ObjectList & { readonly continue?: string };

/**
 * One endpoint as a relay reads it: all workspaces of a hub endpoint, or one member. Streams end normally when the server closes
 * them and throw TmcErrors for everything else; kind `expired` is a 410: the revision is no longer known, list again.
 */
export type WatchSource = {
  /** Stable name of the endpoint: checkpoints are kept per (endpoint, resource). */
  readonly endpoint: string;
  page(resource: GroupResource, options: PageOptions): Promise<ObjectPage>;
  watch(resource: GroupResource, options: WatchOptions): AsyncIterable<WatchEvent>;
  /** By how much the server's clock is ahead of this machine's, by its last answer. */
  clockSkewMs?(): number | undefined;
};
