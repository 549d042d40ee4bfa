import { formatTime } from '@tmc/kernel/clock.ts';
import { conflictError, isTmcError, kindOf, retryError, type TmcError, terminalError } from '@tmc/kernel/errors.ts';
import type { ResourceKey } from '@tmc/kernel/key.ts';
import type { KubeObject } from '@tmc/kernel/object.ts';
import type { MemberApi } from '@tmc/kernel/ports.ts';
import type { TargetFacts } from '@tmc/kernel/records.ts';
import type { SourceVersion } from '@tmc/kernel/source-version.ts';
import { downstreamKeyOf } from './copy-identity.ts';
import type { SyncDeps } from './load.ts';
import type { Destination, Namespaces } from './namespace.ts';
import { planCopy, planRemoval, type TargetStep } from './plan.ts';
import { sourceVersionOf, type View, viewFor } from './view.ts';

/** What became of one step on one target. */
export type StepResult = {
  readonly targetKey: string;
  readonly targetName: string;
} /** `isNew`: the copy was not there before; `isWritten`: it was made or changed now. */ & (
  | { readonly kind: 'done'; readonly isNew: boolean; readonly isWritten: boolean }
  /** The copy is proved to be gone. */
  | { readonly kind: 'gone' }
  | { readonly kind: 'waiting'; readonly reason: string }
  /** The copy is missing, and the state at hand is too little to make it from: read the hub and try again. */
  | { readonly kind: 'unconfirmed' }
  /** The copy records a later state: read the hub again, it decides (`fence.ts`). */
  | { readonly kind: 'doubt'; readonly recorded: SourceVersion }
  /** `terminal`: the user or operator must change something; `retry` and `conflict`: later. */
  | { readonly kind: 'failed'; readonly error: TmcError }
);

export type StepInput = {
  readonly key: ResourceKey;
  readonly upstreamObj: KubeObject;
  /** See {@link planCopy}. */
  readonly recordVersion: boolean;
  /**
   * The hub said just now, by an answer to a read or a patch, that the object is like this. A message alone may be late: the object
   * may be gone by now and nobody left to remove what is made from it. Only a confirmed state makes a copy that is missing.
   */
  readonly confirmed: boolean;
  /** Epoch of the state, against the copy on this target. */
  readonly epochOn: (targetKey: string) => number;
};

type Ports = Pick<SyncDeps, 'member' | 'clock' | 'settings'> & { readonly namespaces: Namespaces };

/** Somebody else wrote between our read and our write this often: give the message back instead of fighting on. */
const MAX_ATTEMPTS = 3;

/** Performs one step on one target. Failures are results, so that no target's failure keeps the others from their step. */
export async function performStep(ports: Ports, step: TargetStep, input: StepInput): Promise<StepResult> {
  if (step.kind === 'hold') {
    const { targetKey, reason, hint } = step;
    const held = { targetKey, targetName: targetKey };
    if (hint === undefined) return { ...held, kind: 'waiting', reason };
    const facts = { type: 'ClusterConfiguration', target: targetKey, hint } as const;
    return { ...held, kind: 'failed', error: retryError(reason, facts) };
  }
  const { key: targetKey, name: targetName } = step.target;
  try {
    const result = step.kind === 'write' ? await write(ports, step, input) : await remove(ports, step.target, input);
    return { targetKey, targetName, ...result };
  } catch (error) {
    if (!isTmcError(error)) throw error;
    return { targetKey, targetName, kind: 'failed', error };
  }
}

type Ended =
  | { readonly kind: 'done'; readonly isNew: boolean; readonly isWritten: boolean }
  | { readonly kind: 'gone' }
  | { readonly kind: 'waiting'; readonly reason: string }
  | { readonly kind: 'unconfirmed' }
  | { readonly kind: 'doubt'; readonly recorded: SourceVersion };
type WriteStep = Extract<TargetStep, { kind: 'write' }>;

