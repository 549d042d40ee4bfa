import type { LocationFacts, NamespaceFacts, Policy, ResourceNeeds } from '@tmc/apis/policy.ts';
import { formatGroupResource, formatKey, type ResourceKey } from '@tmc/kernel/key.ts';
import type { JsonObject } from '@tmc/kernel/object.ts';
import type { TargetFacts } from '@tmc/kernel/records.ts';
import type { DecisionWrite, Facts, PlacementStore } from '@tmc/placement/commit.ts';
import type { FactsKind, GroupSummary, Reservations, Stored, StoredGroup } from '@tmc/placement/load.ts';
import type { GroupRef } from '@tmc/placement/snapshot.ts';
import { decisionWrites, groupData, reservationDeletes } from './decision-writes.ts';
import {
  DECISION_PREFIX,
  decisionKey,
  fleetKey,
  groupPartition,
  locationFactsKey,
  namespaceFactsKey,
  policyFactsKey,
  policyGroupKey,
  policyGroupPrefix,
  RESERVATION_PREFIX,
  removedTargetKey,
  targetFactsKey,
  targetFenceKey,
  targetOwedKey,
  targetPartition,
  targetSeenKey,
  trackedKey,
  trackedPartition,
  unsatisfiedPartition,
  workspacePartition,
  workspaceTargetKey,
} from './keys.ts';
import type { Item, ItemKey, Table, Write, WriteCondition } from './table.ts';

/** Transactions take at most this many writes. */
const MAX_WRITES = 100;
/** A withdrawn decision stays this long as proof of the removal. Chosen freely: far longer than any removal takes. */
const WITHDRAWN_TTL_S = 7 * 24 * 3600;

export type PlacementStoreOptions = {
  /** Seconds since 1970, for the expiry of what is garbage some day. */
  readonly nowS: () => number;
};

/** Placement's facts and decisions on the table. */
export function createPlacementStore(table: Table, options: PlacementStoreOptions): PlacementStore {
  return { ...factReads(table), ...groupReads(table), ...factWrites(table, options), ...decisionStore(table, options) };
}

function factReads(table: Table) {
  const find = async <T>(key: ItemKey): Promise<Stored<T> | undefined> => {
    const item = await table.get(key);
    return item && { value: storedValue<T>(item), version: item.version, source: String(item.data['source']) };
  };
  const list = async <T>(workspace: string, skPrefix: string): Promise<readonly T[]> =>
    (await table.query(workspacePartition(workspace), { skPrefix })).map((item) => storedValue<T>(item));
  return {
    findTarget: (key: string) => find<TargetFacts>(targetFactsKey(key)),
    listTargets: (workspace: string) => list<TargetFacts>(workspace, 'T#'),
    async findOwed(key: string): Promise<number | undefined> {
      const item = await table.get(targetOwedKey(key));
      return item?.data['owed'] === true ? item.version : undefined;
    },
    findPolicy: (workspace: string, id: string) => find<Policy>(policyFactsKey(workspace, id)),
    listPolicies: (workspace: string) => list<Policy>(workspace, 'P#'),
    findLocation: (workspace: string, name: string) => find<LocationFacts>(locationFactsKey(workspace, name)),
    listLocations: (workspace: string) => list<LocationFacts>(workspace, 'L#'),
    findNamespace: (workspace: string, name: string) => find<NamespaceFacts>(namespaceFactsKey(workspace, name)),
    listNamespaces: (workspace: string) => list<NamespaceFacts>(workspace, 'N#'),
  };
}

function groupReads(table: Table) {
  return {
    async listGroups(workspace: string, namespace: string): Promise<readonly StoredGroup[]> {
      const items = await table.query(groupPartition(workspace, namespace), { skPrefix: DECISION_PREFIX });
      return items.map(storedGroup);
    },
    async findGroup({ workspace, namespace, policy }: GroupRef): Promise<StoredGroup | undefined> {
      const item = await table.get(decisionKey(workspace, namespace, policy));
      return item && storedGroup(item);
    },
    async listPolicyGroups(workspace: string, policy: string): Promise<readonly GroupSummary[]> {
      const items = await table.query(workspacePartition(workspace), { skPrefix: policyGroupPrefix(policy) });
      return items.map((item) => storedValue<GroupSummary>(item));
    },
    async listReservations(targetKey: string): Promise<Reservations> {
      // The fence first: a reservation made after it was read makes the write that rests on this reading fail.
      const fence = await table.get(targetFenceKey(targetKey));
      const items = await table.query(targetPartition(targetKey), { skPrefix: RESERVATION_PREFIX });
      const held = items.map((item) => item.data as unknown as { group: GroupRef; needs: ResourceNeeds });
      return { fence: fence?.version ?? 0, held };
    },
    async listTracked(kind: FactsKind): Promise<readonly ResourceKey[]> {
      return (await table.query(trackedPartition(kind))).map((item) => storedValue<ResourceKey>(item));
    },
    async listWaiting(locationWorkspace: string): Promise<readonly GroupRef[]> {
      const items = await table.query(unsatisfiedPartition(locationWorkspace));
      return items.map((item) => storedValue<GroupRef>(item));
    },
  };
}

