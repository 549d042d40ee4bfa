import {
  CONTENT_HASH_ANNOTATION,
  SOURCE_GENERATION_ANNOTATION,
  SOURCE_VERSION_ANNOTATION,
  STATE_LABEL_PREFIX,
  stateLabel,
  syncerFinalizer,
} from '@tmc/apis/names.ts';
import { driftedFromApplied } from '@tmc/apis/owned-fields.ts';
import type { ResourceKey } from '@tmc/kernel/key.ts';
import type { JsonObject, KubeObject } from '@tmc/kernel/object.ts';
import type { Preconditions } from '@tmc/kernel/ports.ts';
import type { Decision, TargetFacts } from '@tmc/kernel/records.ts';
import { parseSourceVersion, type SourceVersion } from '@tmc/kernel/source-version.ts';
import { isOurCopy } from './copy-identity.ts';
import { standingOf } from './fence.ts';
import { heldBy, type Placed } from './load.ts';
import type { View } from './view.ts';

/** What is to be done on one target. */
export type TargetStep =
  | {
      readonly kind: 'write';
      readonly target: TargetFacts;
      readonly decision: Decision;
      /** No finalizer of ours was on the object yet, so there can be no copy. */
      readonly fresh: boolean;
    }
  | { readonly kind: 'remove'; readonly target: TargetFacts }
  /** `hint`: only a human can end it, by this. */
  | { readonly kind: 'hold'; readonly targetKey: string; readonly reason: string; readonly hint?: string };

export type ObjectPlan = {
  /** Labels and finalizers of all targets in one merge patch, undefined when they are right. Precedes every step. */
  readonly metadata: JsonObject | undefined;
  readonly steps: readonly TargetStep[];
};

type Wanted = { readonly decision: Decision; readonly targetKey: string };

/** What remains to be done for one object as it stands in the hub; `hasMember`: whether a cluster is configured for a target. */
export function planObject(
  upstreamObj: KubeObject,
  placed: Placed,
  hasMember: (targetKey: string) => boolean,
): ObjectPlan {
  const held = heldBy(upstreamObj);
  const deleting = upstreamObj.metadata.deletionTimestamp !== undefined;
  const wanted = deleting ? new Map<string, Wanted>() : activeTargets(placed);
  const evicting = deleting ? new Set<string>() : evictingTargets(placed);
  const leaving = held.filter((key) => !wanted.has(key) && !evicting.has(key));
  // Forged: decisions speak about the namespace, of a target that was ever there facts are left, and no cluster is configured for it.
  const unknown = leaving.filter((key) => placed.hasAuthority && !placed.targets.has(key) && !hasMember(key));
  const steps = [
    ...[...wanted.values()].map((want) => writeStep(want, placed, held)),
    ...leaving.filter((key) => !unknown.includes(key)).map((key) => removeStep(key, placed, upstreamObj)),
  ];
  const written = steps.flatMap((step) => (step.kind === 'write' ? [step.target.key] : []));
  return { metadata: metadataPatch(upstreamObj, { add: written, release: unknown }), steps };
}

/** The patch that lets go of targets whose copies are proved to be gone; undefined when nothing of them is left. */
export function planRelease(upstreamObj: KubeObject, gone: readonly string[]): JsonObject | undefined {
  return gone.length > 0 ? metadataPatch(upstreamObj, { add: [], release: gone }) : undefined;
}

function activeTargets({ decisions }: Placed): Map<string, Wanted> {
  const wanted = new Map<string, Wanted>();
  for (const decision of decisions) {
    for (const { key, state } of decision.targets) {
      // Two policies on one target: the first in their order speaks for it.
      if (state === 'Active' && !wanted.has(key)) wanted.set(key, { decision, targetKey: key });
    }
  }
  return wanted;
}

/** Copies there stay as they are until a later decision drops the target. */
function evictingTargets({ decisions }: Placed): Set<string> {
  const targets = decisions.flatMap((decision) => decision.targets);
  return new Set(targets.filter((target) => target.state === 'Evicting').map((target) => target.key));
}

function writeStep({ decision, targetKey }: Wanted, { targets }: Placed, held: readonly string[]): TargetStep {
  const target = targets.get(targetKey);
  if (!target) return { kind: 'hold', targetKey, reason: 'nothing is known about the target yet' };
  return { kind: 'write', target, decision, fresh: !held.includes(targetKey) };
}

function removeStep(targetKey: string, { targets, hasAuthority }: Placed, upstreamObj: KubeObject): TargetStep {
  const target = targets.get(targetKey);
  if (!target) {
    const reason = 'nothing is known about the target, so nothing proves its copy gone';
    return { kind: 'hold', targetKey, reason, ...(hasAuthority ? { hint: UNKNOWN_TARGET } : {}) };
  }
  if (!hasAuthority && !upstreamObj.metadata.deletionTimestamp) {
    return { kind: 'hold', targetKey, reason: 'no decision about the namespace is known, so nothing proves a removal' };
  }
  if (upstreamObj.metadata.annotations?.[`finalizers.workload.kcp.io/${targetKey}`]) {
    return { kind: 'hold', targetKey, reason: 'a soft finalizer holds the copy' };
  }
  return { kind: 'remove', target };
}

