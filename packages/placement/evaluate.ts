/** Deciding the groups of a namespace anew, and storing what changed. */
import type { NamespaceFacts, Policy } from '@tmc/apis/policy.ts';
import { matchesSelector } from '@tmc/apis/selectors.ts';
import { canonicalJson } from '@tmc/kernel/canonical.ts';
import { conflictError } from '@tmc/kernel/errors.ts';
import type { Json } from '@tmc/kernel/object.ts';
import type { Decision } from '@tmc/kernel/records.ts';
import { commit } from './commit.ts';
import { decide, withdraw } from './decide.ts';
import { type FleetView, loadFleet, loadSnapshot, type StoredGroup } from './load.ts';
import type { Run } from './run.ts';
import type { GroupRef } from './snapshot.ts';

export type NamespaceRef = { readonly workspace: string; readonly namespace: string };

/** A namespace after its groups were decided. */
export type Settled = NamespaceRef & {
  readonly facts?: NamespaceFacts;
  /** All groups of the namespace as they are stored now. */
  readonly groups: readonly StoredGroup[];
};

/** Namespaces of the cluster's own; nothing is ever placed from them (as upstream has it). */
const SYSTEM_NAMESPACES: readonly string[] = ['kube-system', 'kube-public', 'kube-node-lease'];
/** How often a group is decided again when another function changed it, or what it rests on, meanwhile. */
const ATTEMPTS = 4;

/** Decides all groups of a namespace, or those of some policies. */
export async function settleNamespace(
  run: Run,
  ref: NamespaceRef,
  only: ReadonlySet<string> | 'all',
): Promise<Settled> {
  const { store } = run.deps;
  // The groups first: then the condition on a group's version covers everything that is read after it.
  const groups = await store.listGroups(ref.workspace, ref.namespace);
  const [stored, policies] = await Promise.all([
    store.findNamespace(ref.workspace, ref.namespace),
    store.listPolicies(ref.workspace),
  ]);
  const fleets = await loadFleets(run, policies);
  const byPolicy = new Map(groups.map((group) => [group.decision.policy, group]));
  const known = new Map(policies.map((policy) => [policy.id, policy]));
  for (const id of new Set([...known.keys(), ...byPolicy.keys()])) {
    if (only !== 'all' && !only.has(id)) continue;
    const policy = known.get(id);
    const fleet = policy && fleets.get(policy.locationWorkspace);
    const basis = basisOn(byPolicy.get(id), { policy, namespace: stored?.value, fleet });
    const group = await settleGroup(run, { ...ref, policy: id }, basis);
    if (group) byPolicy.set(id, group);
  }
  return { ...ref, ...(stored ? { facts: stored.value } : {}), groups: [...byPolicy.values()] };
}

/** The facts a group is decided from. */
type GroupFacts = {
  readonly policy: Policy | undefined;
  readonly namespace: NamespaceFacts | undefined;
  readonly fleet: FleetView | undefined;
};

/** A group as it was read, and the facts that were read after it. */
type Basis = {
  readonly previous: StoredGroup | undefined;
  /** The decision whose targets may stay. */
  readonly current: Decision | undefined;
  readonly facts: GroupFacts;
};

const basisOn = (previous: StoredGroup | undefined, facts: GroupFacts): Basis => ({
  previous,
  current: previous?.decision,
  facts,
});

/** The group as it is stored in the end; undefined when there is none and none is called for. */
async function settleGroup(run: Run, ref: GroupRef, first: Basis): Promise<StoredGroup | undefined> {
  const { store } = run.deps;
  let basis = first;
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const stored = await settleOnce(run, ref, basis);
    if (stored === 'outrun') {
      const previous = await store.findGroup(ref);
      basis = basisOn(previous, await loadFacts(run, ref));
      continue;
    }
    if (stored === basis.previous) return stored;
    // Whoever changed facts before this commit may not have found the group in need of anything: then it is ours to decide again.
    const facts = await loadFacts(run, ref);
    if (canonicalJson(facts as Json) === canonicalJson(basis.facts as Json)) return stored;
    basis = { previous: stored, current: stored && withoutHasty(stored.decision, basis, facts), facts };
  }
  throw conflictError(
    `deciding ${ref.policy} for namespace ${ref.namespace} of workspace ${ref.workspace}: others kept changing what it rests on`,
    { component: 'placement' },
  );
}

