import { isSynced } from '@tmc/apis/resources.ts';
import { canonicalJson } from '@tmc/kernel/canonical.ts';
import type { Envelope } from '@tmc/kernel/envelope.ts';
import { conflictError, kindOf, messageOf } from '@tmc/kernel/errors.ts';
import { formatKey, type ResourceKey } from '@tmc/kernel/key.ts';
import type { KubeObject } from '@tmc/kernel/object.ts';
import type { Decision } from '@tmc/kernel/records.ts';
import { again, done, type Outcome } from '@tmc/kernel/result.ts';
import { performStep, removeCopy, type StepInput, type StepResult } from './apply.ts';
import { fanOutKind, fanOutNamespace, isCarried } from './fan-out.ts';
import { epochOfFresh, floorOf, type Standing, standingOf } from './fence.ts';
import { ALL, covering, loadPlaced, type Placed, type SyncDeps } from './load.ts';
import { createNamespaces, type Namespaces } from './namespace.ts';
import { planObject, type TargetStep } from './plan.ts';
import { reportFailures } from './report.ts';
import { patchMetadata, settleSteps } from './settle.ts';
import { type Carried, createSyncMemory, type SyncMemory } from './sync-memory.ts';
import { sourceVersionOf } from './view.ts';

/** A state in a message is trusted for this long; after that, and at every retry, the hub is read. Chosen freely. */
const FRESH_MS = 60_000;
const MAX_ATTEMPTS = 3;
/** From this receive on, a target that cannot be written is told to the user: before, it may be a hiccup. */
const REPORT_AT_RECEIVE = 3;
/** While something ends in a member we look again; at this receive its own report, which will come, is left to bring us back. */
const WAITS_BEFORE_TRUST = 4;

/** What was deleted in the hub while no relay looked had our finalizer, so it is still there, being deleted, and told as such. */
const HUB_LISTED: Outcome = { kind: 'done', note: 'objects with copies cannot vanish from a list of the hub' };

type Context = SyncDeps & { readonly namespaces: Namespaces; readonly memory: SyncMemory };

/**
 * Consumer of the `sync` queue: carries objects of the hub to the members their decisions name, and removes them from others.
 * Expected failures are outcomes; what it throws is a bug or a TmcError the queue knows how to treat.
 */
export function createSyncDown(deps: SyncDeps): (envelope: Envelope, receiveCount: number) => Promise<Outcome> {
  const context: Context = { ...deps, namespaces: createNamespaces(deps.clock), memory: createSyncMemory() };
  return async (envelope, receiveCount) => {
    const { key, change } = envelope;
    if (key.group === '' && key.resource === 'namespaces') return fanOutNamespace(context, key);
    // Lost sight is no deletion: nothing is torn down on it. Ticks and heartbeats are none of ours.
    if (!isSynced(key) || change === 'unseen') return done;
    if (key.name === ALL) return envelope.source.kind === 'hub' ? HUB_LISTED : fanOutKind(context, key);
    return syncWithRetries(context, envelope, receiveCount);
  };
}

async function syncWithRetries(context: Context, envelope: Envelope, receiveCount: number): Promise<Outcome> {
  const floor = floorOf(context.settings.epoch, envelope.source);
  const epochs = new Map<string, number>();
  const delivery = { envelope, receiveCount, floor, epochOn: (targetKey: string) => epochs.get(targetKey) ?? floor };
  let inMessage = receiveCount === 1 ? freshBody(context, envelope) : undefined;
  let reason = '';
  let doubts: readonly Doubt[] = [];
  for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt += 1) {
    const upstreamObj = inMessage ?? (await context.hub.get(envelope.key));
    if (!upstreamObj) return removeOrphans(context, envelope, floor);
    const { resourceVersion: rv = '' } = upstreamObj.metadata;
    for (const { targetKey, recorded } of doubts) epochs.set(targetKey, epochOfFresh(recorded, rv, floor));
    try {
      const ended = await syncObject(context, upstreamObj, { ...delivery, isFromHub: !inMessage });
      if (!('doubts' in ended)) return ended;
      doubts = ended.doubts;
      reason = `${formatKey(envelope.key)}: a later state was carried already`;
    } catch (error) {
      // Somebody changed the upstream object since we saw it, or only the hub can tell whether it still is: look again.
      if (kindOf(error) !== 'conflict') throw error;
      doubts = [];
      reason = messageOf(error);
    }
    inMessage = undefined;
  }
  const advice = 'tried again; if this goes on, find in its managedFields who keeps writing it in the hub';
  return again(100 + Math.floor(context.random() * 400), `${reason}; ${advice}`);
}

