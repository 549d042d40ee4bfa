import { SYNCER_FINALIZER_PREFIX } from '@tmc/apis/names.ts';
import { matchesSelector } from '@tmc/apis/selectors.ts';
import type { Clock } from '@tmc/kernel/clock.ts';
import type { SendMessages } from '@tmc/kernel/envelope.ts';
import type { Ids, Random } from '@tmc/kernel/ids.ts';
import { formatGroupResource, type ResourceKey } from '@tmc/kernel/key.ts';
import type { KubeObject } from '@tmc/kernel/object.ts';
import type { HubApi, MemberApi } from '@tmc/kernel/ports.ts';
import type { Decision, TargetFacts } from '@tmc/kernel/records.ts';

/** Stands in a key's name for every object of the kind: no object can be called so. */
export const ALL = '*';

/** What sync reads of the table. Decisions are the authority for what runs where; it writes nothing there. */
export type SyncStore = {
  /** All decisions of a namespace, withdrawn ones included (they have no targets and prove a removal). */
  decisions(workspace: string, namespace: string): Promise<readonly Decision[]>;
  findTarget(targetKey: string): Promise<TargetFacts | undefined>;
  /** The namespaces with a decision that holds room on a target: all that may have copies there by decision. */
  namespacesOf(targetKey: string): Promise<readonly { readonly workspace: string; readonly namespace: string }[]>;
};

export type SyncSettings = {
  /** What copies name as their source in `workload.kcp.io/source-cluster`. */
  readonly sourceClusterName: string;
  /** Of the hub's resourceVersions: raised when they start over. */
  readonly epoch: number;
  /** Name of a workspace as its users know it, for copies to show; its id when absent. */
  readonly workspaceName?: (workspace: string) => string;
};

export type SyncDeps = {
  readonly hub: Pick<HubApi, 'get' | 'list' | 'patch' | 'create'>;
  /** The member cluster of a target, undefined when this process is not configured for it. */
  readonly member: (targetKey: string) => MemberApi | undefined;
  readonly store: SyncStore;
  readonly send: SendMessages;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly random: Random;
  readonly settings: SyncSettings;
};

/** What is decided about one object, with the facts of every target it names or its finalizers name. */
export type Placed = {
  /** False when the namespace has no decision at all, not even a withdrawn one: then nothing proves a removal. */
  readonly hasAuthority: boolean;
  /** The decisions that cover the object, in the order of their policies. */
  readonly decisions: readonly Decision[];
  readonly targets: ReadonlyMap<string, TargetFacts>;
};

/** Reads decisions and facts for one object. */
export async function loadPlaced(store: SyncStore, key: ResourceKey, upstreamObj: KubeObject): Promise<Placed> {
  const all = await store.decisions(key.workspace, key.namespace);
  const decisions = covering(all, key, upstreamObj);
  const named = decisions.flatMap((decision) => decision.targets.map((target) => target.key));
  const keys = [...new Set([...named, ...heldBy(upstreamObj)])];
  const facts = await Promise.all(keys.map((targetKey) => store.findTarget(targetKey)));
  return {
    hasAuthority: all.length > 0,
    decisions,
    targets: new Map(facts.flatMap((target) => (target ? [[target.key, target] as const] : []))),
  };
}

/** The decisions that cover an object, in the order of their policies. */
export function covering(all: readonly Decision[], key: ResourceKey, upstreamObj: KubeObject): readonly Decision[] {
  const decisions = all.filter((decision) => covers(decision, key, upstreamObj));
  return decisions.sort((a, b) => (a.policy < b.policy ? -1 : 1));
}

/** Whether a decision covers an object: by its resource and its labels, absent conditions cover all. */
export function covers({ selects }: Decision, key: ResourceKey, upstreamObj: KubeObject): boolean {
  const { resources, matchLabels } = selects;
  if (resources && !resources.includes(formatGroupResource(key))) return false;
  return !matchLabels || matchesSelector({ matchLabels }, upstreamObj.metadata.labels ?? {});
}

/** Keys of the targets whose finalizer holds the object: where copies may be. */
export function heldBy(upstreamObj: KubeObject): string[] {
  return (upstreamObj.metadata.finalizers ?? [])
    .filter((finalizer) => finalizer.startsWith(SYNCER_FINALIZER_PREFIX))
    .map((finalizer) => finalizer.slice(SYNCER_FINALIZER_PREFIX.length));
}
