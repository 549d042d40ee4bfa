/** Letting a deleted SyncTarget go once nothing of its workspace runs there. */
import { TARGET_FINALIZER } from '@tmc/apis/names.ts';
import { isTmcError } from '@tmc/kernel/errors.ts';
import type { TargetFacts } from '@tmc/kernel/records.ts';
import { reread, versionOf } from './publish.ts';
import { evaluateMessage, type Run, sendAll } from './run.ts';
import { listSynced } from './synced-objects.ts';

/** How long removals have before the first look, and the longest pause between looks. Chosen freely. */
const LOOK_MS = { first: 1_000, longest: 60_000 };

/**
 * One look at a SyncTarget that is being deleted. While it is held, sync knows where its copies are and, in kcp, a deleted binding
 * leaves us the access that removing them takes. A member out of reach is not waited for: nobody could remove anything there.
 * Looks again by a delayed message, the later the longer it takes.
 */
export async function endTarget(run: Run, facts: TargetFacts): Promise<void> {
  const { key, change } = run.envelope;
  const live = await run.deps.hub.get(key);
  const { deletionTimestamp, finalizers } = live?.metadata ?? {};
  if (!deletionTimestamp || !finalizers?.includes(TARGET_FINALIZER)) return;
  // The first message only decides: objects on their way by the decision before must not be missed.
  const isLook = change === 'evaluate';
  if (isLook && (!facts.ready || !(await hasCopies(run, facts)))) return releaseTarget(run);
  const sinceMs = Math.max(0, run.nowMs - Date.parse(deletionTimestamp));
  const delayMs = Math.min(LOOK_MS.longest, Math.max(LOOK_MS.first, Math.round(sinceMs / 4)));
  await sendAll(run, [evaluateMessage(run, 'placement', { key, uid: facts.uid, delayMs })]);
}

/** True while an object of the workspace says that it is synced to the target, or what is there cannot be read. */
async function hasCopies(run: Run, facts: TargetFacts): Promise<boolean> {
  try {
    return (await listSynced(run, facts)).length > 0;
  } catch (error) {
    // Refused for as long as a tenant rejects a claim: that may be days, so the looks go on.
    if (isTmcError(error)) return true;
    throw error;
  }
}

/** Takes our finalizer off; a SyncTarget that is gone or free already is fine. */
export async function releaseTarget({ deps, envelope }: Run): Promise<void> {
  await reread(async () => {
    const live = await deps.hub.get(envelope.key);
    if (!live?.metadata.finalizers?.includes(TARGET_FINALIZER)) return;
    const finalizers = live.metadata.finalizers.filter((name) => name !== TARGET_FINALIZER);
    await deps.hub.patch(envelope.key, { metadata: { finalizers } }, versionOf(live));
  });
}
