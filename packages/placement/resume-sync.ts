/** A target that was out of reach and is back: what was meant for it meanwhile is carried now, and its copies count again. */
import { isTmcError } from '@tmc/kernel/errors.ts';
import type { ResourceKey } from '@tmc/kernel/key.ts';
import type { TargetFacts } from '@tmc/kernel/records.ts';
import { namespaceKey } from './publish.ts';
import { evaluateMessage, type Run, sendAll } from './run.ts';
import { listSynced } from './synced-objects.ts';

/**
 * Sends sync every namespace that a target's return touches: those with a group on it, and those of objects that still carry its
 * state label because they had to leave it. Messages for it may have been parked in an outage, and no decision changes by its end.
 * The mark stored with the facts keeps a crash from losing this; sending twice is harmless.
 */
export async function resumeSync(run: Run, facts: TargetFacts): Promise<void> {
  const { store } = run.deps;
  const owed = await store.findOwed(facts.key);
  if (owed === undefined) return;
  const [{ held }, synced] = await Promise.all([store.listReservations(facts.key), findSynced(run, facts)]);
  const namespaces = new Map(
    [...held.map(({ group }) => group), ...(synced ?? [])].map(({ workspace, namespace }) => [
      `${workspace}#${namespace}`,
      namespaceKey(workspace, namespace),
    ]),
  );
  // Sync carries what waited; status counts again what the target runs and others' reports showed as unknown meanwhile.
  const messages = (['sync', 'status'] as const).flatMap((queue) =>
    [...namespaces.values()].map((key) => evaluateMessage(run, queue, { key, uid: '' })),
  );
  await sendAll(run, messages);
  if (synced) await store.settleOwed(facts.key, owed);
}

/** Undefined for as long as a tenant refuses to let us read; then the mark stays, and what has a group there is carried all the same. */
async function findSynced(run: Run, facts: TargetFacts): Promise<readonly ResourceKey[] | undefined> {
  try {
    return await listSynced(run, facts);
  } catch (error) {
    if (isTmcError(error) && error.facts.type === 'ResourcePermission') return undefined;
    throw error;
  }
}
