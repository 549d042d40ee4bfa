import { CONTENT_HASH_ANNOTATION } from '@tmc/apis/names.ts';
import { isSynced, resourceType } from '@tmc/apis/resources.ts';
import { formatTime } from '@tmc/kernel/clock.ts';
import type { Envelope } from '@tmc/kernel/envelope.ts';
import { kindOf, messageOf } from '@tmc/kernel/errors.ts';
import { formatKey, type ResourceKey } from '@tmc/kernel/key.ts';
import type { KubeObject } from '@tmc/kernel/object.ts';
import type { Decision, TargetFacts } from '@tmc/kernel/records.ts';
import { again, done, type Outcome } from '@tmc/kernel/result.ts';
import { claimedUpstream, downstreamKeyOf, isOurCopy } from './copy-identity.ts';
import { syncMessage } from './fan-out.ts';
import { heldBy, loadPlaced, type Placed, type SyncDeps } from './load.ts';
import { aggregateStatus, type Contribution, isInFlux, isOnItsWay, planStatusPatch } from './status.ts';
import { createStatusMemory, type StatusMemory } from './status-memory.ts';
import { isListMarker, sweepTarget } from './sweep.ts';
import { createTurns, type Turns } from './turns.ts';
import { viewFor } from './view.ts';

/** Kinds whose status is carried up. */
const WITH_STATUS = ['deployments', 'services'];
/**
 * How long a status in flux is left to settle at the first and second receive: a rollout makes many events, the user needs one
 * or two writes. A rollout that takes longer is shown in progress from the third on.
 */
const SETTLE_MS = [1_000, 2_000];
const MAX_ATTEMPTS = 3;

type Context = SyncDeps & { readonly memory: StatusMemory; readonly inTurn: Turns };

/**
 * Consumer of the `status` queue: what members report of copies. Drift and deletions go on to `sync` as the upstream key; a
 * status is aggregated over all targets and written to the hub when it changed.
 */
export function createSyncUp(ports: SyncDeps): (envelope: Envelope, receiveCount: number) => Promise<Outcome> {
  const deps: Context = { ...ports, memory: createStatusMemory(ports.clock), inTurn: createTurns() };
  return async (envelope, receiveCount) => {
    if (isListMarker(envelope)) return sweepTarget(deps, envelope);
    if (!isReport(envelope)) return done;
    const { key, change, drifted } = envelope;
    const downstreamObj = await findCopy(deps, envelope);
    const upstreamKey = downstreamObj && (await verifiedUpstream(deps, key, downstreamObj));
    if (!downstreamObj || !upstreamKey) return { kind: 'done', note: 'no copy of ours' };
    if (change === 'delete') return toSync(deps, upstreamKey);
    if (await isStray(deps, key.workspace, upstreamKey)) return takeBack(deps, key, downstreamObj);
    const report = { key, downstreamObj, upstreamKey, receiveCount };
    if (drifted || !WITH_STATUS.includes(key.resource)) return confirmUpstream(deps, report, drifted === true);
    // What another report of the object finds meanwhile may be all there is to this one.
    return deps.inTurn(formatKey(upstreamKey), () => reportStatus(deps, report));
  };
}

type Report = {
  readonly key: ResourceKey;
  readonly downstreamObj: KubeObject;
  readonly upstreamKey: ResourceKey;
  readonly receiveCount: number;
};

/** A copy whose object is gone goes too; one that drifted is made right, and of any other there is nothing to carry up. */
async function confirmUpstream(
  deps: Context,
  { key, downstreamObj, upstreamKey }: Report,
  drifted: boolean,
): Promise<Outcome> {
  const upstreamObj = await deps.hub.get(upstreamKey);
  if (!upstreamObj) return takeBack(deps, key, downstreamObj);
  return drifted ? toSync(deps, upstreamKey, upstreamObj) : done;
}

