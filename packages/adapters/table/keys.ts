import type { ItemKey } from './table.ts';

/** Every partition and sort key of the table. Parts are joined by `#`; names of Kubernetes objects cannot hold one. */

const join = (...parts: string[]): string => parts.join('#');

export const targetPartition = (targetKey: string): string => join('T', targetKey);
export const targetFactsKey = (targetKey: string): ItemKey => ({ pk: targetPartition(targetKey), sk: 'FACTS' });
/** Facts of a target that was removed: sync needs them to take its copies away. */
export const removedTargetKey = (targetKey: string): ItemKey => ({ pk: targetPartition(targetKey), sk: 'REMOVED' });
export const targetSeenKey = (targetKey: string): ItemKey => ({ pk: targetPartition(targetKey), sk: 'SEEN' });
/** Says whether sync has yet to be told that the target is back. Never deleted while it lives, so that its version only rises. */
export const targetOwedKey = (targetKey: string): ItemKey => ({ pk: targetPartition(targetKey), sk: 'OWED' });
/** Membership of a group on a target: one query gives the groups a target's hiccup touches. */
export const reservationKey = (targetKey: string, group: string): ItemKey => ({
  pk: targetPartition(targetKey),
  sk: join('RES', group),
});
export const RESERVATION_PREFIX = 'RES#';
/** Raised by every decision that depends on a target's load: two of them cannot both count on the same room. */
export const targetFenceKey = (targetKey: string): ItemKey => ({ pk: targetPartition(targetKey), sk: 'FENCE' });

/** The hub objects that facts of a kind were taken from: what is looked at again when deletions may have been missed. */
export const trackedPartition = (kind: string): string => join('S', kind);
/** `object`: its formatted key, without `#`. */
export const trackedKey = (kind: string, object: string): ItemKey => ({ pk: trackedPartition(kind), sk: object });

/** Every target of every workspace: what a tick looks through. */
export const FLEET_PARTITION = 'F';
export const fleetKey = (targetKey: string): ItemKey => ({ pk: FLEET_PARTITION, sk: targetKey });

export const workspacePartition = (workspace: string): string => join('W', workspace);
export const policyFactsKey = (workspace: string, policy: string): ItemKey => ({
  pk: workspacePartition(workspace),
  sk: join('P', policy),
});
export const locationFactsKey = (workspace: string, location: string): ItemKey => ({
  pk: workspacePartition(workspace),
  sk: join('L', location),
});
export const namespaceFactsKey = (workspace: string, namespace: string): ItemKey => ({
  pk: workspacePartition(workspace),
  sk: join('N', namespace),
});
/** The targets a workspace holds, with a copy of their facts: one query gives all candidates. */
export const workspaceTargetKey = (workspace: string, targetKey: string): ItemKey => ({
  pk: workspacePartition(workspace),
  sk: join('T', targetKey),
});
/** The groups of a policy, by namespace: what its change touches, and what its status sums up. */
export const policyGroupKey = (workspace: string, policy: string, namespace: string): ItemKey => ({
  pk: workspacePartition(workspace),
  sk: join('G', policy, namespace),
});
export const policyGroupPrefix = (policy: string): string => join('G', policy, '');

/** One query of this partition gives sync all decisions of a namespace. */
export const groupPartition = (workspace: string, namespace: string): string => join('G', workspace, namespace);
export const decisionKey = (workspace: string, namespace: string, policy: string): ItemKey => ({
  pk: groupPartition(workspace, namespace),
  sk: join('NOW', policy),
});
export const DECISION_PREFIX = 'NOW#';
/** History sorts by version: it is padded to ten digits. */
export const decisionHistoryKey = (workspace: string, namespace: string, policy: string, version: number): ItemKey => ({
  pk: groupPartition(workspace, namespace),
  sk: join('V', policy, String(version).padStart(10, '0')),
});

export const unsatisfiedPartition = (locationWorkspace: string): string => join('U', locationWorkspace);
/** A group that would take more targets of this workspace. */
export const unsatisfiedKey = (locationWorkspace: string, group: string): ItemKey => ({
  pk: unsatisfiedPartition(locationWorkspace),
  sk: group,
});
export const leaseKey = (scope: string): ItemKey => ({ pk: join('K', scope), sk: 'LEASE' });
export const checkpointKey = (source: string, endpoint: string, groupResource: string): ItemKey => ({
  pk: join('C', source, endpoint),
  sk: groupResource,
});
/** The epoch of a source's revisions, for all its endpoints. */
export const epochKey = (source: string): ItemKey => ({ pk: join('C', source), sk: 'EPOCH' });
