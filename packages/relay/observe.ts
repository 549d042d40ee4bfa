import { UPSTREAM_ANNOTATION } from '@tmc/apis/names.ts';
import { formatKey, type GroupResource, parseKey, type ResourceKey } from '@tmc/kernel/key.ts';
import type { KubeObject } from '@tmc/kernel/object.ts';
import { compareResourceVersions } from '@tmc/kernel/source-version.ts';
import { hubInterest, isHeld, memberInterest } from './interest.ts';
import type { SourceKind } from './route.ts';
import { ReadError } from './watch-state.ts';

/** What a source says about one object, and what is to be told about it. */
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

/** All that is remembered of an object. */
type Known = {
  readonly rv: string;
  readonly uid: string;
  readonly hash: string;
  readonly held: boolean;
  readonly upstream: string | undefined;
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

/** The objects of one (endpoint, resource) as last told: keys with a few words each, never the objects. */
export class Inventory {
  /** Packed, because there is one for every object of a fleet. */
  readonly #known = new Map<string, string>();
  readonly #view: Perspective;

  constructor(view: Perspective) {
    this.#view = view;
  }

  get size(): number {
    return this.#known.size;
  }

  /** The identity of an object; @throws ReadError when it lacks a name, uid or resourceVersion. */
  idOf(object: KubeObject): string {
    return formatKey(this.#keyOf(object));
  }

  /** The object as last seen. */
  known(id: string): { uid: string; rv: bigint } | undefined {
    const found = this.#find(id);
    return found && { uid: found.uid, rv: BigInt(found.rv) };
  }

  keys(): Iterable<string> {
    return this.#known.keys();
  }

  has(id: string): boolean {
    return this.#known.has(id);
  }

  /** What is to be told about a present object. Changes nothing: {@link settle} does, once it was told. */
  present(id: string, object: KubeObject): Observation | Silence {
    const { uid = '', resourceVersion: rv = '' } = object.metadata;
    const before = this.#find(id);
    if (before && compareResourceVersions(rv, before.rv) <= 0) return 'duplicate';
    const drifted = this.#view.kind === 'member' && this.#view.isDrifted(object);
    const hash = this.#hashOf(object, drifted);
    if (before?.hash === hash) return 'uninteresting';
    return { change: 'upsert', key: this.#keyOf(object), id, uid, rv, hash, object, ...(drifted && { drifted }) };
  }

  /** What is to be told when the server reports an object gone, with the state it had last. */
  gone(id: string, object: KubeObject): Observation | Silence {
    const { uid = '', resourceVersion: rv = '' } = object.metadata;
    const before = this.#find(id);
    if (!before || compareResourceVersions(rv, before.rv) < 0) return 'duplicate';
    const change = this.#view.kind === 'hub' && isHeld(object) ? 'unseen' : 'delete';
    return { change, key: this.#keyOf(object), id, uid, rv, object };
  }

  /** What is to be told about known objects a complete list does not hold. */
  *absent(listed: ReadonlySet<string>): Generator<Observation> {
    for (const [id, packed] of this.#known) {
      if (listed.has(id)) continue;
      const { uid, rv, held, upstream } = unpack(packed);
      const change = held ? 'unseen' : 'delete';
      yield { change, key: parseKey(id), id, uid, rv, ...(upstream !== undefined && { upstream }) };
    }
  }

  /** Remembers a state as told, or as not worth telling. */
  settle(id: string, object: KubeObject, hash?: string): void {
    const { uid = '', resourceVersion: rv = '', annotations } = object.metadata;
    const isHub = this.#view.kind === 'hub';
    const upstream = isHub ? undefined : annotations?.[UPSTREAM_ANNOTATION];
    const told = hash ?? this.#find(id)?.hash ?? this.#hashOf(object, !isHub && this.#view.isDrifted(object));
    this.#known.set(flat(id), pack({ rv, uid, hash: told, held: isHub && isHeld(object), upstream }));
  }

  forget(id: string): void {
    this.#known.delete(id);
  }

  #find(id: string): Known | undefined {
    const packed = this.#known.get(id);
    return packed === undefined ? undefined : unpack(packed);
  }

  #keyOf(object: KubeObject): ResourceKey {
    const { name, namespace = '', uid, resourceVersion } = object.metadata ?? {};
    if (!name || !uid || !/^\d+$/.test(resourceVersion ?? '')) {
      throw new ReadError('malformed', `object without name, uid or numeric resourceVersion: ${namespace}/${name}`);
    }
    const { group, resource } = this.#view.resource;
    return { workspace: this.#view.workspaceOf(object), group, resource, namespace, name };
  }

  #hashOf(object: KubeObject, drifted: boolean): string {
    return this.#view.kind === 'hub' ? hubInterest(this.#view.resource, object) : memberInterest(object, drifted);
  }
}

function pack({ rv, uid, hash, held, upstream = '' }: Known): string {
  return flat(`${rv} ${uid} ${hash} ${held ? 'held' : 'free'} ${upstream}`);
}

function unpack(packed: string): Known {
  const [rv = '', uid = '', hash = '', held, ...rest] = packed.split(' ');
  return { rv, uid, hash, held: held === 'held', upstream: rest.join(' ') || undefined };
}

/** The same text in one piece: the engine keeps a concatenation as a tree of its parts, several times as large. */
function flat(text: string): string {
  return Buffer.from(text).toString();
}