/** The state the message carries, when it is young enough and was sent as the present state. */
function freshBody({ clock }: SyncDeps, { change, at, body, key }: Envelope): KubeObject | undefined {
  if (change !== 'upsert' && change !== 'evaluate') return undefined;
  if (key.resource === 'secrets' || !body?.metadata.uid || !body.metadata.resourceVersion) return undefined;
  return clock() - at < FRESH_MS ? body : undefined;
}

type Delivery = Pick<StepInput, 'epochOn'> & {
  readonly envelope: Envelope;
  readonly receiveCount: number;
  readonly isFromHub: boolean;
  /** Lowest epoch the state can have. */
  readonly floor: number;
};

/** A copy that records a later state than the one at hand. */
type Doubt = Extract<StepResult, { kind: 'doubt' }>;
/** The hub must be read again and decides; empty when it was this process that carried a later state. */
type Doubts = { readonly doubts: readonly Doubt[] };

async function syncObject(
  context: Context,
  upstreamObj: KubeObject,
  { envelope, receiveCount, isFromHub, floor, epochOn }: Delivery,
): Promise<Outcome | Doubts> {
  const { key, change } = envelope;
  if (!isCarried(key, upstreamObj)) return done;
  const version = sourceVersionOf(upstreamObj, floor);
  const id = formatKey(key);
  const placed = await loadPlaced(context.store, key, upstreamObj);
  const decided = fingerprint(placed);
  const remembered = change === 'upsert' ? standingInMemory(context.memory.find(id), { ...version, decided }) : 'newer';
  if (remembered === 'same') return done;
  if (remembered === 'doubtful' && !isFromHub) return { doubts: [] };
  const plan = planObject(upstreamObj, placed, (targetKey) => context.member(targetKey) !== undefined);
  if (!plan.metadata && plan.steps.length === 0) return done;
  const current = plan.metadata
    ? await patchMetadata(context, key, { upstreamObj, patch: plan.metadata })
    : upstreamObj;
  const confirmed = isFromHub || plan.metadata !== undefined;
  const input = { key, upstreamObj: current, recordVersion: change === 'upsert', confirmed, epochOn };
  const results = await performSteps(context, plan.steps, input);
  const last = await settleSteps(context, { input, steps: plan.steps, results });
  if (results.some(changedMember)) await confirmDecisions(context, input, placed.decisions);
  const doubts = results.filter((result) => result.kind === 'doubt');
  if (doubts.length > 0) return { doubts };
  if (results.every((result) => result.kind === 'done' || result.kind === 'gone')) {
    context.memory.set(id, { ...sourceVersionOf(last, floor), decided });
  } else context.memory.forget(id);
  await report(context, { key, upstreamObj: last, results, receiveCount });
  return outcomeOf(context, results, receiveCount);
}

/** Where a state stands against the one this process carried last; `same` is the echo of our own patch. */
function standingInMemory(known: Carried | undefined, state: Carried): Standing {
  if (known?.uid !== state.uid) return 'newer';
  const standing = standingOf(known, state);
  return standing === 'same' && known.decided !== state.decided ? 'newer' : standing;
}

/** All targets in parallel. @throws TmcError conflict when one needs a state that the hub confirmed. */
async function performSteps(
  context: Context,
  steps: readonly TargetStep[],
  input: StepInput,
): Promise<readonly StepResult[]> {
  const results = await Promise.all(steps.map((step) => performStep(context, step, input)));
  if (results.every((result) => result.kind !== 'unconfirmed')) return results;
  throw conflictError(`${formatKey(input.key)}: a copy is missing and only a confirmed state may make it`);
}

function changedMember(result: StepResult): boolean {
  return result.kind === 'gone' || (result.kind === 'done' && result.isWritten);
}

