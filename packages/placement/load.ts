/** What placement reads, and the snapshot of one group made from it. */
import type { LocationFacts, NamespaceFacts, Policy, ResourceNeeds } from '@tmc/apis/policy.ts';
import { parseQuantity } from '@tmc/apis/quantity.ts';
import type { ResourceKey } from '@tmc/kernel/key.ts';
import type { DecidedTarget, Decision, TargetFacts } from '@tmc/kernel/records.ts';
import {
  type Candidate,
  dependsOnLoad,
  type GroupRef,
  NO_LOAD,
  type PlacementSnapshot,
  type TargetLoad,
} from './snapshot.ts';

/** A stored value and the version under which it can be replaced. */
export type Stored<T> = {
  readonly value: T;
  readonly version: number;
  /** `resource.group` of the hub object it was taken from. */
  readonly source: string;
};

/** A group as it is stored: its decision and how far its effects got. */
export type StoredGroup = {
  readonly decision: Decision;
  /** Item version, for the next write. */
  readonly version: number;
  /** True when hub and sync know of the decision. */
  readonly published: boolean;
  /** True when publishing has to tell sync: targets or shares changed, not just reasons. */
  readonly toSync: boolean;
  readonly satisfied: boolean;
  readonly message: string;
  /** Workspace under which the group waits for more targets, absent when it has enough. */
  readonly waitsIn?: string;
  /**
   * Keys of targets the group has left since it was last published. Their reservations stay until then, so that whoever repeats an
   * interrupted change of such a target still finds the group.
   */
  readonly leaving: readonly string[];
  /** True when policy or namespace no longer call for it: kept as proof of the removal, listed nowhere else. */
  readonly withdrawn: boolean;
};

/** One group of a policy, for the policy's status. */
export type GroupSummary = {
  readonly namespace: string;
  readonly satisfied: boolean;
  readonly message: string;
  readonly targets: readonly DecidedTarget[];
  readonly rejected: Decision['rejected'];
  /** Location the targets were taken through, '' when the policy does not go by Locations. */
  readonly location: string;
  readonly withdrawn: boolean;
};

/** A group's hold on a target. */
type Reservation = { readonly group: GroupRef; readonly needs: ResourceNeeds };

/** Reservations of a target, and a fence that every load-dependent decision on the target raises. */
export type Reservations = { readonly fence: number; readonly held: readonly Reservation[] };

/** What facts are kept of. */
export type FactsKind = 'target' | 'policy' | 'location' | 'namespace';

/** The port: strongly consistent reads of the table. */
export type PlacementReads = {
  findTarget(key: string): Promise<Stored<TargetFacts> | undefined>;
  listTargets(workspace: string): Promise<readonly TargetFacts[]>;
  /** Version of the mark that sync has yet to be told of a target's return; undefined when it was told. */
  findOwed(targetKey: string): Promise<number | undefined>;
  findPolicy(workspace: string, id: string): Promise<Stored<Policy> | undefined>;
  listPolicies(workspace: string): Promise<readonly Policy[]>;
  findLocation(workspace: string, name: string): Promise<Stored<LocationFacts> | undefined>;
  listLocations(workspace: string): Promise<readonly LocationFacts[]>;
  findNamespace(workspace: string, name: string): Promise<Stored<NamespaceFacts> | undefined>;
  listNamespaces(workspace: string): Promise<readonly NamespaceFacts[]>;
  /** Every group of a namespace, withdrawn ones too. */
  listGroups(workspace: string, namespace: string): Promise<readonly StoredGroup[]>;
  findGroup(group: GroupRef): Promise<StoredGroup | undefined>;
  /** Groups a policy has, by namespace; withdrawn ones until their withdrawal is published. */
  listPolicyGroups(workspace: string, policy: string): Promise<readonly GroupSummary[]>;
  listReservations(targetKey: string): Promise<Reservations>;
  /** The hub objects that facts of a kind were taken from, in all workspaces. */
  listTracked(kind: FactsKind): Promise<readonly ResourceKey[]>;
  /** Groups that would take more targets of this workspace. */
  listWaiting(locationWorkspace: string): Promise<readonly GroupRef[]>;
};

/** A snapshot with the fences of the targets whose load it looked at. */
export type Loaded = { readonly snapshot: PlacementSnapshot; readonly fences: ReadonlyMap<string, number> };

/** Targets and locations of a workspace; targets being deleted are no longer among them. */
export type FleetView = { readonly targets: readonly TargetFacts[]; readonly locations: readonly LocationFacts[] };

/** Reads them as they are now. */
export async function loadFleet(reads: PlacementReads, workspace: string): Promise<FleetView> {
  const [targets, locations] = await Promise.all([reads.listTargets(workspace), reads.listLocations(workspace)]);
  return { targets: targets.filter((target) => !target.terminating), locations };
}

/** Everything `decide` needs for a policy in a namespace. Load is read only when the policy's choice depends on it. */
export async function loadSnapshot(
  reads: PlacementReads,
  fleet: FleetView,
  group: { readonly policy: Policy; readonly namespace: NamespaceFacts; readonly current?: Decision },
): Promise<Loaded> {
  const { policy, namespace, current } = group;
  const ref = { workspace: namespace.workspace, namespace: namespace.name, policy: policy.id };
  const fences = new Map<string, number>();
  const candidates = await Promise.all(
    fleet.targets.map(async (facts): Promise<Candidate> => {
      if (!dependsOnLoad(policy)) return { facts, load: NO_LOAD };
      const { fence, held } = await reads.listReservations(facts.key);
      fences.set(facts.key, fence);
      return { facts, load: loadOf(held, ref) };
    }),
  );
  const snapshot = { policy, namespace, candidates, locations: fleet.locations, ...(current ? { current } : {}) };
  return { snapshot, fences };
}

/** What the reservations of all but one group amount to. */
function loadOf(held: readonly Reservation[], own: GroupRef): TargetLoad {
  const others = held.filter(({ group }) => !sameGroup(group, own));
  const reserved: Record<string, bigint> = {};
  for (const { needs } of others) {
    for (const [resource, text] of Object.entries(needs)) {
      reserved[resource] = (reserved[resource] ?? 0n) + parseQuantity(text);
    }
  }
  const siblings = others.filter(({ group }) => group.workspace === own.workspace && group.policy === own.policy);
  return { groups: others.length, siblings: siblings.length, reserved };
}

const sameGroup = (a: GroupRef, b: GroupRef): boolean =>
  a.workspace === b.workspace && a.namespace === b.namespace && a.policy === b.policy;
