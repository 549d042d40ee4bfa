import { MEMBER_FIELD_MANAGER } from '@tmc/apis/names.ts';
import { isPlainObject, jsonEqual } from '@tmc/kernel/canonical.ts';
import { conflictError, terminalError } from '@tmc/kernel/errors.ts';
import { formatKey, type GroupResource, type ResourceKey } from '@tmc/kernel/key.ts';
import type { JsonObject, KubeObject } from '@tmc/kernel/object.ts';
import type { HubApi, MemberApi, Preconditions } from '@tmc/kernel/ports.ts';

/** What a relay would see. */
export type Seen = { readonly key: ResourceKey; readonly type: 'upsert' | 'delete'; readonly obj: KubeObject };

/** Thrown by a gate in place of, or after, a call: the process died there. */
export class Crash extends Error {}

export type Gate = (call: string, phase: 'before' | 'after') => void;

/**
 * An API server in memory, as hub and as member: one counter of resourceVersions, no-op writes that change nothing, preconditions,
 * finalizers and deletion, namespaces that must exist (members), apply with managedFields. Lists are atomic; it defaults nothing.
 */
export class MemoryServer {
  readonly calls: string[] = [];
  readonly hub: HubApi;
  readonly member: MemberApi;
  readonly #objects = new Map<string, { key: ResourceKey; obj: KubeObject }>();
  readonly #seen: Seen[] = [];
  readonly #gate: Gate;
  readonly #needsNamespaces: boolean;
  /** Rises by more than there are restores in a test. */
  #counter = 100;

