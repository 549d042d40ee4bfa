import { MEMBER_FIELD_MANAGER } from '@tmc/apis/names.ts';
import { systemClock } from '@tmc/kernel/clock.ts';
import type { KubeObject } from '@tmc/kernel/object.ts';
import type { MemberApi, Preconditions } from '@tmc/kernel/ports.ts';
import { Api, type ApiOptions } from './api.ts';
import { Transport } from './http.ts';
import { deleteObject, preconditionsOf, vanished } from './hub-objects.ts';
import { listAll } from './list.ts';
import { objectPath, queryOf } from './paths.ts';
import { patientTransport } from './patience.ts';

/** Our fields are ours: others' values in them are overruled, and come to light as drift. */
const APPLY = queryOf({ fieldManager: MEMBER_FIELD_MANAGER, force: true });
/** Half the time a function has, so that it can still write and tell what became of the other members. */
const DEADLINE_MS = 5_000;
/** No object ever has it (revisions of a server are higher), and it is ignored for an object that is absent. */
const NO_OBJECTS_VERSION = '1';

/**
 * One member cluster, written by server-side apply. Calls end within `deadlineMs` (5 s); one that hangs is asked seldom until it
 * answers again.
 *
 * `apply` into a namespace that does not exist throws a `terminal` error of type `ResourceNotFound` whose `facts.key` is the key of
 * the namespace: create that first and apply again. An object that vanished or changed under its preconditions is a `conflict`.
 */
export function createMember(options: ApiOptions): MemberApi & { close(): void } {
  const { connection, clock = systemClock, deadlineMs = DEADLINE_MS, ping } = options;
  const transport = patientTransport(options.transport ?? new Transport(connection, { clock, ping }), {
    deadlineMs,
    clock,
  });
  const api = new Api({ connection, clock, transport });
  const route = { api, prefix: '' };
  return {
    get: (key) => api.find({ method: 'GET', path: objectPath(key), key }),
    list: (resource, scope) => listAll(api, resource, scope),
    apply: (key, downstreamObj, when) =>
      api.get(
        {
          method: 'PATCH',
          path: objectPath(key) + APPLY,
          key,
          body: JSON.stringify(guarded(downstreamObj, when)),
          contentType: 'application/apply-patch+yaml',
        },
        vanished,
      ),
    delete: (key, uid) => deleteObject(route, key, { uid }),
    close: () => api.close(),
  };
}

function guarded(downstreamObj: KubeObject, when: Preconditions | 'createOnly'): KubeObject {
  const preconditions = when === 'createOnly' ? { resourceVersion: NO_OBJECTS_VERSION } : preconditionsOf(when);
  return { ...downstreamObj, metadata: { ...downstreamObj.metadata, ...preconditions } };
}
