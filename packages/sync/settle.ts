import { conflictError } from '@tmc/kernel/errors.ts';
import { formatKey, type ResourceKey } from '@tmc/kernel/key.ts';
import type { KubeObject } from '@tmc/kernel/object.ts';
import type { TargetFacts } from '@tmc/kernel/records.ts';
import { removeCopy, type StepInput, type StepResult } from './apply.ts';
import { heldBy, type SyncDeps } from './load.ts';
import { planRelease, type TargetStep } from './plan.ts';
import { sourceVersionOf } from './view.ts';

/*
 * Two invocations may carry one object at a time, one of them by a state or decision that is no longer true: it makes a copy just
 * when the other has removed it and lets go of the object, and nobody would look for that copy again. So each acts first and looks
 * at the other's side afterwards: who made a copy, whether the object still holds it; who let go, whether a copy came back. Whatever
 * the order, one of them sees the other.
 */

type Ports = Pick<SyncDeps, 'hub' | 'member'>;
type Settled = {
  readonly input: StepInput;
  readonly steps: readonly TargetStep[];
  readonly results: readonly StepResult[];
};

/**
 * Confirms the copies that were made, and lets go of targets whose copy is gone. Resolves with the object as it is then.
 * @throws TmcError conflict when a copy was made for an object that no longer holds it: it is removed, look again.
 */
export async function settleSteps(ports: Ports, { input, steps, results }: Settled): Promise<KubeObject> {
  const { key, upstreamObj } = input;
  const targets = steps.flatMap((step) => (step.kind === 'hold' ? [] : [step.target]));
  const targetsOf = (isMeant: (result: StepResult) => boolean): TargetFacts[] => {
    const keys = new Set(results.filter(isMeant).map((result) => result.targetKey));
    return targets.filter((target) => keys.has(target.key));
  };
  const made = targetsOf((result) => result.kind === 'done' && result.isNew);
  if (made.length > 0) await confirmMade(ports, input, made);
  const gone = targetsOf((result) => result.kind === 'gone');
  const release = planRelease(
    upstreamObj,
    gone.map((target) => target.key),
  );
  if (!release) return upstreamObj;
  const last = await patchMetadata(ports, key, { upstreamObj, patch: release });
  await removeAll(ports, input, gone);
  return last;
}

/** Copies that cannot be confirmed, because the hub does not answer, are taken back too: the next attempt makes them again. */
async function confirmMade(ports: Ports, input: StepInput, made: readonly TargetFacts[]): Promise<void> {
  const { key, upstreamObj } = input;
  let held: readonly string[] = [];
  try {
    const now = await ports.hub.get(key);
    if (now?.metadata.uid === upstreamObj.metadata.uid && now) held = heldBy(now);
  } catch (error) {
    await removeAll(ports, input, made);
    throw error;
  }
  const strays = made.filter((target) => !held.includes(target.key));
  if (strays.length === 0) return;
  await removeAll(ports, input, strays);
  throw conflictError(`${formatKey(key)}: it was let go of while copies were made`);
}

async function removeAll({ member }: Ports, input: StepInput, targets: readonly TargetFacts[]): Promise<void> {
  const { key, upstreamObj, epochOn } = input;
  await Promise.all(
    targets.map(async (target) => {
      const api = member(target.key);
      const version = sourceVersionOf(upstreamObj, epochOn(target.key));
      if (api) await removeCopy(api, target, { key, version });
    }),
  );
}

/** One guarded merge patch; the answer tells the new version, the content is what it was. */
export async function patchMetadata(
  { hub }: Pick<SyncDeps, 'hub'>,
  key: ResourceKey,
  { upstreamObj, patch }: { upstreamObj: KubeObject; patch: NonNullable<ReturnType<typeof planRelease>> },
): Promise<KubeObject> {
  const { uid = '', resourceVersion = '' } = upstreamObj.metadata;
  const { metadata } = await hub.patch(key, patch, { uid, resourceVersion });
  return { ...upstreamObj, metadata };
}