async function loadFacts(run: Run, { workspace, namespace, policy: id }: GroupRef): Promise<GroupFacts> {
  const { store } = run.deps;
  const [policy, stored] = await Promise.all([
    store.findPolicy(workspace, id),
    store.findNamespace(workspace, namespace),
  ]);
  const fleet = policy && (await loadFleet(store, policy.value.locationWorkspace));
  return { policy: policy?.value, namespace: stored?.value, fleet };
}

async function loadFleets(run: Run, policies: readonly Policy[]): Promise<ReadonlyMap<string, FleetView>> {
  const workspaces = [...new Set(policies.map((policy) => policy.locationWorkspace))];
  return new Map(
    await Promise.all(workspaces.map(async (name) => [name, await loadFleet(run.deps.store, name)] as const)),
  );
}

/** A target chosen by facts that had changed by then counts as not chosen: it must be eligible to stay. */
function withoutHasty(decision: Decision, { current, facts }: Basis, now: GroupFacts): Decision {
  const textOf = ({ fleet }: GroupFacts, key: string) =>
    canonicalJson((fleet?.targets.find((target) => target.key === key) ?? null) as Json);
  const before = new Set((current?.targets ?? []).map((target) => target.key));
  const stays = (key: string) => before.has(key) || textOf(facts, key) === textOf(now, key);
  return { ...decision, targets: decision.targets.filter(({ key }) => stays(key)) };
}

/** One attempt; `outrun` when somebody else wrote in between. */
async function settleOnce(run: Run, ref: GroupRef, basis: Basis): Promise<StoredGroup | undefined | 'outrun'> {
  const { previous, facts } = basis;
  const { policy, namespace, fleet } = facts;
  if (policy && fleet && namespace && governs(policy, namespace)) {
    // What runs in a namespace on its way out is removed with its objects, not by a new decision.
    if (namespace.terminating) return previous;
    return (await place(run, basis, { policy, namespace, fleet })) ?? 'outrun';
  }
  if (!previous || previous.withdrawn) return previous;
  return (await takeBack(run, ref, { previous, gone: namespace ? 'policy' : 'namespace' })) ?? 'outrun';
}

async function place(
  run: Run,
  { previous, current }: Basis,
  { policy, namespace, fleet }: { policy: Policy; namespace: NamespaceFacts; fleet: FleetView },
): Promise<StoredGroup | undefined> {
  const { store } = run.deps;
  const { snapshot, fences } = await loadSnapshot(store, fleet, { policy, namespace, ...(current ? { current } : {}) });
  const draft = decide(snapshot, run.nowMs);
  return commit(store, { draft, policy, fences, nowMs: run.nowMs, ...(previous ? { previous } : {}) });
}

function takeBack(
  run: Run,
  ref: GroupRef,
  { previous, gone }: { readonly previous: StoredGroup; readonly gone: 'policy' | 'namespace' },
): Promise<StoredGroup | undefined> {
  const why = gone === 'namespace' ? 'the namespace is gone' : 'the policy is gone or no longer selects the namespace';
  const draft = withdraw(ref, why);
  return commit(run.deps.store, { draft, fences: new Map(), nowMs: run.nowMs, previous });
}

/** True when the policy selects the namespace. */
export function governs({ namespaces }: Policy, namespace: NamespaceFacts): boolean {
  const { selector, names } = namespaces;
  if (SYSTEM_NAMESPACES.includes(namespace.name) || (!selector && !names)) return false;
  if (names && !names.includes(namespace.name)) return false;
  return selector ? matchesSelector(selector, namespace.labels) : true;
}
