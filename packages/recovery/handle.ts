/** One message of the recovery queue: a heartbeat of one target, or a tick that looks through all of them; and the tick without one. */
import { targetKey } from '@tmc/apis/hash.ts';
import { WORKLOAD_GROUP } from '@tmc/apis/names.ts';
import { type Clock, formatTime } from '@tmc/kernel/clock.ts';
import type { Envelope } from '@tmc/kernel/envelope.ts';
import { conflictError, kindOf } from '@tmc/kernel/errors.ts';
import type { Condition, Json, JsonObject } from '@tmc/kernel/object.ts';
import type { HubApi } from '@tmc/kernel/ports.ts';
import { done, type Outcome, park } from '@tmc/kernel/result.ts';
import { healthConditions, isTimely, type Judgement, judge } from './detect.ts';
import type { FleetTarget, RecoveryStore, SeenRecord, StoredSeen } from './load.ts';

export type RecoverDeps = {
  readonly hub: Pick<HubApi, 'get' | 'patch'>;
  readonly store: RecoveryStore;
  readonly clock: Clock;
  /** Silence longer than this makes a target not ready. */
  readonly heartbeatThresholdMs: number;
};

/** A heartbeat that comes sooner after the recorded one is not recorded. */
const RECORD_EVERY_MS = 10_000;
/** What a target is that nobody told us of yet. */
const SYNC_TARGETS = { group: WORKLOAD_GROUP, resource: 'synctargets' };
/** Where a status tells of the last heartbeat, by resource. */
const SYNC_TARGET_FIELD = 'lastSyncerHeartbeatTime';
const HEARTBEAT_FIELDS: Readonly<Record<string, string>> = {
  synctargets: SYNC_TARGET_FIELD,
  clusterregistrations: 'lastHeartbeat',
};
/** Targets looked at side by side in a tick. */
const PARALLEL = 16;
/** Looks at all targets in one sweep, before it gives up. */
const SWEEP_ATTEMPTS = 3;

/**
 * The handler of the recovery queue. Heartbeats cost at most one table write per 10 s and target; the hub is written only when the
 * health of a target changes.
 * @throws TmcError retry and conflict when the message must come back.
 */
export function createRecover(deps: RecoverDeps): (envelope: Envelope, receiveCount: number) => Promise<Outcome> {
  return async (envelope) => {
    if (envelope.change === 'tick') return tick(deps);
    if (envelope.change === 'heartbeat') return heartbeat(deps, envelope);
    return park(`recovery has no use for a message of change ${envelope.change}`);
  };
}

/**
 * Looks at every target without a message, as a tick does. Who records the same at the same moment is nobody's fault: it looks again.
 * @throws TmcError when a target could not be looked at, after all others were.
 */
export function createSweep(deps: RecoverDeps): () => Promise<void> {
  return async () => {
    for (let attempt = 1; ; attempt += 1) {
      try {
        await tick(deps);
        return;
      } catch (error) {
        if (kindOf(error) !== 'conflict' || attempt === SWEEP_ATTEMPTS) throw error;
      }
    }
  };
}

async function heartbeat(deps: RecoverDeps, envelope: Envelope): Promise<Outcome> {
  const { workspace, name } = envelope.key;
  const key = targetKey(workspace, name);
  if (envelope.source.kind === 'member' && envelope.source.id !== key) {
    return park(
      `relay of target ${envelope.source.id} sent a heartbeat for target ${key}: a relay speaks for itself only`,
    );
  }
  return heardOf(deps, { key, workspace, name, ...SYNC_TARGETS }, envelope.at);
}

