import { setTimeout as delay } from 'node:timers/promises';
import { HUB_FIELD_MANAGER } from '@tmc/apis/names.ts';
import { kindOf, messageOf, retryError } from '@tmc/kernel/errors.ts';
import { groupOf, type ResourceKey } from '@tmc/kernel/key.ts';
import type { KubeObject } from '@tmc/kernel/object.ts';
import type { Api } from './api.ts';
import { vanished } from './hub-objects.ts';
import { queryOf } from './paths.ts';

/** How long bootstrap waits for a server to act on what it was given: kcp took up to 6 s, a busy machine multiplies that. */
const BOOTSTRAP_WAIT_MS = 90_000;
const POLL_MS = 150;

/** Where bootstrap objects go; keys of errors carry `workspace`. */
export type Place = { readonly api: Api; readonly prefix: string; readonly workspace: string };

/** The path of an object as its own apiVersion says, and its key for texts. */
export function locate(place: Place, resource: string, object: KubeObject): { path: string; key: ResourceKey } {
  const { apiVersion, metadata } = object;
  const root = apiVersion.includes('/') ? `/apis/${apiVersion}` : `/api/${apiVersion}`;
  const namespace = metadata.namespace ?? '';
  const inNamespace = namespace ? `/namespaces/${namespace}` : '';
  return {
    path: `${place.prefix}${root}${inNamespace}/${resource}`,
    key: { workspace: place.workspace, group: groupOf(apiVersion), resource, namespace, name: metadata.name },
  };
}

/** Server-side apply, forced: the object is ours. Only for plain servers and workspaces themselves, not for export endpoints. */
export async function ensureApplied(place: Place, resource: string, object: KubeObject): Promise<KubeObject> {
  const { path, key } = locate(place, resource, object);
  const query = queryOf({ fieldManager: HUB_FIELD_MANAGER, force: true });
  return place.api.get(
    {
      method: 'PATCH',
      path: `${path}/${encodeURIComponent(key.name)}${query}`,
      key,
      body: JSON.stringify(object),
      contentType: 'application/apply-patch+yaml',
    },
    vanished,
  );
}

/** Creates unless it exists; what exists is left as it is. */
export async function ensureCreated(place: Place, resource: string, object: KubeObject): Promise<void> {
  const { path, key } = locate(place, resource, object);
  try {
    await place.api.get({ method: 'POST', path, key, body: JSON.stringify(object) }, vanished);
  } catch (error) {
    if (kindOf(error) !== 'conflict') throw error;
  }
}

/** Reads an object until it is as wanted. @throws TmcError retry with the last reason when the deadline passes. */
export async function waitFor(
  place: Place,
  wanted: { resource: string; object: KubeObject; isReady: (live: KubeObject) => boolean; what: string },
): Promise<KubeObject> {
  const { path, key } = locate(place, wanted.resource, wanted.object);
  const read = async () => {
    const live = await place.api.find({ method: 'GET', path: `${path}/${encodeURIComponent(key.name)}`, key });
    return live && wanted.isReady(live) ? live : undefined;
  };
  return eventually(read, wanted.what);
}

/**
 * Tries until there is a result; errors of kind `retry` and `conflict` count as "not yet".
 * @throws TmcError retry naming what was waited for when {@link BOOTSTRAP_WAIT_MS} passed.
 */
export async function eventually<T>(attempt: () => Promise<T | undefined>, what: string): Promise<T> {
  const deadline = performance.now() + BOOTSTRAP_WAIT_MS;
  let reason = 'it is not so yet';
  while (performance.now() < deadline) {
    try {
      const result = await attempt();
      if (result !== undefined) return result;
      reason = 'it is not so yet';
    } catch (error) {
      const kind = kindOf(error);
      if (kind !== 'retry' && kind !== 'conflict') throw error;
      reason = messageOf(error);
    }
    await delay(POLL_MS);
  }
  throw retryError(`waited ${BOOTSTRAP_WAIT_MS} ms for ${what}: ${reason}`, { type: 'ClusterUnavailable' });
}