  constructor({ gate = () => {}, isMember = false }: { gate?: Gate; isMember?: boolean } = {}) {
    this.#gate = gate;
    this.#needsNamespaces = isMember;
    const get = (key: ResourceKey) => this.#call('get', key, () => this.find(key));
    const list = (resource: GroupResource, scope: Scope) =>
      this.#call('list', resource, () => ({ items: this.#list(resource, scope), resourceVersion: '0' }));
    this.hub = {
      get: get as HubApi['get'],
      list: list as HubApi['list'],
      create: (key, obj) => this.#call('create', key, () => this.#create(key, obj)),
      patch: (key, patch, when = {}) =>
        this.#call(when.subresource ? 'patch-status' : 'patch', key, () => this.#patch(key, patch, when)),
      delete: (key) => this.#call('delete', key, () => this.remove(key)),
      workspaceOf: () => '',
    };
    this.member = {
      get: get as MemberApi['get'],
      list: list as MemberApi['list'],
      apply: (key, obj, when) => this.#call('apply', key, () => this.#apply(key, obj, when)),
      delete: (key, uid) =>
        this.#call('delete', key, () => {
          if (this.find(key)) this.#check(key, { uid });
          this.remove(key);
        }),
    };
  }

  /** Takes what was seen since the last time. */
  drain(): Seen[] {
    return this.#seen.splice(0);
  }

  find(key: ResourceKey): KubeObject | undefined {
    return structuredClone(this.#objects.get(formatKey(key))?.obj);
  }

  all(): { key: ResourceKey; obj: KubeObject }[] {
    return [...this.#objects.values()].map((entry) => structuredClone(entry));
  }

  /**
   * A backup; `restore` brings it back, and no watch tells of it. Revisions go on from those of the backup, below what they were,
   * and meet none of them again: with the same revision and uid, only the content would tell two states apart.
   */
  backup(): Backup {
    return { objects: structuredClone(this.#objects), counter: this.#counter };
  }

  restore({ objects, counter }: Backup): void {
    this.#objects.clear();
    for (const [id, entry] of structuredClone(objects)) this.#objects.set(id, entry);
    this.#counter = counter + 1;
  }

  /** What a user does with kubectl apply. */
  put(key: ResourceKey, obj: KubeObject): KubeObject {
    const before = this.find(key);
    const labels = { ...before?.metadata.labels, ...obj.metadata.labels };
    return this.#store(key, { ...before, ...obj, metadata: { ...before?.metadata, ...obj.metadata, labels } }, before);
  }

  /** What a user does with kubectl edit. */
  edit(key: ResourceKey, change: (obj: KubeObject) => void): KubeObject {
    const next = this.find(key);
    if (!next) throw new Error(`nothing to edit at ${formatKey(key)}`);
    change(next);
    return this.#store(key, next, this.find(key));
  }

  /** What a user does with kubectl delete: the end comes with the last finalizer. */
  remove(key: ResourceKey): void {
    const current = this.find(key);
    if (!current) return;
    this.#store(key, { ...current, metadata: { ...current.metadata, deletionTimestamp: 'now' } }, current);
  }

  async #call<T>(verb: string, key: Partial<ResourceKey>, run: () => T): Promise<T> {
    const text = `${verb} ${key.resource}/${key.name ?? ''}`;
    this.#gate(text, 'before');
    this.calls.push(text);
    const result = structuredClone(run());
    this.#gate(text, 'after');
    return result;
  }

  #list(resource: GroupResource, { workspace, namespace }: Scope): KubeObject[] {
    return this.all()
      .filter(({ key }) => key.resource === resource.resource && key.group === resource.group)
      .filter(({ key }) => workspace === undefined || key.workspace === workspace)
      .filter(({ key }) => namespace === undefined || key.namespace === namespace)
      .map(({ obj }) => obj);
  }

  #create(key: ResourceKey, obj: KubeObject): KubeObject {
    if (this.find(key)) throw conflictError(`${formatKey(key)} exists`);
    return this.#store(key, obj, undefined);
  }

  #patch(key: ResourceKey, patch: JsonObject, when: Preconditions): KubeObject {
    const before = this.#check(key, when);
    return this.#store(key, merge(before, patch) as KubeObject, before);
  }

  #apply(key: ResourceKey, obj: KubeObject, when: Preconditions | 'createOnly'): KubeObject {
    const current = this.find(key);
    const namespace = { ...key, group: '', resource: 'namespaces', namespace: '', name: key.namespace };
    if (this.#needsNamespaces && key.namespace && !this.find(namespace)) {
      throw terminalError(`namespaces "${key.namespace}" not found`, { type: 'ResourceNotFound' });
    }
    if (when === 'createOnly' && current) throw conflictError(`${formatKey(key)} exists`);
    if (when !== 'createOnly') this.#check(key, when);
    const managedFields = [{ manager: MEMBER_FIELD_MANAGER, operation: 'Apply' as const, fieldsV1: fieldsOf(obj) }];
    const { uid, resourceVersion, generation } = current?.metadata ?? {};
    const metadata = {
      ...obj.metadata,
      managedFields,
      ...(uid && { uid }),
      ...(resourceVersion && { resourceVersion }),
      ...(generation !== undefined && { generation }),
    };
    const status = current?.['status'];
    return this.#store(key, { ...obj, metadata, ...(status ? { status } : {}) }, current);
  }

  #check(key: ResourceKey, when: Preconditions): KubeObject {
    const current = this.find(key);
    const { uid = current?.metadata.uid, resourceVersion = current?.metadata.resourceVersion } = when;
    if (!current || current.metadata.uid !== uid || current.metadata.resourceVersion !== resourceVersion) {
      throw conflictError(`${formatKey(key)} is gone or another`);
    }
    return current;
  }

  #store(key: ResourceKey, next: KubeObject, before: KubeObject | undefined): KubeObject {
    const uid = before?.metadata.uid ?? `uid-${this.#counter + 1}`;
    if (before && jsonEqual(next as JsonObject, before as JsonObject)) return before;
    this.#counter += 20;
    const specChanged = !jsonEqual(next['spec'] as JsonObject, before?.['spec'] as JsonObject);
    const generation = (before?.metadata.generation ?? 0) + (specChanged ? 1 : 0);
    const metadata = { ...next.metadata, uid, generation, resourceVersion: String(this.#counter) };
    const obj = structuredClone({ ...next, metadata });
    const isGone = obj.metadata.deletionTimestamp !== undefined && !obj.metadata.finalizers?.length;
    if (isGone) this.#objects.delete(formatKey(key));
    else this.#objects.set(formatKey(key), { key, obj });
    this.#seen.push({ key, type: isGone ? 'delete' : 'upsert', obj });
    return obj;
  }
}

type Backup = { readonly objects: Map<string, { key: ResourceKey; obj: KubeObject }>; readonly counter: number };
type Scope = { readonly workspace?: string; readonly namespace?: string };

/** The fields of an applied object, metadata's identity left out as API servers do; lists and empty maps are leaves. */
function fieldsOf(obj: KubeObject): JsonObject {
  const { apiVersion: _v, kind: _k, metadata, ...content } = obj as unknown as JsonObject & { metadata: JsonObject };
  const { labels, annotations } = metadata;
  return fieldSet({ ...content, metadata: { ...(labels ? { labels } : {}), ...(annotations ? { annotations } : {}) } });
}

function fieldSet(value: JsonObject): JsonObject {
  const entries = Object.entries(value).map(([name, member]) => [
    `f:${name}`,
    isPlainObject(member) ? fieldSet(member) : {},
  ]);
  return Object.fromEntries(entries);
}

/** JSON merge patch (RFC 7396). */
function merge(target: unknown, patch: unknown): unknown {
  if (!isPlainObject(patch)) return patch;
  const result: JsonObject = isPlainObject(target) ? { ...target } : {};
  for (const [name, value] of Object.entries(patch)) {
    if (value === null) delete result[name];
    else result[name] = merge(result[name], value) as never;
  }
  return result;
}
