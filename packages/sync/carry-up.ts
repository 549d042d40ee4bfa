import { CONTENT_HASH_ANNOTATION } from '@tmc/apis/names.ts';
import { resourceType } from '@tmc/apis/resources.ts';
import { formatTime } from '@tmc/kernel/clock.ts';
import { kindOf, messageOf } from '@tmc/kernel/errors.ts';
import { formatKey, type ResourceKey } from '@tmc/kernel/key.ts';
import type { KubeObject } from '@tmc/kernel/object.ts';
import type { Decision, TargetFacts } from '@tmc/kernel/records.ts';
import { again, done, type Outcome } from '@tmc/kernel/result.ts';
import { downstreamKeyOf, isOurCopy } from './copy-identity.ts';
import { heldBy, loadPlaced, type SyncDeps } from './load.ts';
import { aggregateStatus, type Contribution, isOnItsWay, planStatusPatch } from './status.ts';
import type { StatusMemory } from './status-memory.ts';
import { viewFor } from './view.ts';

const MAX_ATTEMPTS = 3;

type CarryUpDeps = SyncDeps & { readonly memory: StatusMemory };

type CarryUp = {
  readonly upstreamKey: ResourceKey;
  /** How long a status in flux may still be waited for; undefined: it is shown as it is. */
  readonly settleMs: number | undefined;
  /** What to do when the hub proves the object absent. */
  readonly ifGone: () => Promise<Outcome>;
};

/** Aggregates and writes what changed; while some copy is on its way and may still be waited for, later. */
export async function carryUp(deps: CarryUpDeps, { upstreamKey, settleMs, ifGone }: CarryUp): Promise<Outcome> {
  let reason = '';
  for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt += 1) {
    const found = await deps.hub.get(upstreamKey);
    if (!found) return ifGone();
    if (found.metadata.deletionTimestamp) return done;
    const upstreamObj = { ...found, kind: resourceType(upstreamKey).kind };
    const contributions = await gather(deps, upstreamKey, upstreamObj);
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

function carried({ memory }: CarryUpDeps, upstreamKey: ResourceKey, contributions: readonly Contribution[]): Outcome {
  const copies = contributions.flatMap(({ targetKey, downstreamObj }) =>
    downstreamObj ? [{ targetKey, downstreamObj }] : [],
  );
  memory.carried(formatKey(upstreamKey), copies);
  return done;
}

/** What every target that runs the object by decision contributes, read from the members now: messages may come in any order. */
async function gather(deps: SyncDeps, upstreamKey: ResourceKey, upstreamObj: KubeObject): Promise<Contribution[]> {
  const placed = await loadPlaced(deps.store, upstreamKey, upstreamObj);
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