async function reportStatus(deps: Context, report: Report): Promise<Outcome> {
  const { key, downstreamObj, upstreamKey, receiveCount } = report;
  const { memory } = deps;
  const id = formatKey(upstreamKey);
  const targetKey = key.workspace;
  const inFlux = isInFlux({ ...downstreamObj, kind: resourceType(key).kind });
  if (!memory.note(id, { targetKey, downstreamObj, inFlux })) return { kind: 'done', note: 'a newer state is known' };
  const settleMs = SETTLE_MS[receiveCount - 1];
  const isSettling = inFlux || memory.othersInFlux(id, targetKey);
  if (isSettling && settleMs !== undefined) return again(settleMs, 'the status is in flux');
  return carryUp(deps, report, settleMs);
}

/** The copy as reported, else as it is now; of a deleted one only its last state is left. */
async function findCopy({ member }: SyncDeps, { key, change, body }: Envelope): Promise<KubeObject | undefined> {
  if (body || change === 'delete') return body;
  return member(key.workspace)?.get(key);
}

/** Copies report by upserts and deletions of objects we carry; heartbeats are none of ours. */
function isReport({ key, change }: Envelope): boolean {
  return isSynced(key) && (change === 'upsert' || change === 'delete');
}

/**
 * The upstream key of a copy that is where the copy of that object belongs on this target; undefined otherwise. A member can write
 * any annotation: it must not reach another tenant's objects with it.
 */
async function verifiedUpstream(
  { store }: SyncDeps,
  downstreamKey: ResourceKey,
  downstreamObj: KubeObject,
): Promise<ResourceKey | undefined> {
  const upstreamKey = claimedUpstream(downstreamKey, downstreamObj);
  if (!upstreamKey || !isOurCopy(downstreamObj, upstreamKey, downstreamKey.workspace)) return undefined;
  const target = await store.findTarget(downstreamKey.workspace);
  if (!target) return undefined;
  return formatKey(downstreamKeyOf(upstreamKey, target)) === formatKey(downstreamKey) ? upstreamKey : undefined;
}

/**
 * True for a copy that no decision wants on its target and no finalizer holds: made by an invocation whose decision was no longer
 * true when its write took effect, after the removal was done. Nobody else would look for it again.
 */
async function isStray({ store, hub }: SyncDeps, targetKey: string, upstreamKey: ResourceKey): Promise<boolean> {
  const decisions = await store.decisions(upstreamKey.workspace, upstreamKey.namespace);
  // Without any decision nothing proves a removal.
  if (decisions.length === 0) return false;
  if (decisions.some((decision) => decision.targets.some((target) => target.key === targetKey))) return false;
  const upstreamObj = await hub.get(upstreamKey);
  return !upstreamObj || !heldBy(upstreamObj).includes(targetKey);
}

/**
 * Deletes a copy that nothing asks for: a stray one, or the copy of an object that the hub proves absent. The latter was made by an
 * invocation that died before it could confirm that the object still was; whoever receives its message finds no object any more.
 */
async function takeBack({ member }: SyncDeps, key: ResourceKey, { metadata }: KubeObject): Promise<Outcome> {
  if (metadata.deletionTimestamp) return done;
  try {
    await member(key.workspace)?.delete(key, metadata.uid ?? '');
  } catch (error) {
    if (kindOf(error) !== 'conflict') throw error;
    return { kind: 'done', note: 'there is another copy by now, which reports itself' };
  }
  return { kind: 'done', note: 'a copy that nothing asks for is deleted' };
}

/** Has the object looked at; the state goes along when the hub was just read, so that sync need not read it again. */
async function toSync(deps: SyncDeps, upstreamKey: ResourceKey, upstreamObj?: KubeObject): Promise<Outcome> {
  const content = upstreamObj ? ({ change: 'evaluate', upstreamObj } as const) : ({ change: 'finding' } as const);
  const { failed } = await deps.send([syncMessage(deps, { key: upstreamKey, ...content })]);
  return failed.length === 0 ? done : again(1_000, 'the sync queue did not accept the message');
}

