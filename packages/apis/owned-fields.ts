import { canonicalJson, contentHash, isPlainObject } from '@tmc/kernel/canonical.ts';
import type { Json, JsonObject, KubeObject, ManagedFieldsEntry } from '@tmc/kernel/object.ts';
import { CONTENT_HASH_ANNOTATION, MEMBER_FIELD_MANAGER, RECORD_ANNOTATIONS } from './names.ts';
import { findQuantity } from './quantity.ts';

/**
 * What of a live copy is ours, and whether it still is what we applied. API servers default, reorder and rewrite what they are
 * given, so whole objects never compare: the live object is projected on the fields our manager owns, and the hash of that
 * projection is compared with the hash recorded when the copy was applied. A false alarm costs one apply that changes nothing.
 */

/**
 * The part of a value that a `fieldsV1` set names: `f:` members, `k:` list elements by their key fields, `v:` elements by value,
 * `i:` by index; a leaf is taken whole (atomic or scalar), `.` alone means the empty container itself.
 */
export function ownedProjection(value: KubeObject | JsonObject, fieldsV1: JsonObject): JsonObject {
  const projected = project(value as Json, fieldsV1);
  return isPlainObject(projected) ? projected : {};
}

function project(value: Json | undefined, fields: JsonObject): Json | undefined {
  const names = Object.keys(fields);
  if (value === undefined || names.length === 0) return value;
  if (Array.isArray(value)) {
    const picked = value.map((element, index) => projectElement(element, index, fields));
    return picked.filter((element) => element !== undefined);
  }
  if (!isPlainObject(value)) return value;
  const owned: JsonObject = {};
  for (const name of names) {
    if (!name.startsWith('f:')) continue;
    const member = project(value[name.slice(2)], childFields(fields, name));
    if (member !== undefined) owned[name.slice(2)] = member;
  }
  return owned;
}

function projectElement(element: Json, index: number, fields: JsonObject): Json | undefined {
  for (const name of Object.keys(fields)) {
    if (selectsElement(name, element, index)) return project(element, childFields(fields, name));
  }
  return undefined;
}

function selectsElement(name: string, element: Json, index: number): boolean {
  const selector = name.slice(2);
  if (name.startsWith('i:')) return Number(selector) === index;
  if (name.startsWith('v:')) return canonicalJson(parse(selector)) === canonicalJson(element);
  if (!name.startsWith('k:') || !isPlainObject(element)) return false;
  const keys = parse(selector);
  return (
    isPlainObject(keys) &&
    Object.entries(keys).every(([key, value]) => canonicalJson(element[key]) === canonicalJson(value))
  );
}

function childFields(fields: JsonObject, name: string): JsonObject {
  const child = fields[name];
  return isPlainObject(child) ? child : {};
}

function parse(text: string): Json | undefined {
  try {
    return JSON.parse(text) as Json;
  } catch {
    // A selector we cannot read owns nothing; the projection then differs and the copy is applied again.
    return undefined;
  }
}

/** The managedFields entry of what we applied to the main resource, if the object has one. */
function appliedEntry(downstreamObj: KubeObject): ManagedFieldsEntry | undefined {
  return downstreamObj.metadata.managedFields?.find(
    (entry) => entry.manager === MEMBER_FIELD_MANAGER && entry.operation === 'Apply' && !entry.subresource,
  );
}

/** True when the fields we own no longer have the content we applied, or nothing records that we own any. */
export function driftedFromApplied(downstreamObj: KubeObject): boolean {
  const fieldsV1 = appliedEntry(downstreamObj)?.fieldsV1;
  const recorded = downstreamObj.metadata.annotations?.[CONTENT_HASH_ANNOTATION];
  if (!fieldsV1 || !recorded) return true;
  return contentHashOf(ownedProjection(downstreamObj, fieldsV1)) !== recorded;
}

/**
 * Hash of a copy's content, equal for what we apply and for the projection of what an API server made of it: without identity,
 * status and the annotations that record a write, normalised as {@link normalise} says.
 */
export function contentHashOf(copy: KubeObject | JsonObject): string {
  const { apiVersion: _v, kind: _k, status: _s, metadata, ...content } = copy as JsonObject;
  const { labels, annotations } = isPlainObject(metadata) ? metadata : {};
  return contentHash(
    normalise({ ...content, metadata: { labels, annotations: withoutRecords(annotations) } } as JsonObject, ''),
  );
}

function withoutRecords(annotations: Json | undefined): Json | undefined {
  if (!isPlainObject(annotations)) return undefined;
  return Object.fromEntries(Object.entries(annotations).filter(([key]) => !RECORD_ANNOTATIONS.includes(key)));
}

/** Maps of a user's own keys: their values are content, whatever they look like. */
const VERBATIM = new Set([
  'data',
  'binaryData',
  'stringData',
  'labels',
  'annotations',
  'matchLabels',
  'nodeSelector',
  'selector',
]);
/** Lists merged by key in which order means nothing. Containers and environment keep theirs: it does. */
const UNORDERED = new Set(['ports', 'volumes', 'volumeMounts', 'volumeDevices', 'imagePullSecrets', 'hostAliases']);
/** Maps of quantities, which API servers rewrite (`1000m` → `1`). */
const QUANTITIES = new Set(['limits', 'requests', 'capacity']);
/** Fields that API servers leave out when they hold the zero value, because absent means the same. */
const ZERO_IS_ABSENT = new Set([
  'readOnly',
  'hostNetwork',
  'hostPID',
  'hostIPC',
  'stdin',
  'stdinOnce',
  'tty',
  'paused',
  'minReadySeconds',
  'publishNotReadyAddresses',
  'value',
]);

/** One form for what API servers hold equal; empty containers and nulls count as absent. */
function normalise(value: Json | undefined, field: string): Json | undefined {
  if (value === null || value === undefined) return undefined;
  if (ZERO_IS_ABSENT.has(field) && (value === false || value === 0 || value === '')) return undefined;
  if (Array.isArray(value)) return normaliseList(value, field);
  if (!isPlainObject(value)) return value;
  if (VERBATIM.has(field)) return Object.keys(value).length > 0 ? value : undefined;
  if (QUANTITIES.has(field)) return normaliseQuantities(value);
  const members = Object.entries(value)
    .map(([name, member]) => [name, normalise(member, name)] as const)
    .filter(([, member]) => member !== undefined);
  // The one default API servers put inside an atomic value of a pod template.
  if (field === 'fieldRef' && value['apiVersion'] === undefined) members.push(['apiVersion', 'v1']);
  return members.length > 0 ? Object.fromEntries(members) : undefined;
}

function normaliseList(list: Json[], field: string): Json | undefined {
  const elements = list.map((element) => normalise(element, '') ?? null);
  if (elements.length === 0) return undefined;
  if (!UNORDERED.has(field)) return elements;
  return elements.sort((a, b) => (canonicalJson(a) < canonicalJson(b) ? -1 : 1));
}

function normaliseQuantities(quantities: JsonObject): Json | undefined {
  const entries = Object.entries(quantities).map(([name, quantity]) => {
    const milli = typeof quantity === 'string' || typeof quantity === 'number' ? findQuantity(quantity) : undefined;
    return [name, milli === undefined ? quantity : `${milli}m`] as const;
  });
  return entries.length > 0 ? Object.fromEntries(entries) : undefined;
}