async function write(ports: Ports, step: WriteStep, input: StepInput): Promise<Ended> {
  const { target, decision } = step;
  const member = memberOf(ports, target);
  const settings = { ...ports.settings, epoch: input.epochOn(target.key) };
  const view = viewFor({ ...input, decision, target, settings, now: formatTime(ports.clock()) });
  if (!view.ok)
    throw terminalError(view.problem, { type: 'ProjectionTransform', target: target.name, hint: CORRECT_SPEC_DIFF });
  const destination = { member, target, upstreamKey: input.key };
  let isFresh = step.fresh;
  for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt += 1) {
    await ports.namespaces.ensure(destination);
    const ended = await tryWrite(destination, view, { ...input, isFresh });
    if (ended === 'namespace missing') ports.namespaces.forget(destination);
    else if (ended !== 'conflict') return ended;
    isFresh = false;
  }
  throw conflictError(`writing ${view.key.namespace}/${view.key.name} on ${target.name}: it keeps changing`, {
    target: target.name,
    hint: 'find in its managedFields who else writes it in the member cluster, and let one of the two own it',
  });
}

const CORRECT_SPEC_DIFF =
  'on the object in the hub, make the annotation a JSON array of patch operations that apply to its spec, or remove it';

async function tryWrite(
  { member, target, upstreamKey }: Destination,
  view: Extract<View, { ok: true }>,
  { isFresh, recordVersion, confirmed }: Pick<StepInput, 'recordVersion' | 'confirmed'> & { isFresh: boolean },
): Promise<Ended | 'conflict' | 'namespace missing'> {
  const downstreamObj = isFresh ? undefined : await member.get(view.key);
  const plan = planCopy({ upstreamKey, targetKey: target.key, view, downstreamObj, recordVersion });
  if (plan.kind === 'nothing') return { kind: 'done', isNew: false, isWritten: false };
  if (plan.kind === 'doubt') return plan;
  if (plan.kind === 'create' && !confirmed) return { kind: 'unconfirmed' };
  if (plan.kind === 'wait') return { kind: 'waiting', reason: plan.reason };
  if (plan.kind === 'refuse') throw terminalError(plan.reason, { type: 'ResourceConflict', target: target.name });
  try {
    await member.apply(view.key, view.copy, plan.kind === 'create' ? 'createOnly' : plan.when);
    return { kind: 'done', isNew: plan.kind === 'create', isWritten: true };
  } catch (error) {
    if (kindOf(error) === 'conflict') return 'conflict';
    if (isNamespaceMissing(error)) return 'namespace missing';
    throw error;
  }
}

/** A write into an absent namespace: terminal for a client that cannot create it, a step for us. */
function isNamespaceMissing(error: unknown): boolean {
  return isTmcError(error) && error.kind === 'terminal' && error.facts.type === 'ResourceNotFound';
}

/** Deletes our copy and looks again: only an absent copy counts as gone. Foreign objects are not ours to delete, and no copy. */
async function remove(ports: Ports, target: TargetFacts, { key, upstreamObj, epochOn }: StepInput): Promise<Ended> {
  const version = sourceVersionOf(upstreamObj, epochOn(target.key));
  return removeCopy(memberOf(ports, target), target, { key, version });
}

/** See {@link remove}; `version` is the upstream state the removal was decided from. */
export async function removeCopy(
  member: MemberApi,
  target: TargetFacts,
  { key, version }: { key: ResourceKey; version: SourceVersion },
): Promise<Ended> {
  const downstreamKey = downstreamKeyOf(key, target);
  const identity = { upstreamKey: key, targetKey: target.key, version };
  const downstreamObj = await member.get(downstreamKey);
  const plan = downstreamObj && planRemoval(downstreamObj, identity);
  if (!plan || plan.kind === 'not ours') return { kind: 'gone' };
  if (plan.kind === 'doubt') return plan;
  const uid = downstreamObj.metadata.uid ?? '';
  if (!downstreamObj.metadata.deletionTimestamp) await member.delete(downstreamKey, uid);
  const left = await member.get(downstreamKey);
  if (!left || left.metadata.uid !== uid) return { kind: 'gone' };
  return { kind: 'waiting', reason: `the copy on ${target.name} is being deleted` };
}

function memberOf({ member }: Pick<SyncDeps, 'member'>, target: TargetFacts): MemberApi {
  const found = member(target.key);
  if (found) return found;
  throw retryError(`no member cluster is configured for target ${target.name}`, {
    type: 'ClusterConfiguration',
    target: target.name,
    hint: `add the cluster of target ${target.name} to the configuration`,
  });
}
