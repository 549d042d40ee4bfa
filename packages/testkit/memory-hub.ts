import { conflictError } from '@tmc/kernel/errors.ts';
import { formatGroupResource, formatKey, type ResourceKey } from '@tmc/kernel/key.ts';
import { type JsonObject, KCP_CLUSTER_ANNOTATION, type KubeObject } from '@tmc/kernel/object.ts';
import type { HubApi } from '@tmc/kernel/ports.ts';

/**
 * A hub in memory for tests of handlers: one counter of resourceVersions, generation on changes of the spec, the status behind its
 * subresource, preconditions, merge patches. It has no watch and no validation; of label selectors it knows a bare key, and refuses others.
 */
export type MemoryHub = HubApi & {
  /** Calls that changed something, in order: `patch namespaces demo`, `patch synctargets/status west`. */
  readonly writes: string[];
  /** What a user would do with `kubectl apply`: creates, or replaces all but uid and status. */
  put(key: ResourceKey, object: KubeObject): KubeObject;
};

export function createMemoryHub(): MemoryHub {
  const objects = new Map<string, { key: ResourceKey; object: KubeObject }>();
  const writes: string[] = [];
  let counter = 0;

  const note = (verb: string, key: ResourceKey, subresource?: string): number =>
    writes.push(`${verb} ${formatGroupResource(key)}${subresource ? `/${subresource}` : ''} ${key.name}`);

  function store(key: ResourceKey, next: KubeObject, before?: KubeObject): KubeObject {
    counter += 1;
    const sameSpec = before && JSON.stringify(before['spec']) === JSON.stringify(next['spec']);
    const generation = (before?.metadata.generation ?? 0) + (sameSpec ? 0 : 1);
    const uid = before?.metadata.uid ?? `uid-${counter}`;
    const metadata = { ...next.metadata, name: key.name, uid, resourceVersion: String(counter), generation };
    const object = structuredClone({ ...next, metadata });
    objects.set(formatKey(key), { key, object });
    return structuredClone(object);
  }

  function existing(key: ResourceKey, when: { uid?: string; resourceVersion?: string } = {}): KubeObject {
    const current = objects.get(formatKey(key))?.object;
    const { uid = current?.metadata.uid, resourceVersion = current?.metadata.resourceVersion } = when;
    if (!current || current.metadata.uid !== uid || current.metadata.resourceVersion !== resourceVersion) {
      throw conflictError(`changing ${formatKey(key)}: it is gone or no longer the one that was read`);
    }
    return current;
  }

  return {
    writes,
    put(key, object) {
      const before = objects.get(formatKey(key))?.object;
      const status = before?.['status'] ?? object['status'];
      return store(key, { ...object, ...(status === undefined ? {} : { status }) }, before);
    },
    async get(key) {
      return structuredClone(objects.get(formatKey(key))?.object);
    },
    async list(resource, { workspace, namespace, labelSelector }) {
      if (labelSelector && !/^[\w./-]+$/.test(labelSelector)) {
        throw new Error(`the hub in memory knows only a label's key as selector, not ${labelSelector}`);
      }
      const wanted = (key: ResourceKey) =>
        formatGroupResource(key) === formatGroupResource(resource) &&
        key.workspace === workspace &&
        (namespace === undefined || key.namespace === namespace);
      const labelled = ({ metadata }: KubeObject) => !labelSelector || labelSelector in (metadata.labels ?? {});
      const items = [...objects.values()]
        .filter(({ key, object }) => wanted(key) && labelled(object))
        .map(({ object }) => structuredClone(object));
      return { items, resourceVersion: String(counter) };
    },
    async create(key, object) {
      if (objects.has(formatKey(key))) throw conflictError(`creating ${formatKey(key)}: it exists`);
      note('create', key);
      return store(key, object);
    },
    async patch(key, patch, when = {}) {
      const { subresource, ...preconditions } = when;
      const before = existing(key, preconditions);
      const { status, ...rest } = patch;
      const change = subresource === 'status' ? { status } : rest;
      note('patch', key, subresource);
      return store(key, merge(before, change as JsonObject) as KubeObject, before);
    },
    async delete(key, when = {}) {
      if (!objects.has(formatKey(key))) return;
      existing(key, when);
      note('delete', key);
      objects.delete(formatKey(key));
    },
    workspaceOf: (object) => object.metadata.annotations?.[KCP_CLUSTER_ANNOTATION] ?? '',
  };
}

/** JSON merge patch (RFC 7396). */
function merge(target: unknown, patch: unknown): unknown {
  if (typeof patch !== 'object' || patch === null || Array.isArray(patch)) return patch;
  const result: Record<string, unknown> =
    typeof target === 'object' && target !== null && !Array.isArray(target) ? { ...target } : {};
  for (const [name, value] of Object.entries(patch)) {
    if (value === null) delete result[name];
    else if (value !== undefined) result[name] = merge(result[name], value);
  }
  return result;
}