/**
 * The other half of acting first and looking afterwards: a decision that changed while its predecessor was carried may have been
 * carried already by somebody faster, and what was written now went over it. Whoever wrote last sees the change and does it again.
 * @throws TmcError conflict when the decisions are no longer those that were carried.
 */
async function confirmDecisions(
  { store }: Context,
  { key, upstreamObj }: StepInput,
  carried: readonly Decision[],
): Promise<void> {
  const now = covering(await store.decisions(key.workspace, key.namespace), key, upstreamObj);
  if (versionsOf(now) === versionsOf(carried)) return;
  throw conflictError(`${formatKey(key)}: its placement changed while it was carried`);
}

function versionsOf(decisions: readonly Decision[]): string {
  return canonicalJson(decisions.map(({ policy, version }) => [policy, version]));
}

/** What an outcome of `done` for an object rests on, beside its version. */
function fingerprint({ decisions, targets }: Placed): string {
  const facts = [...targets.values()].map((t) => [t.key, t.uid, t.namespaceMapping, t.memberCluster ?? '']);
  return canonicalJson([versionsOf(decisions), facts.sort()]);
}

type Reported = {
  readonly key: ResourceKey;
  readonly upstreamObj: KubeObject;
  readonly results: readonly StepResult[];
  readonly receiveCount: number;
};

async function report(context: Context, { key, upstreamObj, results, receiveCount }: Reported): Promise<void> {
  if (upstreamObj.metadata.deletionTimestamp && !upstreamObj.metadata.finalizers?.length) return;
  const failed = results.filter((result) => result.kind === 'failed');
  const told = failed.filter(({ error }) => error.kind === 'terminal' || receiveCount >= REPORT_AT_RECEIVE);
  // A hiccup that is not told yet is no reason to say that all is well.
  if (told.length === 0 && failed.length > 0) return;
  await reportFailures(context, { key, upstreamObj, failures: told });
}

/** Done, when nothing is left that time alone can mend. */
function outcomeOf({ random }: SyncDeps, results: readonly StepResult[], receiveCount: number): Outcome {
  const backoffMs = 1_000 * 2 ** Math.min(receiveCount - 1, 5);
  const retryable = results.flatMap((r) => (r.kind === 'failed' && r.error.kind !== 'terminal' ? [r] : []));
  if (retryable.length > 0) {
    const askedMs = Math.max(...retryable.map(({ error }) => error.facts.retryAfterMs ?? 0));
    const afterMs = Math.max(askedMs, backoffMs) + Math.floor(random() * 250);
    return again(afterMs, retryable.map((r) => `${r.targetName}: ${r.error.message}`).join('; '));
  }
  const waiting = results.flatMap((r) => (r.kind === 'waiting' ? [`${r.targetName}: ${r.reason}`] : []));
  if (waiting.length > 0 && receiveCount < WAITS_BEFORE_TRUST) return again(backoffMs, waiting.join('; '));
  const refused = results.flatMap((r) => (r.kind === 'failed' ? [`${r.targetName}: ${r.error.message}`] : []));
  const notes = [...waiting, ...refused].join('; ');
  return notes ? { kind: 'done', note: notes } : done;
}

/**
 * The upstream object is gone, by the hub's own word. A reported deletion is proof for the incarnation it names: copies of that
 * one, which lost their upstream object without our finalizer holding it, are deleted. Any other message proves nothing.
 */
async function removeOrphans(context: Context, { key, change, uid, rv }: Envelope, epoch: number): Promise<Outcome> {
  context.memory.forget(formatKey(key));
  if (change !== 'delete' || !uid) return { kind: 'done', note: 'the upstream object is gone' };
  const decisions = await context.store.decisions(key.workspace, key.namespace);
  const targetKeys = [...new Set(decisions.flatMap((decision) => decision.targets.map((target) => target.key)))];
  const version = { epoch, uid, rv };
  await Promise.all(
    targetKeys.map(async (targetKey) => {
      const target = await context.store.findTarget(targetKey);
      const member = context.member(targetKey);
      if (target && member) await removeCopy(member, target, { key, version });
    }),
  );
  return done;
}
