import { UPSTREAM_ANNOTATION } from '@tmc/apis/names.ts';
import { formatKey, type GroupResource, parseKey, type ResourceKey } from '@tmc/kernel/key.ts';
import type { KubeObject } from '@tmc/kernel/object.ts';
import { hubInterest, isHeld, memberInterest } from './interest.ts';
import type { Known, MarkKind } from './packed-record.ts';
import { PackedTable } from './packed-table.ts';
import type { SourceKind } from './route.ts';
import { StateDigest } from './state-digest.ts';
import { ReadError, revisionOf } from './watch-state.ts';

/**
 * What a source says about one object, and what is to be told about it.
 *
 * An object that was deleted and made anew under its name is told as one `upsert` with the new uid, also when the deletion was never
 * seen: the key has one newest state, the outbox keeps only that, and a consumer that finds another uid than the one it knows
 * knows that the old object is gone. A `delete` of the old one would only say less, later. Whether our finalizer held the old one
 * changes nothing: it was taken off, else the name could not have been given again.
 */
export type Observation = {
  readonly change: 'upsert' | 'delete' | 'unseen';
  readonly key: ResourceKey;
  /** {@link formatKey} of the key. */
  readonly id: string;
  readonly uid: string;
  readonly rv: string;
  readonly hash?: string;
  readonly drifted?: boolean;
  /** The state seen; absent when a list no longer held the object. */
  readonly object?: KubeObject;
  /** Of a copy that a list no longer held: the annotation that names its upstream object. */
  readonly upstream?: string;
};

/** Whose objects they are, and how to read them. */
export type Perspective = {
  readonly kind: SourceKind;
  readonly resource: GroupResource;
  /** The workspace of a hub object; of a copy, the target key. */
  readonly workspaceOf: (object: KubeObject) => string;
  /** Whether a copy's owned fields were changed by others. */
  readonly isDrifted: (downstreamObj: KubeObject) => boolean;
};

/** Why nothing is told about a state: it was seen before, or it differs in nothing a consumer reads. */
export type Silence = 'duplicate' | 'uninteresting';

/** The objects of one (endpoint, resource) as last told: keys with a few bytes each, never the objects. */
export class Inventory {
  readonly #known = new PackedTable();
  readonly #digest = new StateDigest();
  readonly #view: Perspective;
  /** The part that all keys share; it is not stored. */
  readonly #middle: string;

  constructor(view: Perspective) {
    this.#view = view;
    this.#middle = `|${view.resource.group}/${view.resource.resource}|`;
  }

  get size(): number {
    return this.#known.size;
  }

  /** Digest of all (uid, revision). */
  get digest(): StateDigest {
    return this.#digest;
  }

  /** The identity of an object; @throws ReadError when it lacks a name, uid or resourceVersion. */
  idOf(object: KubeObject): string {
    return formatKey(this.#keyOf(object));
  }

  has(id: string): boolean {
    return this.#known.has(this.#short(id));
  }

  /** The object as last seen. */
  known(id: string): Known | undefined {
    return this.#known.find(this.#short(id));
  }

  *keys(): Generator<string> {
    for (const short of this.#known.keys()) yield this.#long(short);
  }

  /** Begins a list or a comparison: no object counts as seen in it. */
  beginRound(kind: MarkKind): void {
    this.#known.beginRound(kind);
  }

  /** The list or comparison holds the object; one that is settled counts as seen anyway. */
  mark(kind: MarkKind, id: string): void {
    this.#known.mark(kind, this.#short(id));
  }

  /** What is to be told about a present object. Changes nothing: {@link settle} does, once it was told. */
  present(id: string, object: KubeObject): Observation | Silence {
    const { uid = '', resourceVersion: rv = '' } = object.metadata;
    const before = this.known(id);
    if (before && BigInt(rv) <= before.rv) return 'duplicate';
    const drifted = this.#view.kind === 'member' && this.#view.isDrifted(object);
    const hash = this.#hashOf(object, drifted);
    if (before?.hash === hash) return 'uninteresting';
    return { change: 'upsert', key: this.#keyOf(object), id, uid, rv, hash, object, ...(drifted && { drifted }) };
  }

  /** What is to be told when the server reports an object gone, with the state it had last. */
  gone(id: string, object: KubeObject): Observation | 'duplicate' {
    const { uid = '', resourceVersion: rv = '' } = object.metadata;
    const before = this.known(id);
    if (!before || BigInt(rv) < before.rv) return 'duplicate';
    const change = this.#view.kind === 'hub' && isHeld(object) ? 'unseen' : 'delete';
    return { change, key: this.#keyOf(object), id, uid, rv, object };
  }

  /** What is to be told about known objects that a complete list does not hold. Objects may be forgotten on the way. */
  *absent(): Generator<Observation> {
    for (const [short, { uid, rv, held, upstream }] of this.#known.unseen('listed')) {
      const id = this.#long(short);
      const change = held ? 'unseen' : 'delete';
      yield { change, key: parseKey(id), id, uid, rv: String(rv), ...(upstream !== undefined && { upstream }) };
    }
  }

  /** Known objects that a comparison has not seen. */
  *uncompared(): Generator<[id: string, known: Known]> {
    for (const [short, known] of this.#known.unseen('compared')) yield [this.#long(short), known];
  }

  /** Remembers a state as told, or as not worth telling. */
  settle(id: string, object: KubeObject, hash?: string): void {
    const { uid = '', annotations } = object.metadata;
    const isHub = this.#view.kind === 'hub';
    const upstream = isHub ? undefined : annotations?.[UPSTREAM_ANNOTATION];
    const before = this.known(id);
    const told = hash ?? before?.hash ?? this.#hashOf(object, !isHub && this.#view.isDrifted(object));
    const rv = revisionOf(object, id);
    if (before) this.#digest.remove(before.uid, before.rv);
    this.#digest.add(uid, rv);
    this.#known.put(this.#short(id), { rv, uid, hash: told, held: isHub && isHeld(object), upstream });
  }

  forget(id: string): void {
    const before = this.known(id);
    if (!before) return;
    this.#digest.remove(before.uid, before.rv);
    this.#known.delete(this.#short(id));
  }

  #short(id: string): string {
    const cut = id.indexOf('|');
    return id.slice(0, cut + 1) + id.slice(cut + this.#middle.length);
  }

  #long(short: string): string {
    const cut = short.indexOf('|');
    return short.slice(0, cut) + this.#middle + short.slice(cut + 1);
  }

  #keyOf(object: KubeObject): ResourceKey {
    const { name, namespace = '', uid } = object.metadata ?? {};
    if (!name || !uid) throw new ReadError('malformed', `object without name or uid: ${namespace}/${name}`);
    revisionOf(object, `object ${namespace}/${name}`);
    const { group, resource } = this.#view.resource;
    return { workspace: this.#view.workspaceOf(object), group, resource, namespace, name };
  }

  #hashOf(object: KubeObject, drifted: boolean): string {
    return this.#view.kind === 'hub' ? hubInterest(this.#view.resource, object) : memberInterest(object, drifted);
  }
}
