/** Deciding the groups of a namespace anew, and storing what changed. */
import type { NamespaceFacts, Policy } from '@tmc/apis/policy.ts';
import { matchesSelector } from '@tmc/apis/selectors.ts';
import { conflictError } from '@tmc/kernel/errors.ts';
import { commit } from './commit.ts';
import { decide, withdraw } from './decide.ts';
import { loadSnapshot, type StoredGroup } from './load.ts';
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
/** How often a group is decided again when another function changed it or a target's load meanwhile. */
const ATTEMPTS = 4;

/** Decides all groups of a namespace, or those of some policies. */
export async function settleNamespace(
  run: Run,
  ref: NamespaceRef,
  only: ReadonlySet<string> | 'all',
): Promise<Settled> {
  const { store } = run.deps;
  const [stored, groups, policies] = await Promise.all([
    store.findNamespace(ref.workspace, ref.namespace),
    store.listGroups(ref.workspace, ref.namespace),
    store.listPolicies(ref.workspace),
  ]);
  const byPolicy = new Map(groups.map((group) => [group.decision.policy, group]));
  const known = new Map(policies.map((policy) => [policy.id, policy]));
  for (const id of new Set([...known.keys(), ...byPolicy.keys()])) {
    if (only !== 'all' && !only.has(id)) continue;
    const group = await settleGroup(run, {
      ref: { ...ref, policy: id },
      policy: known.get(id),
      namespace: stored?.value,
      previous: byPolicy.get(id),
    });
    if (group) byPolicy.set(id, group);
  }
  return { ...ref, ...(stored ? { facts: stored.value } : {}), groups: [...byPolicy.values()] };
}

type Group = {
  readonly ref: GroupRef;
  readonly policy: Policy | undefined;
  readonly namespace: NamespaceFacts | undefined;
  readonly previous: StoredGroup | undefined;
};

/** The group as it is stored in the end; undefined when there is none and none is called for. */
async function settleGroup(run: Run, group: Group): Promise<StoredGroup | undefined> {
  let { previous } = group;
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const stored = await settleOnce(run, { ...group, previous });
    if (stored !== 'outrun') return stored;
    previous = await run.deps.store.findGroup(group.ref);
  }
  throw conflictError(
    `deciding ${group.ref.policy} for namespace ${group.ref.namespace} of workspace ${group.ref.workspace}: other decisions kept changing what it rests on`,
    { component: 'placement' },
  );
}

/** One attempt; `outrun` when somebody else wrote in between. */
async function settleOnce(run: Run, group: Group): Promise<StoredGroup | undefined | 'outrun'> {
  const { policy, namespace, previous } = group;
  if (policy && namespace && governs(policy, namespace)) {
    // What runs in a namespace on its way out is removed with its objects, not by a new decision.
    if (namespace.terminating) return previous;
    return (await place(run, { ...group, policy, namespace })) ?? 'outrun';
  }
  if (!previous || previous.withdrawn) return previous;
  return (await takeBack(run, group.ref, { previous, gone: namespace ? 'policy' : 'namespace' })) ?? 'outrun';
}

async function place(
  run: Run,
  group: Group & { readonly policy: Policy; readonly namespace: NamespaceFacts },
): Promise<StoredGroup | undefined> {
  const { policy, namespace, previous } = group;
  const fleet = await run.fleet(policy.locationWorkspace);
  const current = previous ? { current: previous.decision } : {};
  const { snapshot, fences } = await loadSnapshot(run.deps.store, fleet, { policy, namespace, ...current });
  const draft = decide(snapshot, run.nowMs);
  return commit(run.deps.store, { draft, policy, fences, nowMs: run.nowMs, ...(previous ? { previous } : {}) });
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
