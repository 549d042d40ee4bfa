import { hash } from 'node:crypto';
import { SYNCER_FINALIZER_PREFIX } from '@tmc/apis/names.ts';
import { formatGroupResource, type GroupResource } from '@tmc/kernel/key.ts';
import type { KubeObject } from '@tmc/kernel/object.ts';

/**
 * What of an object matters to a consumer, kind by kind. Two states with the same interest are told once: heartbeats, status in the
 * hub and managedFields cause no message. Server field order is stable, so plain JSON is hashed; another order would cost one message.
 */
type Interest = (object: KubeObject) => readonly unknown[];

/** Fields outside metadata that carry what a user wants, of any kind: spec, data of ConfigMaps and Secrets, and the rest. */
const NOT_CONTENT: ReadonlySet<string> = new Set(['apiVersion', 'kind', 'metadata', 'status']);

/** What sync carries: the wish with all that is said about it. Its status in the hub is our own work. */
const workload: Interest = (object) => [...described(object), object.metadata.generation, contentOf(object)];
/** A policy's status is our own work. */
const policy = workload;
/** Labels are what location selectors choose by; instances are counted by us. */
const location: Interest = (object) => [...identity(object), object['spec']];
/** Readiness, room and the kinds it takes decide whether workloads may go there; its finalizer and key label are put back. */
const syncTarget: Interest = (object) => [
  ...identity(object),
  object.metadata.finalizers,
  object['spec'],
  conditionsOf(object),
  statusOf(object)['allocatable'],
  statusOf(object)['syncedResources'],
];
/** Its room is in its spec. */
const registration: Interest = (object) => [
  ...identity(object),
  object.metadata.finalizers,
  object['spec'],
  conditionsOf(object),
];
/** Labels select it; labels and annotations that publish decisions are put back. */
const namespace: Interest = (object) => [...identity(object), object.metadata.annotations];
/** Whether it is bound and which claims the tenant granted. */
const binding: Interest = (object) => [
  ...described(object),
  object['spec'],
  statusOf(object)['phase'],
  statusOf(object)['appliedPermissionClaims'],
];

/** By `resource.group`; a kind that is not named is told like a workload, which is too often rather than too seldom. */
const HUB: Readonly<Record<string, Interest>> = {
  'synctargets.workload.kcp.io': syncTarget,
  'clusterregistrations.tmc.kcp.io': registration,
  'locations.scheduling.kcp.io': location,
  'placements.scheduling.kcp.io': policy,
  'workloadplacements.tmc.kcp.io': policy,
  'clusterworkloadplacements.workload.kcp.io': policy,
  namespaces: namespace,
  'apibindings.apis.kcp.io': binding,
  configmaps: workload,
  secrets: workload,
  services: workload,
  'deployments.apps': workload,
};

/** Conditions of a target that decide whether workloads may go there. */
const TARGET_CONDITIONS = ['Ready', 'HeartbeatHealthy'];

/** Hash of what the hub's consumers read of an object. */
export function hubInterest(resource: GroupResource, upstreamObj: KubeObject): string {
  return digest((HUB[formatGroupResource(resource)] ?? workload)(upstreamObj));
}

/** Hash of what status-up and repair read of a copy: status, metadata, and spec by its generation (or content without one). */
export function memberInterest(downstreamObj: KubeObject, drifted: boolean): string {
  const { annotations, generation } = downstreamObj.metadata;
  const content = generation === undefined ? contentOf(downstreamObj) : generation;
  return digest([...identity(downstreamObj), annotations, content, downstreamObj['status'], drifted]);
}

/**
 * True when our finalizer holds the object and nobody asked for its deletion: should it vanish from sight now, it was taken
 * from us (a rejected claim, a removed binding, a narrowed right), not deleted.
 */
export function isHeld(upstreamObj: KubeObject): boolean {
  const { finalizers, deletionTimestamp } = upstreamObj.metadata;
  return !deletionTimestamp && (finalizers ?? []).some((name) => name.startsWith(SYNCER_FINALIZER_PREFIX));
}

/** Of every kind: another incarnation, a label or the wish to delete it matter. */
function identity({ metadata: { uid, labels, deletionTimestamp } }: KubeObject): unknown[] {
  return [uid, labels, deletionTimestamp];
}

function described(object: KubeObject): unknown[] {
  return [...identity(object), object.metadata.annotations, object.metadata.finalizers];
}

function contentOf(object: KubeObject): unknown[] {
  return Object.entries(object).filter(([field]) => !NOT_CONTENT.has(field));
}

function statusOf(object: KubeObject): Record<string, unknown> {
  return (object['status'] ?? {}) as Record<string, unknown>;
}

function conditionsOf(target: KubeObject): unknown[] {
  const conditions = statusOf(target)['conditions'] as { type: string; status: string }[] | undefined;
  return TARGET_CONDITIONS.map((type) => conditions?.find((condition) => condition.type === type)?.status);
}

/** 96 bits are enough to tell the states of one object apart and cheap to remember for each of many. */
function digest(parts: readonly unknown[]): string {
  return hash('sha256', JSON.stringify(parts), 'base64url').slice(0, 16);
}
