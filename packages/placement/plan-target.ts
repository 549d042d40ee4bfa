/** What a SyncTarget in the hub tells about itself besides its health. */
import { targetKey } from '@tmc/apis/hash.ts';
import { TARGET_FINALIZER, TARGET_KEY_LABEL } from '@tmc/apis/names.ts';
import type { FieldProblem } from '@tmc/apis/policy.ts';
import { SYNCED_RESOURCES } from '@tmc/apis/resources.ts';
import { jsonEqual } from '@tmc/kernel/canonical.ts';
import { findCondition, setCondition } from '@tmc/kernel/condition.ts';
import { formatGroupResource } from '@tmc/kernel/key.ts';
import type { Condition, Json, JsonObject, KubeObject } from '@tmc/kernel/object.ts';
import { conditionMessage } from './condition-message.ts';
import { unsupportedMode } from './filter.ts';

export type TargetPatches = { readonly metadata?: JsonObject; readonly status?: JsonObject };

type SyncedResource = { group?: string; resource: string; versions: string[]; state?: string };
type Status = { syncedResources?: SyncedResource[]; conditions?: Condition[] };

const SYNC_TARGET = 'SyncTarget';

/**
 * The merge patches for key label and finalizer and for the status, each absent when there is nothing to change. A ClusterRegistration
 * gets only the condition about its spec; what cannot be used is not held when it is deleted.
 */
export function planTargetPatches(
  targetObj: KubeObject,
  facts: { readonly workspace: string; readonly problems: readonly FieldProblem[]; readonly nowMs: number },
): TargetPatches {
  const key = targetKey(facts.workspace, targetObj.metadata.name);
  const isUsed = targetObj.kind === SYNC_TARGET && facts.problems.length === 0;
  const metadata = isUsed ? metadataPatch(targetObj, key) : undefined;
  const status = statusPatch(targetObj, facts);
  return { ...(metadata ? { metadata } : {}), ...(status ? { status } : {}) };
}

/** Key label and finalizer; nothing can be held that is being deleted already. */
function metadataPatch({ metadata }: KubeObject, key: string): JsonObject | undefined {
  const { labels, finalizers = [], deletionTimestamp } = metadata;
  const held = deletionTimestamp !== undefined || finalizers.includes(TARGET_FINALIZER);
  const patch: JsonObject = {
    ...(labels?.[TARGET_KEY_LABEL] === key ? {} : { labels: { [TARGET_KEY_LABEL]: key } }),
    ...(held ? {} : { finalizers: [...finalizers, TARGET_FINALIZER] }),
  };
  return Object.keys(patch).length > 0 ? { metadata: patch } : undefined;
}

function statusPatch(
  targetObj: KubeObject,
  { problems, nowMs }: { readonly problems: readonly FieldProblem[]; readonly nowMs: number },
): JsonObject | undefined {
  const current = (targetObj['status'] ?? {}) as Status;
  const isUsed = targetObj.kind === SYNC_TARGET && problems.length === 0;
  const synced = !isUsed ? (current.syncedResources ?? []) : syncedResources(targetObj, current);
  const conditions = configured(current.conditions, problemOf(targetObj, problems), nowMs);
  const patch: JsonObject = {};
  if (!jsonEqual(synced as Json, (current.syncedResources ?? []) as Json)) patch['syncedResources'] = synced as Json;
  if (conditions !== current.conditions) patch['conditions'] = (conditions ?? []) as Json;
  return Object.keys(patch).length > 0 ? { status: patch } : undefined;
}

/** What is carried and the target supports; a state that was found out stays. */
function syncedResources(targetObj: KubeObject, current: Status): SyncedResource[] {
  const supported = (targetObj['spec'] as { supportedResourceTypes?: string[] } | undefined)?.supportedResourceTypes;
  return SYNCED_RESOURCES.filter((r) => !supported || supported.includes(formatGroupResource(r))).map((r) => {
    const known = current.syncedResources?.find((s) => (s.group ?? '') === r.group && s.resource === r.resource);
    return known ?? { group: r.group, resource: r.resource, versions: [r.version], state: 'Accepted' };
  });
}

/** Condition ConfigurationValid: there when the spec has problems, and once it had some. */
function configured(conditions: Condition[] | undefined, problem: string, nowMs: number): Condition[] | undefined {
  const type = 'ConfigurationValid';
  if (problem) {
    const verdict = { status: 'False', reason: 'InvalidConfiguration', message: conditionMessage(problem) } as const;
    return setCondition(conditions, { type, ...verdict }, nowMs);
  }
  if (!findCondition(conditions, type)) return conditions;
  return setCondition(conditions, { type, status: 'True', reason: 'Valid', message: 'the spec is valid' }, nowMs);
}

/** What is wrong with the spec, in words; '' when it can be acted on. */
function problemOf(targetObj: KubeObject, problems: readonly FieldProblem[]): string {
  if (problems.length > 0) {
    return problems.map((p) => `${p.field}: expected ${p.expected}, received ${p.received}`).join('; ');
  }
  const { syncerConfig } = (targetObj['spec'] ?? {}) as { syncerConfig?: { syncMode?: string } };
  const mode = syncerConfig?.syncMode ?? 'push';
  return mode === 'push' ? '' : `spec.syncerConfig.syncMode: ${unsupportedMode(mode)}`;
}
