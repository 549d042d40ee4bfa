import type { ItemKey } from './table.ts';

/** Every partition and sort key of the table. Parts are joined by `#`; names of Kubernetes objects cannot hold one. */

const join = (...parts: string[]): string => parts.join('#');

export const targetPartition = (targetKey: string): string => join('T', targetKey);
export const targetFactsKey = (targetKey: string): ItemKey => ({ pk: targetPartition(targetKey), sk: 'FACTS' });
export const targetSeenKey = (targetKey: string): ItemKey => ({ pk: targetPartition(targetKey), sk: 'SEEN' });
/** Membership of a group on a target: one query gives the groups a target's hiccup touches. */
export const reservationKey = (targetKey: string, group: string): ItemKey => ({
  pk: targetPartition(targetKey),
  sk: join('RES', group),
});
export const RESERVATION_PREFIX = 'RES#';

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
/** The targets a workspace holds; the facts themselves are under the target. */
export const workspaceTargetKey = (workspace: string, targetKey: string): ItemKey => ({
  pk: workspacePartition(workspace),
  sk: join('T', targetKey),
});

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
export const leaseKey = (scope: string): ItemKey => ({ pk: join('K', scope), sk: 'LEASE' });
export const checkpointKey = (source: string, endpoint: string, groupResource: string): ItemKey => ({
  pk: join('C', source, endpoint),
  sk: groupResource,
});
