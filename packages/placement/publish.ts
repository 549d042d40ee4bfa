/** Telling hub and sync what was decided. Everything here may be repeated: it only writes what differs. */
import { CONTROL_RESOURCES } from '@tmc/apis/resources.ts';
import { kindOf, messageOf, retryError } from '@tmc/kernel/errors.ts';
import { formatKey, type ResourceKey } from '@tmc/kernel/key.ts';
import type { KubeObject } from '@tmc/kernel/object.ts';
import type { Settled } from './evaluate.ts';
import { problemsOf } from './facts.ts';
import type { StoredGroup } from './load.ts';
import { planNamespacePatch } from './plan-namespace.ts';
import { planPolicyStatus } from './plan-policy-status.ts';
import { evaluateMessage, type Run, sendAll } from './run.ts';

/** How often a hub object is read and written again when others keep changing it. */
const HUB_ATTEMPTS = 4;

const unpublished = (settled: Settled): readonly StoredGroup[] => settled.groups.filter((group) => !group.published);

export const namespaceKey = (workspace: string, name: string): ResourceKey => ({
  workspace,
  group: '',
  resource: 'namespaces',
  namespace: '',
  name,
});

/**
 * Publishes every decision of these namespaces that is not published yet: messages to sync, namespace labels, policy statuses, in
 * this order, then the mark. Sync goes by the decision, not by what shows it: a hub that refuses to show it keeps nothing from
 * being carried. A crash or refusal in between leaves the mark out, so the next run does it all again.
 * @throws the first failure, after everything else was published.
 */
export async function publish(run: Run, settled: readonly Settled[]): Promise<void> {
  const open = settled.filter((namespace) => unpublished(namespace).length > 0);
  await sendAll(
    run,
    open
      .filter((namespace) => unpublished(namespace).some((group) => group.toSync))
      .map(({ workspace, namespace, facts }) =>
        evaluateMessage(run, 'sync', { key: namespaceKey(workspace, namespace), uid: facts?.uid ?? '' }),
      ),
  );
  const failures: unknown[] = [];
  const shows = async (what: string, show: () => Promise<void>): Promise<boolean> => {
    const failure = await show().then(
      () => undefined,
      (error: unknown) => notShown(what, error),
    );
    if (failure) failures.push(failure);
    return !failure;
  };
  const shown: Settled[] = [];
  for (const namespace of open) {
    const what = `labels of namespace ${namespace.namespace}`;
    if (await shows(what, () => publishNamespace(run, namespace))) shown.push(namespace);
  }
  const refused = new Set<string>();
  for (const [text, policy] of policiesOf(open)) {
    if (!(await shows(`status of ${policy.policy}`, () => publishPolicy(run, policy)))) refused.add(text);
  }
  for (const namespace of shown) {
    if (!unpublished(namespace).some((group) => refused.has(policyText(group)))) await mark(run, namespace);
  }
  if (failures.length > 0) throw failures[0];
}

const policyText = ({ decision: { workspace, policy } }: StoredGroup): string => `${workspace}#${policy}`;

function policiesOf(open: readonly Settled[]): ReadonlyMap<string, { workspace: string; policy: string }> {
  const groups = open.flatMap((namespace) => unpublished(namespace));
  return new Map(
    groups.map((group) => [policyText(group), { workspace: group.decision.workspace, policy: group.decision.policy }]),
  );
}

/** A refusal may pass (a webhook, a quota): it is tried again for as long as the queue does, and the last reason says so. */
function notShown(what: string, error: unknown): unknown {
  if (kindOf(error) !== 'terminal') return error;
  return retryError(
    `showing a decision: the hub refused the ${what} (workloads are carried all the same): ${messageOf(error)}`,
    {
      type: 'PlacementPolicy',
      component: 'placement',
      cause: error,
    },
  );
}

/** Makes labels and annotations of a namespace say what is decided; `seen` saves the read when it says so already. */
export async function publishNamespace(run: Run, settled: Settled, seen?: KubeObject): Promise<void> {
  if (seen && !planNamespacePatch(seen, settled.groups)) return;
  const key = namespaceKey(settled.workspace, settled.namespace);
  await reread(async () => {
    const live = await run.deps.hub.get(key);
    const patch = live && planNamespacePatch(live, settled.groups);
    if (patch) await run.deps.hub.patch(key, patch, versionOf(live));
  });
}

/** Makes a policy's status say what became of it. */
export async function publishPolicy(
  run: Run,
  policy: { readonly workspace: string; readonly policy: string },
): Promise<void> {
  const { hub, store } = run.deps;
  const key = policyKey(policy.workspace, policy.policy);
  await reread(async () => {
    const live = await hub.get(key);
    if (!live) return;
    const listed = await store.listPolicyGroups(policy.workspace, policy.policy);
    const groups = listed.filter((group) => !group.withdrawn);
    const outcome = { groups, problems: problemsOf(key, live), locationWorkspace: policy.workspace };
    const patch = planPolicyStatus(live, outcome, run.nowMs);
    if (patch) await hub.patch(key, patch, { ...versionOf(live), subresource: 'status' });
  });
}

/** Reads, plans and writes again when somebody else wrote in between; many functions show one policy's status at once. */
export async function reread(write: () => Promise<void>): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await write();
    } catch (error) {
      if (kindOf(error) !== 'conflict' || attempt === HUB_ATTEMPTS) throw error;
    }
  }
}

/**
 * Marks what was published. A group that was decided anew meanwhile belongs to whoever did that; but what was just written may be
 * older than what he wrote, so the namespace is shown once more.
 */
async function mark(run: Run, settled: Settled): Promise<void> {
  const { store } = run.deps;
  let outrun = false;
  for (const group of unpublished(settled)) if (!(await store.markPublished(group))) outrun = true;
  if (!outrun) return;
  const groups = await store.listGroups(settled.workspace, settled.namespace);
  await publishNamespace(run, { ...settled, groups });
}

/** The hub object a policy id names; @throws RangeError when it names none. */
function policyKey(workspace: string, policy: string): ResourceKey {
  const [resource, namespace = '', name = ''] = policy.split('/');
  const known = CONTROL_RESOURCES.find((r) => r.resource === resource);
  if (!known) throw new RangeError(`policy id "${policy}" names no policy resource`);
  const key = { workspace, group: known.group, resource: known.resource, namespace, name };
  formatKey(key);
  return key;
}

/** Preconditions that the object is still the one read. */
export function versionOf({ metadata: { uid, resourceVersion } }: KubeObject) {
  return { ...(uid ? { uid } : {}), ...(resourceVersion ? { resourceVersion } : {}) };
}