/** Aggregates and writes what changed; while some copy is on its way and may still be waited for, later. */
async function carryUp(deps: Context, report: Report, settleMs: number | undefined): Promise<Outcome> {
  const { upstreamKey } = report;
  let reason = '';
  for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt += 1) {
    const found = await deps.hub.get(upstreamKey);
    if (!found) return takeBack(deps, report.key, report.downstreamObj);
    if (found.metadata.deletionTimestamp) return done;
    const upstreamObj = { ...found, kind: resourceType(upstreamKey).kind };
    const placed = await loadPlaced(deps.store, upstreamKey, upstreamObj);
    const contributions = await gather(deps, upstreamKey, { upstreamObj, placed });
    // Not placed anywhere by a decision: nobody's status is the object's.
    if (contributions.length === 0) return done;
    if (settleMs !== undefined && contributions.some(isOnItsWay)) return again(settleMs, 'the status is in flux');
    try {
      await writeStatus(deps, upstreamKey, { upstreamObj, contributions });
      return carried(deps, upstreamKey, contributions);
    } catch (error) {
      // Read copies and object again: an aggregate made before another's write may be older than it.
      if (kindOf(error) !== 'conflict') throw error;
      reason = messageOf(error);
    }
  }
  const advice =
    'its status is tried again; if this goes on, find in its managedFields who keeps writing it in the hub';
  return again(100 + Math.floor(deps.random() * 400), `${reason}; ${advice}`);
}

async function writeStatus(
  { hub }: SyncDeps,
  upstreamKey: ResourceKey,
  { upstreamObj, contributions }: { upstreamObj: KubeObject; contributions: readonly Contribution[] },
): Promise<void> {
  const status = aggregateStatus(upstreamObj, contributions);
  const patch = status && planStatusPatch(upstreamObj, status);
  const { uid = '', resourceVersion = '' } = upstreamObj.metadata;
  if (patch) await hub.patch(upstreamKey, patch, { uid, resourceVersion, subresource: 'status' });
}

function carried({ memory }: Context, upstreamKey: ResourceKey, contributions: readonly Contribution[]): Outcome {
  const copies = contributions.flatMap(({ targetKey, downstreamObj }) =>
    downstreamObj ? [{ targetKey, downstreamObj }] : [],
  );
  memory.carried(formatKey(upstreamKey), copies);
  return done;
}

type Subject = { readonly upstreamObj: KubeObject; readonly placed: Placed };

/** What every target that runs the object by decision contributes, read from the members now: messages may come in any order. */
function gather(deps: SyncDeps, upstreamKey: ResourceKey, subject: Subject): Promise<Contribution[]> {
  const { upstreamObj, placed } = subject;
  const held = new Set(heldBy(upstreamObj));
  const running = new Map<string, { target: TargetFacts; decision: Decision }>();
  for (const decision of placed.decisions) {
    for (const { key } of decision.targets) {
      const target = placed.targets.get(key);
      if (target && held.has(key) && !running.has(key)) running.set(key, { target, decision });
    }
  }
  return Promise.all(
    [...running.values()].map(({ target, decision }) =>
      contribution(deps, upstreamKey, { upstreamObj, target, decision }),
    ),
  );
}

async function contribution(
  { member, settings, clock }: SyncDeps,
  key: ResourceKey,
  { upstreamObj, target, decision }: { upstreamObj: KubeObject; target: TargetFacts; decision: Decision },
): Promise<Contribution> {
  const targetName = target.name;
  const memberApi = member(target.key);
  // A target known to be down is not asked: its silence would hold up what the others say.
  if (!memberApi || !target.ready)
    return { targetKey: target.key, targetName, downstreamObj: undefined, isCurrent: false, isReachable: false };
  const found = await memberApi.get(downstreamKeyOf(key, target));
  const downstreamObj = found && isOurCopy(found, key, target.key) ? found : undefined;
  const view = viewFor({ key, upstreamObj, decision, target, settings, now: formatTime(clock()) });
  const isCurrent = view.ok && downstreamObj?.metadata.annotations?.[CONTENT_HASH_ANNOTATION] === view.hash;
  return { targetKey: target.key, targetName, downstreamObj, isCurrent, isReachable: true };
}
