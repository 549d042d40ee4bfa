import { type ApiObject, type OwnerReference, withMeta } from '../object.ts';
import type { Sim } from '../server/context.ts';
import type { ObjectRef, StoreEvent } from '../store/store.ts';
import { dropOrMark } from './namespace.ts';

const ORPHAN = 'orphan';
const FOREGROUND = 'foregroundDeletion';

const keyOf = ({ storage, cluster, namespace, name }: ObjectRef): string =>
  [storage, cluster, namespace, name].join('\u0000');

/** Deletes what lost its owners, lets go of it on request, or holds an owner until its dependents are gone. */
export function runGarbageCollector(sim: Sim): () => void {
  const collector = new GarbageCollector(sim);
  return sim.store.subscribe(undefined, (event) => collector.see(event));
}

class GarbageCollector {
  private readonly sim: Sim;
  /** Owner uid → where its dependents are. */
  private readonly dependents = new Map<string, Map<string, ObjectRef>>();

  constructor(sim: Sim) {
    this.sim = sim;
  }

  see(event: StoreEvent): void {
    for (const owner of event.prev?.metadata.ownerReferences ?? [])
      this.dependents.get(owner.uid)?.delete(keyOf(event));
    if (event.type === 'DELETED') {
      this.ownerGone(event);
      return;
    }
    const owners = event.obj.metadata.ownerReferences ?? [];
    for (const owner of owners) this.remember(owner.uid, event);
    if (owners.length && event.type === 'ADDED') setImmediate(() => this.checkOwners(event));
    if (event.obj.metadata.deletionTimestamp) this.ownerGoing(event);
  }

  private remember(uid: string, { storage, cluster, namespace, name }: ObjectRef): void {
    const known = this.dependents.get(uid) ?? new Map<string, ObjectRef>();
    const ref = { storage, cluster, namespace, name };
    known.set(keyOf(ref), ref);
    this.dependents.set(uid, known);
  }

  private dependentsOf(uid: string | undefined): ObjectRef[] {
    return uid === undefined ? [] : [...(this.dependents.get(uid)?.values() ?? [])];
  }

  private ownerGone(event: StoreEvent): void {
    const { uid } = event.obj.metadata;
    const orphans = this.dependentsOf(uid);
    if (orphans.length)
      setImmediate(() => {
        for (const ref of orphans) this.collect(ref);
      });
    for (const owner of event.prev?.metadata.ownerReferences ?? [])
      setImmediate(() => this.release(event.cluster, owner));
  }

  /** An object whose owners are all gone goes too; otherwise it loses the references to those that are gone. */
  private collect(ref: ObjectRef): void {
    const obj = this.sim.store.get(ref);
    const owners = obj?.metadata.ownerReferences ?? [];
    if (!obj || !owners.length) return;
    const left = owners.filter((owner) => this.ownerOf(ref, owner)?.metadata.uid === owner.uid);
    if (left.length === 0) dropOrMark(this.sim, ref);
    else if (left.length < owners.length) this.sim.store.put(ref, withMeta(obj, { ownerReferences: left }));
  }

  private checkOwners(ref: ObjectRef): void {
    const obj = this.sim.store.get(ref);
    const known = obj?.metadata.ownerReferences?.every((owner) =>
      this.sim.registry.findKind(ref.cluster, owner.apiVersion, owner.kind),
    );
    if (known) this.collect(ref);
  }

  private ownerRef(cluster: string, namespace: string, owner: OwnerReference): ObjectRef | undefined {
    const def = this.sim.registry.findKind(cluster, owner.apiVersion, owner.kind);
    return def && { storage: def.storage, cluster, namespace: def.namespaced ? namespace : '', name: owner.name };
  }

  private ownerOf(dependent: ObjectRef, owner: OwnerReference): ApiObject | undefined {
    const ref = this.ownerRef(dependent.cluster, dependent.namespace, owner);
    return ref && this.sim.store.get(ref);
  }

  private ownerGoing(event: StoreEvent): void {
    const finalizers = event.obj.metadata.finalizers ?? [];
    if (finalizers.includes(ORPHAN)) setImmediate(() => this.orphan(event));
    else if (finalizers.includes(FOREGROUND)) setImmediate(() => this.deleteForeground(event));
  }

  private orphan(owner: StoreEvent): void {
    const { uid } = owner.obj.metadata;
    for (const ref of this.dependentsOf(uid)) {
      const obj = this.sim.store.get(ref);
      const left = obj?.metadata.ownerReferences?.filter((reference) => reference.uid !== uid) ?? [];
      if (obj) this.sim.store.put(ref, withMeta(obj, { ownerReferences: left.length ? left : undefined }));
    }
    this.dropFinalizer(owner, ORPHAN);
  }

  private deleteForeground(owner: StoreEvent): void {
    for (const ref of this.dependentsOf(owner.obj.metadata.uid)) dropOrMark(this.sim, ref);
    if (!this.isBlocked(owner.obj.metadata.uid)) this.dropFinalizer(owner, FOREGROUND);
  }

  private isBlocked(uid: string | undefined): boolean {
    return this.dependentsOf(uid).some((ref) =>
      this.sim.store.get(ref)?.metadata.ownerReferences?.some((owner) => owner.uid === uid && owner.blockOwnerDeletion),
    );
  }

  /** A dependent is gone: its owner may have waited for that. */
  private release(cluster: string, owner: OwnerReference): void {
    const def = this.sim.registry.findKind(cluster, owner.apiVersion, owner.kind);
    for (const obj of def ? this.sim.store.list(def.storage, { cluster }) : []) {
      if (obj.metadata.uid !== owner.uid || !obj.metadata.finalizers?.includes(FOREGROUND)) continue;
      const ref = {
        storage: def?.storage ?? '',
        cluster,
        namespace: obj.metadata.namespace ?? '',
        name: obj.metadata.name ?? '',
      };
      if (!this.isBlocked(owner.uid)) this.dropFinalizer(ref, FOREGROUND);
    }
  }

  private dropFinalizer(ref: ObjectRef, finalizer: string): void {
    const obj = this.sim.store.get(ref);
    const finalizers = obj?.metadata.finalizers ?? [];
    if (!obj || !finalizers.includes(finalizer)) return;
    const left = finalizers.filter((name) => name !== finalizer);
    const { storage, cluster, namespace, name } = ref;
    if (left.length) this.sim.store.put({ storage, cluster, namespace, name }, withMeta(obj, { finalizers: left }));
    else this.sim.store.remove({ storage, cluster, namespace, name });
  }
}
