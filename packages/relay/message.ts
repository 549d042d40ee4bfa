import type { ListMark } from '@tmc/apis/list-marks.ts';
import { OWNER_LABEL, SOURCE_VERSION_ANNOTATION, UPSTREAM_ANNOTATION, WORKLOAD_GROUP } from '@tmc/apis/names.ts';
import { apiVersionOf, type ResourceType } from '@tmc/apis/resources.ts';
import { type Envelope, MAX_BODY_BYTES, type OutgoingMessage } from '@tmc/kernel/envelope.ts';
import { formatKey } from '@tmc/kernel/key.ts';
import type { KubeObject } from '@tmc/kernel/object.ts';
import type { Observation } from './observe.ts';
import { recoveryRoute, routeOf, type SourceKind } from './route.ts';

/** Who sends: hub id or target key, the relay, and the epoch of the source's revisions. */
export type Origin = {
  readonly kind: SourceKind;
  readonly id: string;
  readonly relay: string;
  readonly epoch: number;
};

/** What is drawn for each message: its id and the instant. */
export type Stamp = { readonly id: string; readonly at: number };

/** A message with the object it is about, as the outbox orders and measures it. */
export type Parcel = { readonly id: string; readonly message: OutgoingMessage; readonly bytes: number };

/** A message without its body, roughly: a bound for memory, not a bill. */
const ENVELOPE_BYTES = 600;
/**
 * Longest annotation of a copy that is told on: ours name one object or one version, a name has at most 253 characters and a version
 * less than 1 KiB, so a longer value was put there by somebody else and leads nowhere.
 */
const MAX_ANNOTATION_BYTES = 4 * 1024;
/** Stands in a key for "all": an object cannot be called so. */
const ANY = '*';

/** The message about an observation. Bodies are small, without managedFields, and never a Secret's. */
export function observationParcel(
  observation: Observation,
  { origin, resource, stamp }: { origin: Origin; resource: ResourceType; stamp: Stamp },
): Parcel {
  const { change, key, uid, rv, hash, drifted } = observation;
  const isSecret = key.group === '' && key.resource === 'secrets';
  const small = isSecret ? undefined : smallBody(observation.object, resource);
  const left =
    !small && origin.kind === 'member' && change === 'delete' ? sized(tombstone(observation, resource)) : undefined;
  const { body, bytes = 0 } = small ?? left ?? {};
  const envelope: Envelope = {
    ...base(origin, stamp),
    key,
    uid,
    rv,
    change,
    // The hash of a Secret's content would let a short value be guessed.
    ...(hash !== undefined && !isSecret && { hash }),
    ...(drifted && { drifted }),
    ...(body && { body }),
  };
  const message = { ...routeOf(origin.kind, key), envelope };
  return { id: observation.id, message, bytes: ENVELOPE_BYTES + bytes };
}

/** A message about an object's state with the key alone; any other as it is: without it a tombstone would lead nowhere. */
export function withoutBody(parcel: Parcel): Parcel {
  const { change, body, ...envelope } = parcel.message.envelope;
  if (change !== 'upsert' || body === undefined) return parcel;
  return { ...parcel, message: { ...parcel.message, envelope: { ...envelope, change } }, bytes: ENVELOPE_BYTES };
}

/**
 * Says that a kind was listed completely after a start: what the relay no longer remembers may have been deleted meanwhile, and
 * whoever keeps facts of the kind may compare them with a list of his own. Key: name `*`; workspace `*`, of a member's relay the
 * target key. May be ignored.
 */
export function listMarkerParcel(resource: ResourceType, origin: Origin, stamp: Stamp): Parcel {
  const workspace = origin.kind === 'member' ? origin.id : ANY;
  const key = { workspace, group: resource.group, resource: resource.resource, namespace: '', name: ANY };
  return plainParcel({ ...base(origin, stamp), key, uid: '', rv: '', change: 'evaluate' }, routeOf(origin.kind, key));
}

