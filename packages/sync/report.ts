import { apiVersionOf, isSynced, resourceType } from '@tmc/apis/resources.ts';
import { STALLED_CONDITION, withoutStall, withStall } from '@tmc/apis/stalled.ts';
import { contentHash } from '@tmc/kernel/canonical.ts';
import { formatTime } from '@tmc/kernel/clock.ts';
import { findCondition, setCondition } from '@tmc/kernel/condition.ts';
import type { Envelope } from '@tmc/kernel/envelope.ts';
import { isTmcError, kindOf } from '@tmc/kernel/errors.ts';
import type { ResourceKey } from '@tmc/kernel/key.ts';
import type { Condition, JsonObject, KubeObject } from '@tmc/kernel/object.ts';
import type { StepResult } from './apply.ts';
import type { SyncDeps } from './load.ts';

/** Condition of ours on upstream objects whose status has conditions; absent as long as nothing ever failed. */
const SYNCED_CONDITION = 'workload.kcp.io/Synced';
/** Somebody else's write between reading and writing is met by reading again. */
const MAX_ATTEMPTS = 3;

type Ports = Pick<SyncDeps, 'hub' | 'clock'>;
type Failure = Extract<StepResult, { kind: 'failed' }>;
type Subject = { readonly key: ResourceKey; readonly upstreamObj: KubeObject };

/**
 * Tells the user what keeps an object from its targets: one Event per object, target and cause, and for Deployments the
 * condition. With no failures it takes back what the conditions said before, in one write. Writes only what changes.
 */
export async function reportFailures(
  ports: Ports,
  { key, upstreamObj, failures }: Subject & { readonly failures: readonly Failure[] },
): Promise<void> {
  const text = failures.map(messageFor).sort().join('; ');
  const now = ports.clock();
  const plan = (before: Conditions) => (text ? withFailure(before, text, now) : withRecovery(before, now));
  await tell(() => setConditions(ports, { key, upstreamObj }, plan));
  for (const failure of failures) {
    const told = { reason: 'SyncFailed', cause: failure.targetKey, message: messageFor(failure) };
    await tell(() => createEvent(ports, { key, upstreamObj }, told));
  }
}

/**
 * Tells the user that a message about an object was given up: nothing more happens until the object changes or the message is
 * sent again. Deployments get the condition, other kinds an Event; the next sync that succeeds takes the condition back.
 * @throws TmcError when the hub does not take the report.
 */
export async function reportStalled(ports: Ports, { key, uid }: Envelope, reason: string): Promise<void> {
  if (!isSynced(key) || key.name === '*') return;
  const upstreamObj = await ports.hub.get(key);
  // Gone, or another one of the same name, which has messages of its own.
  if (!upstreamObj || (uid && uid !== upstreamObj.metadata.uid)) return;
  const now = ports.clock();
  const subject = { key, upstreamObj };
  if (hasConditions(key)) return setConditions(ports, subject, (before) => withStall(before, reason, now));
  return createEvent(ports, subject, { reason: 'SyncStalled', cause: STALLED_CONDITION, message: reason });
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

type Conditions = readonly Condition[] | undefined;

const withFailure = (before: Conditions, message: string, now: number): Conditions =>
  setCondition(before, { type: SYNCED_CONDITION, status: 'False', reason: 'SyncFailed', message }, now);

/** Takes back what was bad; where nothing was, nothing is said. */
function withRecovery(before: Conditions, now: number): Conditions {
  const good = { reason: 'Synced', message: '' };
  let after = before;
  if (findCondition(before, SYNCED_CONDITION)?.status === 'False')
    after = setCondition(after, { type: SYNCED_CONDITION, status: 'True', ...good }, now);
  return withoutStall(after, good.reason, now);
}

const hasConditions = (key: ResourceKey): boolean => resourceType(key).kind === 'Deployment';

async function setConditions(
  { hub }: Ports,
  { key, upstreamObj }: Subject,
  plan: (before: Conditions) => Conditions,
): Promise<void> {
  if (!hasConditions(key)) return;
  let current: KubeObject | undefined = upstreamObj;
  for (let attempt = 1; current?.metadata.uid === upstreamObj.metadata.uid; attempt += 1) {
    const before = (current?.['status'] as { conditions?: Condition[] } | undefined)?.conditions;
    const conditions = plan(before);
    if (conditions === before) return;
    const { uid = '', resourceVersion = '' } = current?.metadata ?? {};
    const patch = { status: { conditions } } as unknown as JsonObject;
    try {
      await hub.patch(key, patch, { uid, resourceVersion, subresource: 'status' });
      return;
    } catch (error) {
      if (kindOf(error) !== 'conflict' || attempt === MAX_ATTEMPTS) throw error;
      current = await hub.get(key);
    }
  }
}

type Told = { readonly reason: string; readonly cause: string; readonly message: string };

/** The name is derived from the cause, so that one cause makes one Event: a second create is a conflict and means told. */
async function createEvent({ hub, clock }: Ports, { key, upstreamObj }: Subject, told: Told): Promise<void> {
  const type = resourceType(key);
  const message = told.message.slice(0, MAX_MESSAGE);
  const { uid = '' } = upstreamObj.metadata;
  const name = `${key.name.slice(0, 200)}.${contentHash([type.kind, uid, told.cause, message]).slice(0, 16)}`;
  const time = formatTime(clock());
  const event: KubeObject = {
    apiVersion: 'v1',
    kind: 'Event',
    metadata: { name, namespace: key.namespace },
    involvedObject: { apiVersion: apiVersionOf(type), kind: type.kind, namespace: key.namespace, name: key.name, uid },
    reason: told.reason,
    message,
    type: 'Warning',
    source: { component: 'tmc-sync' },
    firstTimestamp: time,
    lastTimestamp: time,
    count: 1,
  };
  try {
    await hub.create({ ...key, group: '', resource: 'events', name }, event);
  } catch (error) {
    if (kindOf(error) !== 'conflict') throw error;
  }
}

/** API servers refuse longer Event messages. */
const MAX_MESSAGE = 1024;
