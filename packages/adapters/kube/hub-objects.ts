import { HUB_FIELD_MANAGER } from '@tmc/apis/names.ts';
import { conflictError, type TmcError } from '@tmc/kernel/errors.ts';
import type { ResourceKey } from '@tmc/kernel/key.ts';
import type { JsonObject } from '@tmc/kernel/object.ts';
import type { HubApi, Preconditions } from '@tmc/kernel/ports.ts';
import type { Api } from './api.ts';
import { listAll } from './list.ts';
import { collectionPath, objectPath, queryOf } from './paths.ts';

/** Where the objects of one workspace are: an API server and what goes in front of paths there. */
export type Route = { readonly api: Api; readonly prefix: string };

/** Finds the route of a workspace. @throws TmcError when there is none. */
export type FindRoute = (workspace: string) => Route | Promise<Route>;

/** Deadline of a call to a hub that states none: half the time a function has. */
export const HUB_DEADLINE_MS = 5_000;

const MANAGER = queryOf({ fieldManager: HUB_FIELD_MANAGER });

/**
 * Reading and writing hub objects, the same on every hub. Writes are JSON merge patches: server-side apply through kcp's virtual
 * workspace neither removes fields nor agrees with itself.
 */
export function hubObjects(findRoute: FindRoute): Omit<HubApi, 'workspaceOf'> {
  return {
    async get(key) {
      const { api, prefix } = await findRoute(key.workspace);
      return api.find({ method: 'GET', path: prefix + objectPath(key), key });
    },
    async list(resource, { workspace, namespace, labelSelector }) {
      const { api, prefix } = await findRoute(workspace);
      return listAll(api, resource, {
        prefix,
        ...(namespace === undefined ? {} : { namespace }),
        ...(labelSelector === undefined ? {} : { labelSelector }),
      });
    },
    async create(key, upstreamObj) {
      const { api, prefix } = await findRoute(key.workspace);
      const path = `${prefix}${collectionPath(key, key.namespace)}${MANAGER}`;
      return api.get({ method: 'POST', path, key, body: JSON.stringify(upstreamObj) }, vanished);
    },
    async patch(key, patch, when = {}) {
      const { api, prefix } = await findRoute(key.workspace);
      const path = `${prefix}${objectPath(key, when.subresource)}${MANAGER}`;
      const body = JSON.stringify(guarded(patch, when));
      return api.get({ method: 'PATCH', path, key, body, contentType: 'application/merge-patch+json' }, vanished);
    },
    async delete(key, when = {}) {
      const { api, prefix } = await findRoute(key.workspace);
      await deleteObject({ api, prefix }, key, when);
    },
  };
}

/** Deletes in the background under the preconditions; absent already is success. */
export async function deleteObject({ api, prefix }: Route, key: ResourceKey, when: Preconditions): Promise<void> {
  const options = {
    apiVersion: 'v1',
    kind: 'DeleteOptions',
    propagationPolicy: 'Background',
    preconditions: preconditionsOf(when),
  };
  await api.find({ method: 'DELETE', path: prefix + objectPath(key), key, body: JSON.stringify(options) });
}

/** A write found its object gone: whoever planned it must read again. */
export function vanished(about: string): TmcError {
  return conflictError(`${about} no longer exists`, { type: 'ResourceNotFound', key: about });
}

/** Metadata with the preconditions that are set; the server compares them with the object's. */
export function preconditionsOf({ uid, resourceVersion }: Preconditions): Preconditions {
  return { ...(uid === undefined ? {} : { uid }), ...(resourceVersion === undefined ? {} : { resourceVersion }) };
}

function guarded(patch: JsonObject, when: Preconditions): JsonObject {
  const metadata = { ...(patch['metadata'] as JsonObject | undefined), ...preconditionsOf(when) };
  return Object.keys(metadata).length === 0 ? patch : { ...patch, metadata };
}