const UNKNOWN_TARGET =
  'register its SyncTarget again under the same name, or, once its copies are gone, take its cluster out of the configuration';

function metadataPatch(
  { metadata }: KubeObject,
  { add, release }: { add: readonly string[]; release: readonly string[] },
): JsonObject | undefined {
  const before = metadata.finalizers ?? [];
  const released = release.map(syncerFinalizer);
  const finalizers = [...new Set([...before, ...add.map(syncerFinalizer)])].filter((name) => !released.includes(name));
  const labels = labelChanges(metadata.labels ?? {}, add, finalizers);
  // Nothing can be added to an object that is being deleted, and its labels end with it.
  const changed = finalizers.length !== before.length || finalizers.some((name) => !before.includes(name));
  if (!changed && (Object.keys(labels).length === 0 || metadata.deletionTimestamp)) return undefined;
  return {
    metadata: { ...(changed ? { finalizers } : {}), ...(Object.keys(labels).length > 0 ? { labels } : {}) },
  };
}

function labelChanges(
  labels: Readonly<Record<string, string>>,
  add: readonly string[],
  finalizers: readonly string[],
): Record<string, string | null> {
  const published = add.filter((key) => labels[stateLabel(key)] !== 'Sync').map((key) => [stateLabel(key), 'Sync']);
  // A state label whose finalizer is not there publishes nothing we decided.
  const stale = Object.keys(labels)
    .filter((label) => label.startsWith(STATE_LABEL_PREFIX))
    .filter((label) => !finalizers.includes(syncerFinalizer(label.slice(STATE_LABEL_PREFIX.length))))
    .map((label) => [label, null]);
  return Object.fromEntries([...published, ...stale]);
}

/** What is to be done with one copy. */
export type CopyStep =
  | { readonly kind: 'create' }
  | { readonly kind: 'update'; readonly when: Preconditions }
  | { readonly kind: 'nothing' }
  /** It records a later state than ours: only the hub, read after it, can tell which of the two holds. */
  | { readonly kind: 'doubt'; readonly recorded: SourceVersion }
  /** It is being deleted in the member: its end is reported and brings us back. */
  | { readonly kind: 'wait'; readonly reason: string }
  | { readonly kind: 'refuse'; readonly reason: string };

export type CopyInput = {
  readonly upstreamKey: ResourceKey;
  readonly targetKey: string;
  readonly view: Extract<View, { ok: true }>;
  /** The copy as it is, undefined when absent. */
  readonly downstreamObj: KubeObject | undefined;
  /**
   * Write an equal content of a newer version too, so that no other state between the two, which comes late, can be written over
   * it. An equal generation of the same epoch tells that there was none: the status or our own labels moved the version.
   */
  readonly recordVersion: boolean;
};

/** Compares one copy with what its target should see: never backwards, never a foreign object, nothing when nothing changed. */
export function planCopy({ upstreamKey, targetKey, view, downstreamObj, recordVersion }: CopyInput): CopyStep {
  if (!downstreamObj) return { kind: 'create' };
  const { uid, resourceVersion, annotations, deletionTimestamp } = downstreamObj.metadata;
  if (!isOurCopy(downstreamObj, upstreamKey, targetKey)) {
    const reason = `${view.copy.kind} ${view.key.namespace}/${view.key.name} exists there and is not ours: delete or rename it`;
    return { kind: 'refuse', reason };
  }
  if (deletionTimestamp) return { kind: 'wait', reason: 'the copy is being deleted in the member cluster' };
  const written = parseSourceVersion(annotations?.[SOURCE_VERSION_ANNOTATION]);
  const standing = standingOf(written, view.version);
  if (written && standing === 'doubtful') return { kind: 'doubt', recorded: written };
  const same = annotations?.[CONTENT_HASH_ANNOTATION] === view.hash && !driftedFromApplied(downstreamObj);
  const generation = annotations?.[SOURCE_GENERATION_ANNOTATION];
  const sameWish =
    generation !== undefined &&
    written?.epoch === view.version.epoch &&
    generation === view.copy.metadata.annotations?.[SOURCE_GENERATION_ANNOTATION];
  if (same && (standing === 'same' || (written && (sameWish || !recordVersion)))) return { kind: 'nothing' };
  return { kind: 'update', when: { ...(uid && { uid }), ...(resourceVersion && { resourceVersion }) } };
}

/** Whether a copy may be deleted for this upstream state; `doubt`: it records a later incarnation, and only the hub can tell. */
export type Removal =
  | { readonly kind: 'remove' | 'not ours' }
  | { readonly kind: 'doubt'; readonly recorded: SourceVersion };

/** See {@link Removal}. A uid never comes back, so every version of the same incarnation may go. */
export function planRemoval(
  downstreamObj: KubeObject,
  { upstreamKey, targetKey, version }: { upstreamKey: ResourceKey; targetKey: string; version: SourceVersion },
): Removal {
  if (!isOurCopy(downstreamObj, upstreamKey, targetKey)) return { kind: 'not ours' };
  const written = parseSourceVersion(downstreamObj.metadata.annotations?.[SOURCE_VERSION_ANNOTATION]);
  if (!written || written.uid === version.uid || standingOf(written, version) !== 'doubtful') return { kind: 'remove' };
  return { kind: 'doubt', recorded: written };
}
