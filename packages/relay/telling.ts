import type { KubeObject } from '@tmc/kernel/object.ts';
import type { Hold, RevisionTracker } from './checkpoint.ts';
import type { ListWatchCounters } from './list-watch-status.ts';
import { Inventory, type Observation, type Perspective } from './observe.ts';

import { ReadError } from './watch-state.ts';

/** Where a list-watch begins in an epoch, and how it tells what it sees. */
export type Told = {
  readonly epoch: number;
  /** Aborted when the epoch rose or the reading ended: from then on nothing is told. */
  readonly ended: AbortSignal;
  readonly tracker: RevisionTracker;
  /** Revision up to which everything was acknowledged before the start. */
  readonly since: bigint | undefined;
  /**
   * Takes an observation over; `holdAt` is the revision the checkpoint must stay below until it is acknowledged. A promise
   * means no room: nothing is read until it resolves.
   */
  readonly offer: (observation: Observation, holdAt: bigint) => Promise<void> | undefined;
};

/** An object as the reader of the same kind at another endpoint of the source knows it. */
export type KnownElsewhere = (id: string) => { readonly uid: string; readonly rv: bigint } | undefined;

type TellingOptions = {
  readonly view: Perspective;
  readonly knownElsewhere: KnownElsewhere;
  readonly counters: ListWatchCounters;
  /** True when it begins because the epoch rose. */
  readonly isRise: boolean;
};

/** What one list-watch has told in one epoch, and telling the rest. When the epoch rises, another takes its place. */
export class Telling {
  readonly told: Told;
  readonly inventory: Inventory;
  readonly knownElsewhere: KnownElsewhere;
  readonly #counters: ListWatchCounters;
  readonly #isRise: boolean;
  /** Checkpoint of the run before; undefined once the first list is through. */
  #since: bigint | undefined;
  /** Revision the next stream starts from, '' before the first complete list. */
  rv = '';
  /** Newest object of any list, also of one that was cut: it was told, so a complete list below it is of another history. */
  newest = 0n;
  /** Complete lists. */
  lists = 0;
  /** How often the outbox had no room, and whether the reader waits for room now. */
  waits = 0;
  isWaiting = false;
  /** Of events that came out of order and were not told. */
  readonly #doubts: Hold[] = [];

  constructor(told: Told, { view, knownElsewhere, counters, isRise }: TellingOptions) {
    this.told = told;
    this.knownElsewhere = knownElsewhere;
    this.#isRise = isRise;
    this.inventory = new Inventory(view);
    this.#counters = counters;
    this.#since = told.since;
    if (told.since !== undefined) told.tracker.advance(told.since);
  }

  get listed(): boolean {
    return this.rv !== '';
  }

  /** True while the first list of a new epoch is read: what is at two endpoints is why it rose. */
  get isRising(): boolean {
    return this.#isRise && !this.listed;
  }

  /** An object of a list was at this revision. */
  saw(revision: bigint): void {
    if (revision > this.newest) this.newest = revision;
  }

  /** A complete list was told up to its revision: the stream goes on from there. */
  endList(revision: bigint): void {
    this.told.tracker.advance(revision);
    for (const hold of this.#doubts.splice(0)) hold.release();
    this.rv = String(revision);
    this.#since = undefined;
    this.lists += 1;
    this.#counters.lists += 1;
  }

  /** Holds the checkpoint below a revision until a complete list was told. */
  doubt(revision: bigint): void {
    this.#doubts.push(this.told.tracker.hold(revision));
  }

  /** Everything up to a revision of the stream was told. */
  advance(revision: bigint): void {
    this.told.tracker.advance(revision);
    if (revision > BigInt(this.rv)) this.rv = String(revision);
  }

  /** Tells a present object if that is news. */
  async present(id: string, object: KubeObject, holdAt: bigint): Promise<void> {
    const seen = this.inventory.present(id, object);
    if (seen === 'duplicate') {
      this.#counters.duplicates += 1;
    } else if (seen === 'uninteresting') {
      this.#counters.uninteresting += 1;
      this.inventory.settle(id, object);
    } else {
      if (this.#since !== undefined && BigInt(seen.rv) <= this.#since) {
        this.#counters.acknowledgedBefore += 1;
      } else {
        this.#counters.upserts += 1;
        await this.#offer(seen, holdAt);
      }
      this.inventory.settle(id, object, seen.hash);
    }
  }

  /** Tells what the server reports gone. */
  async deleted(id: string, object: KubeObject, holdAt: bigint): Promise<void> {
    const gone = this.inventory.gone(id, object);
    if (gone === 'duplicate') this.#counters.duplicates += 1;
    else await this.gone(gone, holdAt);
  }

  /**
   * Tells that an object is gone, unless another endpoint holds the very same: then it moved. @throws ReadError stale when its
   * revisions are lower there: in this epoch nothing it does there would be believed. `goneAt` is the revision it was missing at:
   * after the last state seen here another relay may have told a newer one.
   */
  async gone(observation: Observation, holdAt: bigint, goneAt = observation.rv): Promise<void> {
    const { change, id, uid } = observation;
    const elsewhere = this.knownElsewhere(id);
    if (elsewhere?.uid === uid) {
      if (elsewhere.rv < BigInt(observation.rv))
        throw new ReadError('stale', `${id} moved to an endpoint of lower revisions`);
    } else {
      this.#counters[change === 'unseen' ? 'unseen' : 'deletes'] += 1;
      await this.#offer({ ...observation, rv: goneAt }, holdAt);
    }
    this.inventory.forget(id);
  }

  async #offer(observation: Observation, holdAt: bigint): Promise<void> {
    const { ended } = this.told;
    ended.throwIfAborted();
    const room = this.told.offer(observation, holdAt);
    if (!room) return;
    this.waits += 1;
    this.isWaiting = true;
    await room;
    this.isWaiting = false;
    ended.throwIfAborted();
  }
}
