import { randomUUID } from 'node:crypto';
import { alreadyExists, badRequest, failure, forbidden, notFound, unknownAtEndpoint } from '../api-error.ts';
import { isEnding } from '../controllers/crd.ts';
import { type ApiObject, withMeta, without } from '../object.ts';
import type { Sim } from '../server/context.ts';
import type { ObjectRef } from '../store/store.ts';
import { checkBody } from './body.ts';
import { finishObject } from './finish.ts';
import { checkMetadata } from './metadata.ts';
import { kindSubject, resourceSubject, type WriteRequest } from './request.ts';

const NAME_ALPHABET = 'bcdfghjklmnpqrstvwxz2456789';
const NAME_ATTEMPTS = 8;

/** Five random characters of the alphabet API servers use for generateName. */
function randomSuffix(): string {
  const bytes = randomUUID().replaceAll('-', '');
  let suffix = '';
  for (let at = 0; at < 5; at++)
    suffix += NAME_ALPHABET[Number.parseInt(bytes.slice(at * 4, at * 4 + 4), 16) % NAME_ALPHABET.length];
  return suffix;
}

export const refOf = (request: WriteRequest, name: string): ObjectRef => ({
  storage: request.target.def.storage,
  cluster: request.target.cluster,
  namespace: request.target.namespace,
  name,
});

/** RFC 3339 in whole seconds, as metadata carries times. */
export const timestamp = (date: Date): string => `${date.toISOString().slice(0, 19)}Z`;

/**
 * Creates an object from a request body.
 * @throws ApiError 400, 403, 404 (namespace), 409 (exists) or 422
 */
export function createObject(sim: Sim, request: WriteRequest, body: unknown): ApiObject {
  const { target } = request;
  const parsed = checkBody(request, body);
  if (parsed.metadata.resourceVersion) throw failure(500, 'resourceVersion should not be set on objects to be created');
  if (target.name && parsed.metadata.name && parsed.metadata.name !== target.name)
    throw badRequest(
      `the name of the object (${parsed.metadata.name}) does not match the name on the URL (${target.name})`,
    );
  const named = withName(sim, request, parsed);
  return insert(sim, request, named);
}

function withName(sim: Sim, request: WriteRequest, obj: ApiObject): ApiObject {
  const { name, generateName } = obj.metadata;
  if (name || !generateName) return obj;
  for (let attempt = 0; attempt < NAME_ATTEMPTS; attempt++) {
    const candidate = `${generateName}${randomSuffix()}`;
    if (!sim.store.get(refOf(request, candidate))) return withMeta(obj, { name: candidate });
  }
  throw alreadyExists(resourceSubject(request.target.def, generateName));
}

/** Stores a complete new object, or pretends to for a dry run. */
export function insert(sim: Sim, request: WriteRequest, obj: ApiObject, how: { owned?: boolean } = {}): ApiObject {
  const { target } = request;
  const { def } = target;
  const name = obj.metadata.name ?? '';
  const place = { def, cluster: target.cluster, namespace: target.namespace, name };
  checkNamespace(sim, request, name);
  if (def.custom && isEnding(sim, def, target.cluster))
    throw forbidden(resourceSubject(def, name), 'create not allowed while custom resource definition is terminating');
  const metadata = {
    namespace: def.namespaced ? target.namespace : undefined,
    uid: randomUUID(),
    creationTimestamp: timestamp(sim.clock.now()),
    deletionTimestamp: undefined,
    deletionGracePeriodSeconds: undefined,
    resourceVersion: undefined,
  };
  const fresh = withMeta(def.status ? without(obj, 'status') : obj, metadata);
  checkMetadata(fresh, kindSubject(def, name || undefined), def);
  const admitted = sim.layer?.admit(fresh, { ...place, old: undefined, user: request.user }) ?? fresh;
  const finished = finishObject(sim, request, { old: undefined, next: admitted, ...how });
  const ref = refOf(request, name);
  if (sim.store.get(ref)) throw alreadyExists(resourceSubject(def, name));
  if (request.dryRun) return finished;
  sim.countWrite(target);
  return sim.store.put(ref, finished);
}

/** A namespaced object needs its namespace, and one that is not going away. */
function checkNamespace(sim: Sim, request: WriteRequest, name: string): void {
  const { def, namespace, cluster, view } = request.target;
  if (!def.namespaced) return;
  if (!namespace) throw view ? unknownAtEndpoint() : badRequest('an empty namespace may not be set during creation');
  const found = sim.store.get({ storage: 'namespaces.core', cluster, namespace: '', name: namespace });
  if (!found) throw notFound({ kind: 'namespaces', name: namespace });
  if (!found.metadata.deletionTimestamp) return;
  const message = `namespace ${namespace} is being terminated`;
  throw forbidden(
    resourceSubject(def, name),
    `unable to create new content in namespace ${namespace} because it is being terminated`,
    [{ reason: 'NamespaceTerminating', message, field: 'metadata.namespace' }],
  );
}
