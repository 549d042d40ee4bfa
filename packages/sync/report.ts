import { apiVersionOf, resourceType } from '@tmc/apis/resources.ts';
import { contentHash } from '@tmc/kernel/canonical.ts';
import { formatTime } from '@tmc/kernel/clock.ts';
import { findCondition, setCondition } from '@tmc/kernel/condition.ts';
import { isTmcError, kindOf } from '@tmc/kernel/errors.ts';
import type { ResourceKey } from '@tmc/kernel/key.ts';
import type { Condition, JsonObject, KubeObject } from '@tmc/kernel/object.ts';
import type { StepResult } from './apply.ts';
import type { SyncDeps } from './load.ts';

/** Condition of ours on upstream objects whose status has conditions; absent as long as nothing ever failed. */
const SYNCED_CONDITION = 'workload.kcp.io/Synced';

type Ports = Pick<SyncDeps, 'hub' | 'clock'>;
type Failure = Extract<StepResult, { kind: 'failed' }>;

/**
 * Tells the user what keeps an object from its targets: one Event per object, target and cause, and for Deployments the
 * condition. With no failures it turns a False condition True again. Writes only what changes.
 */
export async function reportFailures(
  ports: Ports,
  { key, upstreamObj, failures }: { key: ResourceKey; upstreamObj: KubeObject; failures: readonly Failure[] },
): Promise<void> {
  const text = failures.map(messageFor).sort().join('; ');
  await tell(() => setSynced(ports, { key, upstreamObj, failure: text }));
  for (const failure of failures) await tell(() => createEvent(ports, { key, upstreamObj, failure }));
}

/** `target east: <what was attempted and what the server said>; <what to change>`. */
function messageFor({ targetName, error }: Failure): string {
  return `target ${targetName}: ${error.message}${error.facts.hint ? `; ${error.facts.hint}` : ''}`;
}

/** A report that cannot be written must not change what becomes of the object; its cause is reported again at the next attempt. */
async function tell(write: () => Promise<unknown>): Promise<void> {
  try {
    await write();
  } catch (error) {
    if (!isTmcError(error) || kindOf(error) === 'bug') throw error;
  }
}

async function setSynced(
  { hub, clock }: Ports,
  { key, upstreamObj, failure }: { key: ResourceKey; upstreamObj: KubeObject; failure: string },
): Promise<void> {
  if (resourceType(key).kind !== 'Deployment') return;
  const before = (upstreamObj['status'] as { conditions?: Condition[] } | undefined)?.conditions;
  if (!failure && findCondition(before, SYNCED_CONDITION)?.status !== 'False') return;
  const condition = failure
    ? { type: SYNCED_CONDITION, status: 'False' as const, reason: 'SyncFailed', message: failure }
    : { type: SYNCED_CONDITION, status: 'True' as const, reason: 'Synced', message: '' };
  const conditions = setCondition(before, condition, clock());
  if (conditions === before) return;
  const { uid = '', resourceVersion = '' } = upstreamObj.metadata;
  const patch = { status: { conditions } } as unknown as JsonObject;
  await hub.patch(key, patch, { uid, resourceVersion, subresource: 'status' });
}

/** The name is derived from the cause, so that one cause makes one Event: a second create is a conflict and means told. */
async function createEvent(
  { hub, clock }: Ports,
  { key, upstreamObj, failure }: { key: ResourceKey; upstreamObj: KubeObject; failure: Failure },
): Promise<void> {
  const type = resourceType(key);
  const message = messageFor(failure).slice(0, MAX_MESSAGE);
  const { uid = '' } = upstreamObj.metadata;
  const name = `${key.name.slice(0, 200)}.${contentHash([type.kind, uid, failure.targetKey, message]).slice(0, 16)}`;
  const time = formatTime(clock());
  const event: KubeObject = {
    apiVersion: 'v1',
    kind: 'Event',
    metadata: { name, namespace: key.namespace },
    involvedObject: { apiVersion: apiVersionOf(type), kind: type.kind, namespace: key.namespace, name: key.name, uid },
    reason: 'SyncFailed',
    message,
    type: 'Warning',
    source: { component: 'tmc-sync' },
    firstTimestamp: time,
    lastTimestamp: time,
    count: 1,
  };
  await hub.create({ ...key, group: '', resource: 'events', name }, event);
}

/** API servers refuse longer Event messages. */
const MAX_MESSAGE = 1024;
