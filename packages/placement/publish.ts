/** Telling hub and sync what was decided. Everything here may be repeated: it only writes what differs. */
import { CONTROL_RESOURCES } from '@tmc/apis/resources.ts';
import { conflictError } from '@tmc/kernel/errors.ts';
import { formatKey, type ResourceKey } from '@tmc/kernel/key.ts';
import type { KubeObject } from '@tmc/kernel/object.ts';
import type { Settled } from './evaluate.ts';
import { problemsOf } from './facts.ts';
import type { StoredGroup } from './load.ts';
import { planNamespacePatch } from './plan-namespace.ts';
import { planPolicyStatus } from './plan-policy-status.ts';
import { evaluateMessage, type Run, sendAll } from './run.ts';

const unpublished = (settled: Settled): readonly StoredGroup[] => settled.groups.filter((group) => !group.published);

export const namespaceKey = (workspace: string, name: string): ResourceKey => ({
  workspace,
  group: '',
  resource: 'namespaces',
  namespace: '',
  name,
});

/**
 * Publishes every decision of these namespaces that is not published yet: namespace labels, policy statuses, messages to sync, in
 * this order, then the mark. A crash in between leaves the mark out, so the next run does it all again.
 */
export async function publish(run: Run, settled: readonly Settled[]): Promise<void> {
  const open = settled.filter((namespace) => unpublished(namespace).length > 0);
  for (const namespace of open) await publishNamespace(run, namespace);
  const policies = new Map(
    open.flatMap((namespace) =>
      unpublished(namespace).map(({ decision: { workspace, policy } }) => [
        `${workspace}#${policy}`,
        { workspace, policy },
      ]),
    ),
  );
  for (const { workspace, policy } of policies.values()) await publishPolicy(run, { workspace, policy });
  await sendAll(
    run,
    open
      .filter((namespace) => unpublished(namespace).some((group) => group.toSync))
      .map(({ workspace, namespace, facts }) =>
        evaluateMessage(run, 'sync', { key: namespaceKey(workspace, namespace), uid: facts?.uid ?? '' }),
      ),
  );
  for (const group of open.flatMap(unpublished)) await mark(run, group);
}

/** Makes labels and annotations of a namespace say what is decided; `seen` saves the read when it says so already. */
export async function publishNamespace(run: Run, settled: Settled, seen?: KubeObject): Promise<void> {
  if (seen && !planNamespacePatch(seen, settled.groups)) return;
  const key = namespaceKey(settled.workspace, settled.namespace);
  const live = await run.deps.hub.get(key);
  const patch = live && planNamespacePatch(live, settled.groups);
  if (!patch) return;
  await run.deps.hub.patch(key, patch, versionOf(live));
}

/** Makes a policy's status say what became of it. */
export async function publishPolicy(
  run: Run,
  policy: { readonly workspace: string; readonly policy: string },
): Promise<void> {
  const { hub, store } = run.deps;
  const key = policyKey(policy.workspace, policy.policy);
  const live = await hub.get(key);
  if (!live) return;
  const groups = (await store.listPolicyGroups(policy.workspace, policy.policy)).filter((group) => !group.withdrawn);
  const outcome = { groups, problems: problemsOf(key, live), locationWorkspace: policy.workspace };
  const patch = planPolicyStatus(live, outcome, run.nowMs);
  if (patch) await hub.patch(key, patch, { ...versionOf(live), subresource: 'status' });
}

async function mark(run: Run, group: StoredGroup): Promise<void> {
  if (await run.deps.store.markPublished(group)) return;
  const { workspace, namespace, policy } = group.decision;
  throw conflictError(
    `publishing ${policy} for namespace ${namespace} of workspace ${workspace}: it was decided anew meanwhile`,
    { component: 'placement' },
  );
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
