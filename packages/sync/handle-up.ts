import { isSynced, resourceType, SYNCED_RESOURCES } from '@tmc/apis/resources.ts';
import type { Envelope } from '@tmc/kernel/envelope.ts';
import { kindOf } from '@tmc/kernel/errors.ts';
import { formatKey, type ResourceKey } from '@tmc/kernel/key.ts';
import type { KubeObject } from '@tmc/kernel/object.ts';
import { again, done, type Outcome, superseding } from '@tmc/kernel/result.ts';
import { carryUp } from './carry-up.ts';
import { claimedUpstream, downstreamKeyOf, isOurCopy } from './copy-identity.ts';
import { fanOutStatus, syncMessage } from './fan-out.ts';
import { heldBy, type SyncDeps } from './load.ts';
import { isInFlux } from './status.ts';
import { createStatusMemory, type StatusMemory } from './status-memory.ts';
import { isListMarker, sweepTarget } from './sweep.ts';
import { createTurns, type Turns } from './turns.ts';

/** Kinds whose status is carried up. */
const WITH_STATUS = ['deployments', 'services'];
/**
 * How long a copy in flux is left to settle: a rollout makes many events, the user needs one or two writes. One that takes longer is
 * shown in progress. In one piece, for what is settled by then costs a receive and no look, however often it reported.
 */
const FLUX_MS = 3_000;
/** The same of other copies of the object, at the first and second receive: they may be settled already, as others than we know. */
const SETTLE_MS = [1_000, 2_000];

type Context = SyncDeps & { readonly memory: StatusMemory; readonly inTurn: Turns };

/**
 * Consumer of the `status` queue: what members report of copies. Drift and deletions go on to `sync` as the upstream key; a
 * status is aggregated over all targets and written to the hub when it changed, and again when a target came back.
 */
export function createSyncUp(ports: SyncDeps): (envelope: Envelope, receiveCount: number) => Promise<Outcome> {
  const deps: Context = { ...ports, memory: createStatusMemory(ports.clock), inTurn: createTurns() };
  return async (envelope, receiveCount) => {
    if (isListMarker(envelope)) return sweepTarget(deps, envelope);
    if (envelope.source.kind === 'function') return sumUp(deps, envelope, receiveCount);
    return isReport(envelope) ? takeReport(deps, envelope, receiveCount) : done;
  };
}

async function takeReport(deps: Context, envelope: Envelope, receiveCount: number): Promise<Outcome> {
  const { key, change, drifted } = envelope;
  const downstreamObj = await findCopy(deps, envelope);
  const upstreamKey = downstreamObj && (await verifiedUpstream(deps, key, downstreamObj));
  if (!downstreamObj || !upstreamKey) return { kind: 'done', note: 'no copy of ours' };
  if (change === 'delete') return toSync(deps, upstreamKey);
  if (await isStray(deps, key.workspace, upstreamKey)) return takeBack(deps, key, downstreamObj);
  const report = { key, downstreamObj, upstreamKey, receiveCount };
  if (drifted || !hasStatus(key)) return confirmUpstream(deps, report, drifted === true);
  // What another report of the object finds meanwhile may be all there is to this one.
  return deps.inTurn(formatKey(upstreamKey), () => reportStatus(deps, report));
}

/**
 * A target went and came back: a status that was written meanwhile counts its copies as unknown, and copies that did not change
 * report nothing. `key`: a namespace, or one upstream object.
 */
async function sumUp(deps: Context, { key }: Envelope, receiveCount: number): Promise<Outcome> {
  if (key.resource === 'namespaces') return fanOutStatus(deps, key, SYNCED_RESOURCES.filter(hasStatus));
  if (!hasStatus(key)) return done;
  const settleMs = SETTLE_MS[receiveCount - 1];
  return deps.inTurn(formatKey(key), () => carryUp(deps, { upstreamKey: key, settleMs, ifGone: async () => done }));
}

const hasStatus = ({ resource }: Pick<ResourceKey, 'resource'>): boolean => WITH_STATUS.includes(resource);

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
  // From here on earlier states of this copy would be told that a newer one is known.
  if (inFlux && receiveCount === 1) return superseding(again(FLUX_MS, 'the status is in flux'));
  const settleMs = inFlux ? undefined : SETTLE_MS[receiveCount - 1];
  if (settleMs !== undefined && memory.othersInFlux(id, targetKey))
    return superseding(again(settleMs, 'the status of another copy is in flux'));
  const ifGone = () => takeBack(deps, key, downstreamObj);
  return superseding(await carryUp(deps, { upstreamKey, settleMs, ifGone }));
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
