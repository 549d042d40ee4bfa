import type { KubeObject } from '@tmc/kernel/object.ts';
import type { KindName } from './history.ts';

/** An object as a server holds it; never changed, only replaced. */
export type Stored = {
  readonly id: string;
  readonly kind: KindName;
  readonly workspace: string;
  readonly object: KubeObject;
  readonly json: string;
  readonly uid: string;
  readonly rv: number;
  /** Revision of the last change that somebody who consumes reads. */
  readonly interestRv: number;
  readonly held: boolean;
};

/** What a relay may truthfully say, remembered across restores: which versions there were, and which objects are gone. */
export class Truth {
  readonly #versions = new Set<string>();
  readonly #gone = new Set<string>();
  /** Objects that were without our finalizer once: a relay that knows no later state takes their absence for deletion. */
  readonly #everFree = new Set<string>();
  #uids = 0;

  nextUid(): string {
    this.#uids += 1;
    return `uid-${this.#uids}`;
  }

  there({ uid, rv, held }: Pick<Stored, 'uid' | 'rv' | 'held'>): void {
    this.#versions.add(`${uid}/${rv}`);
    if (!held) this.#everFree.add(uid);
  }

  /** From now on a relay may say so, also late: when the object has come back with a restore, or into sight. */
  gone(uid: string): void {
    this.#gone.add(uid);
  }

  wasFree(uid: string): boolean {
    return this.#everFree.has(uid);
  }

  isVersion(uid: string, rv: string): boolean {
    return this.#versions.has(`${uid}/${rv}`);
  }

  isGone(uid: string): boolean {
    return this.#gone.has(uid);
  }
}
