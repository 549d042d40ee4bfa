import { createHash } from 'node:crypto';
import { SYNCER_FINALIZER_PREFIX } from '@tmc/apis/names.ts';
import type { GroupResource } from '@tmc/kernel/key.ts';
import type { KubeObject } from '@tmc/kernel/object.ts';

/**
 * What of an object matters to a consumer. Two states with the same interest are told once: heartbeats, status in the hub and
 * managedFields cause no message. Server field order is stable, so plain JSON is hashed; another order would cost one message.
 */

/** Conditions of a target that decide whether workloads may go there. */
const TARGET_CONDITIONS = ['Ready', 'HeartbeatHealthy'];
const TARGETS = ['synctargets', 'clusterregistrations'];

/** Fields outside metadata that carry what a user wants, of any kind: spec, data of ConfigMaps and Secrets, and the rest. */
const NOT_CONTENT: ReadonlySet<string> = new Set(['apiVersion', 'kind', 'metadata', 'status']);

/** Hash of what the hub's consumers read: the wish, labels, annotations, finalizers and deletion, not the status. */
export function hubInterest(resource: GroupResource, upstreamObj: KubeObject): string {
  const { uid, labels, annotations, finalizers, deletionTimestamp, generation } = upstreamObj.metadata;
  if (TARGETS.includes(resource.resource)) {
    return digest([uid, labels, deletionTimestamp, upstreamObj['spec'], targetConditions(upstreamObj)]);
  }
  const bound = resource.resource === 'apibindings' ? bindingStatus(upstreamObj) : undefined;
  return digest([uid, labels, annotations, finalizers, deletionTimestamp, generation, contentOf(upstreamObj), bound]);
}

/** Hash of what status-up and repair read of a copy: status, metadata, and spec by its generation (or content without one). */
export function memberInterest(downstreamObj: KubeObject, drifted: boolean): string {
  const { uid, labels, annotations, deletionTimestamp, generation } = downstreamObj.metadata;
  const content = generation === undefined ? contentOf(downstreamObj) : generation;
  return digest([uid, labels, annotations, deletionTimestamp, content, downstreamObj['status'], drifted]);
}

/**
 * True when our finalizer holds the object and nobody asked for its deletion: should it vanish from sight now, it was taken
 * from us (a rejected claim, a removed binding, a narrowed right), not deleted.
 */
export function isHeld(upstreamObj: KubeObject): boolean {
  const { finalizers, deletionTimestamp } = upstreamObj.metadata;
  return !deletionTimestamp && (finalizers ?? []).some((name) => name.startsWith(SYNCER_FINALIZER_PREFIX));
}

function contentOf(object: KubeObject): unknown[] {
  return Object.entries(object).filter(([field]) => !NOT_CONTENT.has(field));
}

function targetConditions(target: KubeObject): unknown[] {
  const status = target['status'] as { conditions?: { type: string; status: string }[] } | undefined;
  return TARGET_CONDITIONS.map((type) => status?.conditions?.find((c) => c.type === type)?.status ?? null);
}

/** Of a kcp APIBinding: whether it is bound and which claims the tenant granted. */
function bindingStatus(binding: KubeObject): unknown[] {
  const status = (binding['status'] ?? {}) as Record<string, unknown>;
  return [status['phase'] ?? null, status['appliedPermissionClaims'] ?? null];
}

/** 96 bits are enough to tell the states of one object apart and cheap to remember for each of many. */
function digest(parts: readonly unknown[]): string {
  return createHash('sha256').update(JSON.stringify(parts)).digest('base64url').slice(0, 16);
}
