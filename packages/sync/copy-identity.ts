import { downstreamNamespaceName, type NamespaceLocator } from '@tmc/apis/hash.ts';
import { OWNER_LABEL, UPSTREAM_ANNOTATION } from '@tmc/apis/names.ts';
import type { ResourceKey } from '@tmc/kernel/key.ts';
import type { KubeObject } from '@tmc/kernel/object.ts';
import type { TargetFacts } from '@tmc/kernel/records.ts';

/** How a copy and its upstream object find each other. */

/** `workspace|namespace/name`, the value of the upstream annotation of a copy. */
export function formatUpstream({ workspace, namespace, name }: ResourceKey): string {
  return `${workspace}|${namespace}/${name}`;
}

/** The upstream key a copy claims, undefined when it claims none. A member can write anything: verify before trusting it. */
export function claimedUpstream(downstreamKey: ResourceKey, downstreamObj: KubeObject): ResourceKey | undefined {
  const match = /^([^|\s#]+)\|([^|/\s#]+)\/([^|/\s#]+)$/.exec(
    downstreamObj.metadata.annotations?.[UPSTREAM_ANNOTATION] ?? '',
  );
  if (!match) return undefined;
  const [, workspace = '', namespace = '', name = ''] = match;
  return { ...downstreamKey, workspace, namespace, name };
}

/** Where the objects of one upstream namespace come from, for one target. */
export function locatorOf({ workspace, namespace }: ResourceKey, target: TargetFacts): NamespaceLocator {
  const syncTarget = { cluster: target.workspace, name: target.name, uid: target.uid };
  return { syncTarget, cluster: workspace, namespace };
}

/** Where the copy of an object lives on a target: hashed namespaces keep tenants apart, preserved ones are guarded by their locator. */
export function downstreamKeyOf(upstreamKey: ResourceKey, target: TargetFacts): ResourceKey {
  const namespace =
    target.namespaceMapping === 'Preserve'
      ? upstreamKey.namespace
      : downstreamNamespaceName(locatorOf(upstreamKey, target));
  return { ...upstreamKey, workspace: target.key, namespace };
}

/** True when an object in a member is our copy of this upstream object for this target; everything else is foreign. */
export function isOurCopy(downstreamObj: KubeObject, upstreamKey: ResourceKey, targetKey: string): boolean {
  const { labels, annotations } = downstreamObj.metadata;
  return labels?.[OWNER_LABEL] === targetKey && annotations?.[UPSTREAM_ANNOTATION] === formatUpstream(upstreamKey);
}
