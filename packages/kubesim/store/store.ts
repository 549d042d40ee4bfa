import type { ApiObject } from '../object.ts';
import { History } from './history.ts';

/** Where an object lives: `storage` names the collection (group, resource and, in kcp, the identity of the export). */
export interface ObjectRef {
  storage: string;
  cluster: string;
  namespace: string;
  name: string;
}

/** One committed change. `obj` is the state after it (of a deletion: the last state under the new revision). */
export interface StoreEvent extends ObjectRef {
  type: 'ADDED' | 'MODIFIED' | 'DELETED';
  revision: number;
  obj: ApiObject;
  prev: ApiObject | undefined;
}

/** Which objects of a collection: absent parts match all. */
export interface Scope {
  cluster?: string | undefined;
  namespace?: string | undefined;
}

type Listener = (event: StoreEvent) => void;

interface Collection {
  objects: Map<string, ApiObject>;
  /** Keys in order, made when first needed after an object came or went. */
  sorted: string[] | undefined;
  listeners: Set<Listener>;
}

const SEPARATOR = '\u0000';
export const keyOf = (ref: { cluster: string; namespace: string; name: string }): string =>
  `${ref.cluster}${SEPARATOR}${ref.namespace}${SEPARATOR}${ref.name}`;

const prefixOf = ({ cluster, namespace }: Scope): string =>
  cluster === undefined
    ? ''
    : namespace === undefined
      ? `${cluster}${SEPARATOR}`
      : keyOf({ cluster, namespace, name: '' });

/**
 * All objects of one simulated server under one revision counter. Every write takes the next revision, is recorded in the
 * history and told to listeners of its collection, in revision order, before the write returns.
 */
export class Store {
  readonly history: History;
  private counter: number;
  private readonly collections = new Map<string, Collection>();
  private readonly anyListeners = new Set<Listener>();
  private readonly queue: StoreEvent[] = [];
  private draining = false;

  constructor(options: { historyLimit: number; firstRevision?: number }) {
    this.counter = options.firstRevision ?? 1;
    this.history = new History(options.historyLimit, this.counter);
  }

  get revision(): number {
    return this.counter;
  }

  get(ref: ObjectRef): ApiObject | undefined {
    return this.collections.get(ref.storage)?.objects.get(keyOf(ref));
  }

  /** Objects in key order (cluster, namespace, name). */
  list(storage: string, scope: Scope = {}): ApiObject[] {
    const collection = this.collection(storage);
    collection.sorted ??= [...collection.objects.keys()].sort();
    const prefix = prefixOf(scope);
    const found: ApiObject[] = [];
    for (let at = prefix ? lowerBound(collection.sorted, prefix) : 0; at < collection.sorted.length; at++) {
      const key = collection.sorted[at] as string;
      if (!key.startsWith(prefix)) break;
      const obj = collection.objects.get(key) as ApiObject;
      if (scope.cluster !== undefined || scope.namespace === undefined || obj.metadata.namespace === scope.namespace)
        found.push(obj);
    }
    return found;
  }

  /**
   * The collection as it was at a revision, by undoing the later events.
   * @returns undefined when the history does not reach back that far
   */
  listAt(storage: string, revision: number, scope: Scope = {}): ApiObject[] | undefined {
    if (revision >= this.counter) return this.list(storage, scope);
    const events = this.history.since(storage, revision);
    if (!events) return undefined;
    if (events.length === 0) return this.list(storage, scope);
    const objects = new Map(this.collection(storage).objects);
    for (const event of events.reverse()) {
      if (event.prev) objects.set(keyOf(event), event.prev);
      else objects.delete(keyOf(event));
    }
    const prefix = prefixOf(scope);
    return [...objects.entries()]
      .filter(([key]) => key.startsWith(prefix))
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([, obj]) => obj)
      .filter((obj) => scope.namespace === undefined || obj.metadata.namespace === scope.namespace);
  }

  /** Stores a new or changed object under the next revision and returns it as stored. */
  put(ref: ObjectRef, obj: ApiObject): ApiObject {
    const collection = this.collection(ref.storage);
    const key = keyOf(ref);
    const prev = collection.objects.get(key);
    const stored = this.stamped(obj);
    if (!prev) collection.sorted = undefined;
    collection.objects.set(key, stored);
    this.commit({ ...ref, type: prev ? 'MODIFIED' : 'ADDED', revision: this.counter, obj: stored, prev });
    return stored;
  }

  /** Removes an object; its event carries `last` (default: what was stored) under a new revision. */
  remove(ref: ObjectRef, last?: ApiObject): ApiObject | undefined {
    const collection = this.collection(ref.storage);
    const key = keyOf(ref);
    const prev = collection.objects.get(key);
    if (!prev) return undefined;
    collection.objects.delete(key);
    collection.sorted = undefined;
    const obj = this.stamped(last ?? prev);
    this.commit({ ...ref, type: 'DELETED', revision: this.counter, obj, prev });
    return obj;
  }

  /** Calls back with every later event of one collection, or of all; returns how to stop. */
  subscribe(storage: string | undefined, listener: Listener): () => void {
    const listeners = storage === undefined ? this.anyListeners : this.collection(storage).listeners;
    listeners.add(listener);
    return () => listeners.delete(listener);
  }

  /** Names of the collections that hold or held something. */
  storages(): string[] {
    return [...this.collections.keys()];
  }

  /** Takes a revision that no object carries, as the writes of other parts of a real server do. */
  skipRevision(): void {
    this.counter++;
  }

  private stamped(obj: ApiObject): ApiObject {
    this.counter++;
    return { ...obj, metadata: { ...obj.metadata, resourceVersion: String(this.counter) } };
  }

  private collection(storage: string): Collection {
    let collection = this.collections.get(storage);
    if (!collection) {
      collection = { objects: new Map(), sorted: undefined, listeners: new Set() };
      this.collections.set(storage, collection);
    }
    return collection;
  }

  /** A listener may write itself; its event then waits until all listeners have seen this one. */
  private commit(event: StoreEvent): void {
    this.history.add(event);
    this.queue.push(event);
    if (this.draining) return;
    this.draining = true;
    try {
      for (let next = this.queue.shift(); next; next = this.queue.shift()) {
        for (const listener of this.collection(next.storage).listeners) listener(next);
        for (const listener of this.anyListeners) listener(next);
      }
    } finally {
      this.draining = false;
    }
  }
}

function lowerBound(keys: string[], key: string): number {
  let low = 0;
  let high = keys.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((keys[middle] as string) < key) low = middle + 1;
    else high = middle;
  }
  return low;
}