/** One list mark of a kind (`apis/list-marks.ts`): only a later mark of the same range may take its place in the outbox. */
export function listMarkParcel(
  resource: ResourceType,
  { origin, stamp, rv, mark }: { origin: Origin; stamp: Stamp; rv: string; mark: ListMark },
): Parcel {
  const parcel = listMarkerParcel(resource, origin, stamp);
  const envelope: Envelope = { ...parcel.message.envelope, rv, list: mark };
  return {
    id: `${parcel.id} ${mark.begin}`,
    message: { ...parcel.message, envelope },
    bytes: ENVELOPE_BYTES + mark.keys.reduce((sum, key) => sum + key.length + 3, 0),
  };
}

/** Says that the relay of a target is alive and its member cluster answers; the key is its SyncTarget. */
export function heartbeatParcel(target: { workspace: string; name: string }, origin: Origin, stamp: Stamp): Parcel {
  const key = { ...target, group: WORKLOAD_GROUP, resource: 'synctargets', namespace: '' };
  return plainParcel({ ...base(origin, stamp), key, uid: '', rv: '', change: 'heartbeat' }, recoveryRoute(origin.id));
}

/** Wakes the recovery functions to look for what has gone silent. */
export function tickParcel(origin: Origin, stamp: Stamp): Parcel {
  const key = { workspace: ANY, group: '', resource: 'ticks', namespace: '', name: origin.relay };
  return plainParcel({ ...base(origin, stamp), key, uid: '', rv: '', change: 'tick' }, recoveryRoute(origin.id));
}

function base({ kind, id, relay, epoch }: Origin, stamp: Stamp): Pick<Envelope, 'v' | 'id' | 'at' | 'source'> {
  return { v: 1, id: stamp.id, at: stamp.at, source: { kind, id, relay, epoch } };
}

function plainParcel(envelope: Envelope, route: ReturnType<typeof routeOf>): Parcel {
  return {
    id: `${envelope.change} ${formatKey(envelope.key)}`,
    message: { ...route, envelope },
    bytes: ENVELOPE_BYTES,
  };
}

/** The object as a body, unless it is too large. List items of Kubernetes lack kind and apiVersion: they are filled in. */
function smallBody(
  object: KubeObject | undefined,
  resource: ResourceType,
): { body: KubeObject; bytes: number } | undefined {
  if (!object) return undefined;
  const { managedFields: _dropped, ...metadata } = object.metadata;
  const body = {
    ...object,
    apiVersion: object.apiVersion ?? apiVersionOf(resource),
    kind: object.kind ?? resource.kind,
    metadata,
  };
  const found = sized(body);
  return found.bytes <= MAX_BODY_BYTES ? found : undefined;
}

function sized(body: KubeObject): { body: KubeObject; bytes: number } {
  return { body, bytes: Buffer.byteLength(JSON.stringify(body)) };
}

/**
 * What leads from a copy that is gone back to its upstream object; nothing a user wrote is in it, and no hash of it: that would
 * let a short Secret be guessed.
 */
function tombstone({ key, uid, rv, object, upstream }: Observation, resource: ResourceType): KubeObject {
  const { labels = {}, annotations = {} } = object?.metadata ?? {};
  const found: Record<string, string> = {
    ...annotations,
    ...(upstream !== undefined && { [UPSTREAM_ANNOTATION]: upstream }),
  };
  const kept = [UPSTREAM_ANNOTATION, SOURCE_VERSION_ANNOTATION].flatMap((name) => {
    const value = found[name];
    const isOurs = value !== undefined && Buffer.byteLength(value) <= MAX_ANNOTATION_BYTES;
    return isOurs ? [[name, value] as const] : [];
  });
  return {
    apiVersion: apiVersionOf(resource),
    kind: resource.kind,
    metadata: {
      name: key.name,
      ...(key.namespace && { namespace: key.namespace }),
      uid,
      resourceVersion: rv,
      labels: { [OWNER_LABEL]: labels[OWNER_LABEL] ?? key.workspace },
      annotations: Object.fromEntries(kept),
    },
  };
}