async function heardOf(deps: RecoverDeps, target: FleetTarget, sentAtMs: number): Promise<Outcome> {
  const nowMs = deps.clock();
  if (!isTimely(sentAtMs, { nowMs, thresholdMs: deps.heartbeatThresholdMs })) {
    return { kind: 'done', note: `sign of life of ${formatTime(sentAtMs)} is too far from now to prove anything` };
  }
  const stored = await deps.store.findSeen(target.key);
  // The earlier of both clocks: a replayed heartbeat must not prolong a life.
  const lastSeenMs = Math.max(stored?.record.lastSeenMs ?? 0, Math.min(sentAtMs, nowMs));
  const sinceMs = lastSeenMs - (stored?.record.lastSeenMs ?? Number.NEGATIVE_INFINITY);
  if (stored?.record.shown === 'Healthy') {
    if (sinceMs >= recordEveryMs(deps)) await record(deps, target, { lastSeenMs, shown: 'Healthy' }, stored);
    return done;
  }
  const known = (await deps.store.findFleetTarget(target.key)) ?? target;
  await show(deps, known, { ...(stored ? { stored } : {}), lastSeenMs });
  return done;
}

/** Often enough that a silent target is told from an unrecorded one. */
const recordEveryMs = ({ heartbeatThresholdMs }: RecoverDeps): number =>
  Math.min(RECORD_EVERY_MS, heartbeatThresholdMs / 3);

/** Looks at every target, also when some fail; then the first failure is thrown and the tick comes back. */
async function tick(deps: RecoverDeps): Promise<Outcome> {
  const fleet = [...(await deps.store.listFleet())];
  const failures: unknown[] = [];
  const work = async (): Promise<void> => {
    for (let target = fleet.pop(); target; target = fleet.pop()) {
      await lookAt(deps, target).catch((error: unknown) => failures.push(error));
    }
  };
  await Promise.all(Array.from({ length: Math.min(PARALLEL, fleet.length) }, work));
  if (failures.length > 0) throw failures[0];
  return done;
}

async function lookAt(deps: RecoverDeps, target: FleetTarget): Promise<void> {
  const stored = await deps.store.findSeen(target.key);
  const { health } = judgeNow(deps, stored?.record.lastSeenMs);
  if (stored?.record.shown === health) return;
  await show(deps, target, {
    ...(stored ? { stored } : {}),
    ...(stored?.record.lastSeenMs === undefined ? {} : { lastSeenMs: stored.record.lastSeenMs }),
  });
}

/**
 * Makes the hub say what a target's health is. The record says that a write is under way before it happens, so that the next tick
 * finds a crash in between. Whoever meets such a record writes to the hub in any case: that outdates the other one's precondition.
 */
async function show(
  deps: RecoverDeps,
  target: FleetTarget,
  { stored, lastSeenMs }: { readonly stored?: StoredSeen; readonly lastSeenMs?: number },
): Promise<void> {
  const { workspace, group, resource, name } = target;
  const key = { workspace, group, resource, namespace: '', name };
  const live = await deps.hub.get(key);
  if (!live) return;
  const judgement = judgeNow(deps, lastSeenMs);
  const current = (live['status'] as { conditions?: Condition[] } | undefined)?.conditions;
  const conditions = healthConditions(current, judgement, deps.clock());
  const seen: SeenRecord = lastSeenMs === undefined ? {} : { lastSeenMs };
  const underWay = stored !== undefined && stored.record.shown === undefined;
  let written = stored;
  if (conditions !== current || underWay) {
    written = await record(deps, target, seen, stored);
    const status: JsonObject = { conditions: conditions as Json };
    if (lastSeenMs !== undefined) status[HEARTBEAT_FIELDS[resource] ?? SYNC_TARGET_FIELD] = formatTime(lastSeenMs);
    const { uid = '', resourceVersion = '' } = live.metadata;
    await deps.hub.patch(key, { status }, { uid, resourceVersion, subresource: 'status' });
  }
  await record(deps, target, { ...seen, shown: judgement.health }, written);
}

async function record(
  { store }: RecoverDeps,
  { key, name }: FleetTarget,
  seen: SeenRecord,
  stored: StoredSeen | undefined,
): Promise<StoredSeen> {
  const saved = await store.saveSeen(key, seen, stored?.version);
  if (saved) return saved;
  throw conflictError(`recording what was heard of target ${name}: another heartbeat was faster`, {
    component: 'recovery',
    target: name,
  });
}

const judgeNow = ({ clock, heartbeatThresholdMs }: RecoverDeps, lastSeenMs: number | undefined): Judgement =>
  judge({ lastSeenMs, nowMs: clock(), thresholdMs: heartbeatThresholdMs });
