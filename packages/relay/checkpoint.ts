import { messageOf } from '@tmc/kernel/errors.ts';

/** Where reading goes on after a restart: everything up to `rv` was acknowledged. Another epoch makes it void. */
export type Checkpoint = { readonly rv: string; readonly epoch: number };

/** Whose checkpoint: hub id or target key, endpoint, and `resource.group`. */
export type CheckpointKey = { readonly source: string; readonly endpoint: string; readonly resource: string };

export type CheckpointStore = {
  load(key: CheckpointKey): Promise<Checkpoint | undefined>;
  save(key: CheckpointKey, checkpoint: Checkpoint): Promise<void>;
  /** Highest epoch that was recorded for a source, 0 when none was. */
  loadEpoch(source: string): Promise<number>;
  /** Records an epoch unless a higher one stands there already; the one that stands then. */
  raiseEpoch(source: string, to: number): Promise<number>;
};

/** A claim on a tracker that an event of revision `rv` is not acknowledged yet; releasing it twice is harmless. */
export type Hold = { readonly rv: bigint; readonly tracker: RevisionTracker; release(): void };

/**
 * The revisions of one (endpoint, resource). `head` is what was read, `safe` the highest revision below which everything was
 * acknowledged: a restart that lists and sends what is newer than `safe` loses nothing. Holds may be taken in any order: they are as
 * many as the outbox holds messages, and looked through once a second.
 */
export class RevisionTracker {
  #head: bigint;
  readonly #held = new Set<Hold>();
  #moved = false;

  constructor(head = 0n) {
    this.#head = head;
  }

  get head(): bigint {
    return this.#head;
  }

  get safe(): bigint {
    let safe = this.#head;
    for (const { rv } of this.#held) if (rv <= safe) safe = rv - 1n;
    return safe;
  }

  /** True when something was acknowledged, or came late, since the last call: bookmarks alone are no reason to write. */
  takeMoved(): boolean {
    const moved = this.#moved;
    this.#moved = false;
    return moved;
  }

  hold(rv: bigint): Hold {
    const hold: Hold = {
      rv,
      tracker: this,
      release: () => {
        if (this.#held.delete(hold)) this.#moved = true;
      },
    };
    this.#held.add(hold);
    // A checkpoint that passed it already is taken back.
    if (rv <= this.#head) this.#moved = true;
    return hold;
  }

  /** Everything up to `rv` has been read and either held or needs nothing. */
  advance(rv: bigint): void {
    if (rv > this.#head) this.#head = rv;
  }
}

type Kept = {
  readonly key: CheckpointKey;
  readonly epoch: number;
  readonly tracker: RevisionTracker;
  saved: bigint | undefined;
  due: boolean;
  /** The save under way: a later one waits for it, so that the last word is the newest. */
  saving: Promise<void> | undefined;
};

/** Saves at a time: a relay has some twenty kinds at each endpoint, and one that hangs must not hold the others up. */
const MAX_SAVES = 8;

/** Saves the checkpoints of all kinds a relay reads; the caller sets the pace (once a second, and after draining). */
export class Checkpoints {
  readonly #store: CheckpointStore;
  readonly #kept = new Map<string, Kept>();
  saves = 0;
  failures = 0;
  lastError: string | undefined;

  constructor(store: CheckpointStore) {
    this.#store = store;
  }

  /** The checkpoint of a kind, undefined when there is none or it is of another epoch; @throws what the store throws. */
  async find(key: CheckpointKey, epoch: number): Promise<bigint | undefined> {
    const checkpoint = await this.#store.load(key);
    return checkpoint?.epoch === epoch ? BigInt(checkpoint.rv) : undefined;
  }

  /** From now on the tracker's safe revision is saved under the key; `saved` is what stands there. */
  track(
    key: CheckpointKey,
    epoch: number,
    { tracker, saved }: { tracker: RevisionTracker; saved: bigint | undefined },
  ): void {
    this.#kept.set(`${key.endpoint} ${key.resource}`, { key, epoch, tracker, saved, due: false, saving: undefined });
  }

  /** Saves a last time and forgets the kind: its endpoint is gone. Nothing when it came back meanwhile with another tracker. */
  async untrack(key: CheckpointKey, tracker: RevisionTracker): Promise<void> {
    const id = `${key.endpoint} ${key.resource}`;
    const kept = this.#kept.get(id);
    if (kept?.tracker !== tracker) return;
    this.#kept.delete(id);
    await this.#save(kept);
  }

  /**
   * Saves what has advanced. `final` saves also what moved by bookmarks and uninteresting events only; otherwise those cost
   * no write. A failed save is counted and tried again at the next call: an old checkpoint means replay, never loss.
   */
  async save({ final = false }: { final?: boolean } = {}): Promise<void> {
    const due: Kept[] = [];
    for (const kept of this.#kept.values()) {
      kept.due = kept.tracker.takeMoved() || kept.due;
      if (kept.due || final) due.push(kept);
    }
    const work = async () => {
      for (let kept = due.pop(); kept; kept = due.pop()) await this.#save(kept);
    };
    await Promise.all(Array.from({ length: Math.min(MAX_SAVES, due.length) }, work));
  }

  async #save(kept: Kept): Promise<void> {
    kept.saving = (kept.saving ?? Promise.resolve()).then(() => this.#write(kept));
    await kept.saving;
  }

  async #write(kept: Kept): Promise<void> {
    const safe = kept.tracker.safe;
    kept.due = false;
    if (safe === (kept.saved ?? 0n)) return;
    try {
      await this.#store.save(kept.key, { rv: String(safe), epoch: kept.epoch });
      kept.saved = safe;
      this.saves += 1;
    } catch (error) {
      this.failures += 1;
      this.lastError = `save checkpoint of ${kept.key.resource} at ${kept.key.endpoint}: ${messageOf(error)}`;
      kept.due = true;
    }
  }
}