function factWrites(table: Table, { nowS }: PlacementStoreOptions) {
  return {
    async saveFacts(
      facts: Facts,
      version: number | undefined,
      mark?: { readonly owesSync: boolean },
    ): Promise<boolean> {
      const data = { value: facts.value, source: formatGroupResource(facts.key) } as unknown as JsonObject;
      const isNew = version === undefined;
      const writes: Write[] = [{ op: 'put', key: factsKey(facts), data, when: whenAt(version) }];
      if (isNew) writes.push({ op: 'put', key: trackedItem(facts), data: { value: { ...facts.key } } });
      if (facts.kind === 'target') {
        writes.push(...targetListings(facts, isNew));
        if (mark?.owesSync) writes.push({ op: 'put', key: targetOwedKey(facts.value.key), data: { owed: true } });
      }
      return (await table.transact(writes)).ok;
    },
    async settleOwed(key: string, version: number): Promise<void> {
      await table.write({ op: 'put', key: targetOwedKey(key), data: { owed: false }, when: { version } });
    },
    async removeFacts(facts: Facts, version: number): Promise<boolean> {
      const gone = [trackedItem(facts)];
      if (facts.kind === 'target') {
        const { workspace, key } = facts.value;
        gone.push(workspaceTargetKey(workspace, key), fleetKey(key), targetSeenKey(key), targetOwedKey(key));
      }
      const others = gone.map((key): Write => ({ op: 'delete', key }));
      if (facts.kind === 'target') others.push(rememberRemoved(facts.value, nowS()));
      return (await table.transact([{ op: 'delete', key: factsKey(facts), when: { version } }, ...others])).ok;
    },
  };
}

/** What a removed target was like stays known for as long as the withdrawn decisions that prove its removal. */
function rememberRemoved(facts: TargetFacts, nowS: number): Write {
  const data = { value: facts } as unknown as JsonObject;
  return { op: 'put', key: removedTargetKey(facts.key), data, expiresAtS: nowS + WITHDRAWN_TTL_S };
}

const trackedItem = ({ kind, key }: Facts): ItemKey => trackedKey(kind, formatKey(key));

/** A target's facts in the list of its workspace; its identity, which never changes, in that of the fleet. */
function targetListings({ value, key: source }: Facts & { readonly kind: 'target' }, isNew: boolean): Write[] {
  const { key, workspace, name } = value;
  const data = { value } as unknown as JsonObject;
  const listed: Write = { op: 'put', key: workspaceTargetKey(workspace, key), data };
  const identity = { key, workspace, name, group: source.group, resource: source.resource };
  return isNew ? [listed, { op: 'put', key: fleetKey(key), data: { value: identity } }] : [listed];
}

function factsKey({ kind, value }: Facts): ItemKey {
  switch (kind) {
    case 'target':
      return targetFactsKey(value.key);
    case 'policy':
      return policyFactsKey(value.workspace, value.id);
    case 'location':
      return locationFactsKey(value.workspace, value.name);
    case 'namespace':
      return namespaceFactsKey(value.workspace, value.name);
  }
}

function decisionStore(table: Table, { nowS }: PlacementStoreOptions) {
  return {
    async commitDecision(write: DecisionWrite): Promise<StoredGroup | undefined> {
      const { reservations, core } = decisionWrites(write, nowS());
      const fits = reservations.length + core.length <= MAX_WRITES;
      // Too many for one transaction: a target held by a decision that was not stored after all harms nobody.
      if (!fits) await inChunks(table, reservations);
      const result = await table.transact(fits ? [...reservations, ...core] : core);
      return result.ok ? { ...write.group, version: (write.previous?.version ?? 0) + 1 } : undefined;
    },
    async markPublished(group: StoredGroup): Promise<boolean> {
      const { workspace, namespace, policy } = group.decision;
      const mark: Write = {
        op: 'put',
        key: decisionKey(workspace, namespace, policy),
        data: groupData({ ...group, published: true, toSync: false, leaving: [] }),
        when: { version: group.version },
        ...(group.withdrawn ? { expiresAtS: nowS() + WITHDRAWN_TTL_S } : {}),
      };
      const unlisted: Write[] = group.withdrawn
        ? [{ op: 'delete', key: policyGroupKey(workspace, policy, namespace) }]
        : [];
      const left = reservationDeletes(group);
      const fits = left.length + unlisted.length < MAX_WRITES;
      const { ok } = await table.transact([mark, ...unlisted, ...(fits ? left : [])]);
      // Only after the mark: an outdated one must not give up what a newer decision holds.
      if (ok && !fits) await inChunks(table, left);
      return ok;
    },
  };
}

async function inChunks(table: Table, writes: readonly Write[]): Promise<void> {
  for (let start = 0; start < writes.length; start += MAX_WRITES) {
    await table.transact(writes.slice(start, start + MAX_WRITES));
  }
}

const storedValue = <T>(item: Item): T => item.data['value'] as unknown as T;
const whenAt = (version: number | undefined): WriteCondition =>
  version === undefined ? { absent: true } : { version };

function storedGroup(item: Item): StoredGroup {
  return { ...(item.data as unknown as Omit<StoredGroup, 'version'>), version: item.version };
}
