import { formatLocator, tenantId } from '@tmc/apis/hash.ts';
import { LOCATOR_ANNOTATION, OWNER_LABEL, TENANT_LABEL } from '@tmc/apis/names.ts';
import type { Clock } from '@tmc/kernel/clock.ts';
import { kindOf, retryError, terminalError } from '@tmc/kernel/errors.ts';
import type { ResourceKey } from '@tmc/kernel/key.ts';
import type { KubeObject } from '@tmc/kernel/object.ts';
import type { MemberApi } from '@tmc/kernel/ports.ts';
import type { TargetFacts } from '@tmc/kernel/records.ts';
import { downstreamKeyOf, locatorOf } from './copy-identity.ts';

/**
 * How long a namespace that was seen to be ours is not looked at again. Chosen freely: short, since within it a namespace that
 * somebody deletes and makes anew by hand would be taken for ours; long enough that a burst of objects asks once.
 */
const VERIFIED_MS = 30_000;
/** A namespace being deleted is usually gone after some seconds. */
const TERMINATING_RETRY_MS = 2_000;

/** Where an object goes: the member, the target's facts and the upstream key. */
export type Destination = {
  readonly member: MemberApi;
  readonly target: TargetFacts;
  readonly upstreamKey: ResourceKey;
};

export type Namespaces = {
  /**
   * Resolves once the downstream namespace exists and its locator is ours.
   * @throws TmcError terminal ResourceConflict when the name is taken, retry while it is being deleted.
   */
  ensure(destination: Destination): Promise<void>;
  /** A write found it missing: look again at the next `ensure`. */
  forget(destination: Destination): void;
};

/** Downstream namespaces of this process; concurrent first objects of a namespace share one look. */
export function createNamespaces(clock: Clock): Namespaces {
  const verified = new Map<string, { readonly untilMs: number; readonly look: Promise<void> }>();
  const cacheKey = ({ target, upstreamKey }: Destination): string =>
    JSON.stringify([target.key, target.uid, upstreamKey.workspace, upstreamKey.namespace]);
  return {
    ensure(destination) {
      const key = cacheKey(destination);
      const known = verified.get(key);
      if (known && clock() < known.untilMs) return known.look;
      for (const [other, { untilMs }] of verified) if (untilMs <= clock()) verified.delete(other);
      const look = ensureNamespace(destination);
      verified.set(key, { untilMs: clock() + VERIFIED_MS, look });
      look.catch(() => verified.delete(key));
      return look;
    },
    forget(destination) {
      verified.delete(cacheKey(destination));
    },
  };
}

async function ensureNamespace(destination: Destination): Promise<void> {
  const { member, target, upstreamKey } = destination;
  const name = downstreamKeyOf(upstreamKey, target).namespace;
  const key: ResourceKey = { workspace: target.key, group: '', resource: 'namespaces', namespace: '', name };
  const existing = await member.get(key);
  if (existing) return claim(existing, destination);
  try {
    await member.apply(key, namespaceObject(name, destination), 'createOnly');
  } catch (error) {
    if (kindOf(error) !== 'conflict') throw error;
    // Somebody else was faster, most likely ourselves for another object.
    const winner = await member.get(key);
    if (!winner)
      throw retryError(`creating namespace ${name} on ${target.name}: it came and went`, { type: 'SyncFailure' });
    await claim(winner, destination);
  }
}

/** Uses a namespace that is ours; one of an earlier SyncTarget of the same name is stamped anew, its copies are found as ours. */
async function claim(existing: KubeObject, destination: Destination): Promise<void> {
  const { member, target, upstreamKey } = destination;
  const { name, uid, resourceVersion } = existing.metadata;
  const stamped = existing.metadata.annotations?.[LOCATOR_ANNOTATION];
  verify(existing, destination);
  if (stamped === formatLocator(locatorOf(upstreamKey, target))) return;
  const key: ResourceKey = { workspace: target.key, group: '', resource: 'namespaces', namespace: '', name };
  const when = { ...(uid && { uid }), ...(resourceVersion && { resourceVersion }) };
  await member.apply(key, namespaceObject(name, destination), when);
}

function namespaceObject(name: string, { target, upstreamKey }: Destination): KubeObject {
  const locator = locatorOf(upstreamKey, target);
  return {
    apiVersion: 'v1',
    kind: 'Namespace',
    metadata: {
      name,
      labels: { [TENANT_LABEL]: tenantId(locator), [OWNER_LABEL]: target.key },
      annotations: { [LOCATOR_ANNOTATION]: formatLocator(locator) },
    },
  };
}

/** Whether a locator says what we say, but for the uid of the SyncTarget: that is another when the SyncTarget was made again. */
function isOurLocator(text: string | undefined, { target, upstreamKey }: Destination): boolean {
  const ours = locatorOf(upstreamKey, target);
  const uid = /"uid":"([^"\\]*)"/.exec(text ?? '')?.[1] ?? '';
  return text === formatLocator({ ...ours, syncTarget: { ...ours.syncTarget, uid } });
}

function verify({ metadata }: KubeObject, destination: Destination): void {
  const { target } = destination;
  const facts = { target: target.name, component: 'sync' };
  if (!isOurLocator(metadata.annotations?.[LOCATOR_ANNOTATION], destination)) {
    throw terminalError(`namespace ${metadata.name} on target ${target.name} is taken: it belongs to somebody else`, {
      ...facts,
      type: 'ResourceConflict',
      hint: `rename the namespace in the hub, or delete ${metadata.name} in the member cluster if nobody needs it`,
    });
  }
  if (metadata.deletionTimestamp) {
    throw retryError(`namespace ${metadata.name} on target ${target.name} is being deleted`, {
      ...facts,
      type: 'ResourceConflict',
      retryAfterMs: TERMINATING_RETRY_MS,
    });
  }
}
