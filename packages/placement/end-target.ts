/** Letting a deleted SyncTarget go once nothing of its workspace runs there. */
import { TARGET_FINALIZER } from '@tmc/apis/names.ts';
import { setCondition } from '@tmc/kernel/condition.ts';
import { isTmcError, messageOf } from '@tmc/kernel/errors.ts';
import type { ResourceKey } from '@tmc/kernel/key.ts';
import type { Condition, Json } from '@tmc/kernel/object.ts';
import type { TargetFacts } from '@tmc/kernel/records.ts';
import { conditionMessage } from './condition-message.ts';
import { reread, versionOf } from './publish.ts';
import { evaluateMessage, type Run, sendAll } from './run.ts';
import { listSynced } from './synced-objects.ts';

/** How long removals have before the first look, and the longest pause between looks. Chosen freely. */
const LOOK_MS = { first: 1_000, longest: 60_000 };
/** A deletion that takes longer than this tells what it waits for. Chosen freely: removals take seconds. */
const EXPLAIN_AFTER_MS = 60_000;
/** So many objects are named; of the others the number is told. */
const NAMED = 3;

/**
 * Lets a SyncTarget that is being deleted go once nothing is synced there. While it is held, sync knows where its copies are and,
 * in kcp, a deleted binding leaves us the access that removing them takes. A member out of reach is not waited for: nobody could
 * remove anything there. The message that saw the deletion first (`isNews`) starts one chain of delayed looks, the later the longer
 * it takes; no other message starts another.
 */
export async function endTarget(run: Run, facts: TargetFacts, { isNews }: { readonly isNews: boolean }): Promise<void> {
  const { key, change, uid } = run.envelope;
  const live = await run.deps.hub.get(key);
  const { deletionTimestamp, finalizers } = live?.metadata ?? {};
  if (!deletionTimestamp || !finalizers?.includes(TARGET_FINALIZER)) return;
  const sinceMs = Math.max(0, run.nowMs - Date.parse(deletionTimestamp));
  // The first message only decides: objects on their way by the decision before must not be missed.
  if (change === 'evaluate') {
    const held = facts.ready ? await holders(run, facts) : undefined;
    if (!held) return releaseTarget(run);
    if (sinceMs >= EXPLAIN_AFTER_MS) await showHeld(run, held);
  }
  // Looks carry the uid; those of a sweep, which come with every start of a relay, do not.
  if (!isNews && !(change === 'evaluate' && uid !== '' && uid === facts.uid)) return;
  const delayMs = Math.min(LOOK_MS.longest, Math.max(LOOK_MS.first, Math.round(sinceMs / 4)));
  await sendAll(run, [evaluateMessage(run, 'placement', { key, uid: facts.uid, delayMs })]);
}

type Holders = Pick<Condition, 'reason' | 'message'>;

/** What still is synced to the target, in words; undefined when nothing is. */
async function holders(run: Run, facts: TargetFacts): Promise<Holders | undefined> {
  try {
    const synced = await listSynced(run, facts);
    return synced.length > 0 ? { reason: 'CopiesRemain', message: describe(synced) } : undefined;
  } catch (error) {
    // Refused for as long as a tenant rejects a claim: that may be days, so the looks go on.
    if (!isTmcError(error)) throw error;
    return { reason: 'CopiesUnknown', message: `held until what is synced can be read: ${messageOf(error)}` };
  }
}

function describe(synced: readonly ResourceKey[]): string {
  const named = synced.slice(0, NAMED).map((key) => `${key.resource} ${key.namespace}/${key.name}`);
  const others = synced.length > NAMED ? ` and ${synced.length - NAMED} more` : '';
  const objects = synced.length === 1 ? '1 object' : `${synced.length} objects`;
  return `held until the copies of ${objects} are removed: ${named.join(', ')}${others}`;
}

/** Condition Deleting: what the target is held for. */
async function showHeld(run: Run, { reason, message }: Holders): Promise<void> {
  const condition = { type: 'Deleting', status: 'True', reason, message: conditionMessage(message) } as const;
  await reread(async () => {
    const live = await run.deps.hub.get(run.envelope.key);
    if (!live) return;
    const current = (live['status'] as { conditions?: Condition[] } | undefined)?.conditions;
    const conditions = setCondition(current, condition, run.nowMs);
    if (conditions === current) return;
    const status = { conditions: conditions as Json };
    await run.deps.hub.patch(run.envelope.key, { status }, { ...versionOf(live), subresource: 'status' });
  });
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
