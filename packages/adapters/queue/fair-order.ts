import { createDueHeap } from './due-heap.ts';

/**
 * Which message is next. Messages are ready, or wait until an instant (delayed, or in flight under their visibility timeout).
 * Ready ones are given out one per group in turn, groups with the least in flight first; so a group with a thousand messages
 * does not delay the first of another. Every tenth turn goes to whoever has waited longest for one, so that a group with
 * something stuck in flight is not starved by busy neighbours. Memory only; no clock, no bodies.
 */

/** What the order knows of a message; `body` is elsewhere. Owned and changed by the order. */
export type Queued = {
  /** Where the journal keeps it. */
  readonly seq: number;
  readonly id: string;
  readonly group: string;
  readonly sentAtMs: number;
  receiveCount: number;
  visibleAtMs: number;
  state: 'ready' | 'waiting' | 'gone';
  inFlight: boolean;
};

type Group = { readonly name: string; ready: Queued[]; head: number; live: number; inFlight: number };

const OLDEST_TURN_EVERY = 10;
/** Stale heap entries tolerated before it is rebuilt. */
const HEAP_SLACK = 1_000;

export class FairOrder {
  readonly #groups = new Map<string, Group>();
  /** Groups with something ready, whoever was served longest ago first. */
  readonly #turns = new Set<Group>();
  /** The same groups by how much they have in flight. */
  readonly #tiers: Set<Group>[] = [];
  readonly #due = createDueHeap<Queued>();
  #visible = 0;
  #waiting = 0;
  #inFlight = 0;
  #taken = 0;

  /** Takes in a message by its `visibleAtMs`; one that was received before and is not visible yet counts as in flight. */
  add(message: Queued, nowMs: number): void {
    if (message.visibleAtMs <= nowMs) {
      this.#makeReady(message);
      return;
    }
    this.#wait(message, message.visibleAtMs);
    if (message.receiveCount === 0) return;
    message.inFlight = true;
    this.#inFlight += 1;
    this.#change(this.#group(message.group), (group) => {
      group.inFlight += 1;
    });
  }

  /** Makes ready what has become due. */
  promote(nowMs: number): void {
    for (let next = this.#due.peek(); next && next.atMs <= nowMs; next = this.#due.peek()) {
      this.#due.pop();
      if (!isDue(next.item, next.atMs)) continue;
      this.#waiting -= 1;
      this.#makeReady(next.item);
    }
  }

  /** The next ready message, now in flight until then; undefined when none is ready. */
  take(visibleAtMs: number): Queued | undefined {
    const group = this.#nextGroup();
    if (!group) return undefined;
    const message = shiftReady(group);
    this.#change(
      group,
      () => {
        group.live -= 1;
        group.inFlight += 1;
      },
      true,
    );
    this.#visible -= 1;
    this.#inFlight += 1;
    message.inFlight = true;
    message.receiveCount += 1;
    this.#wait(message, visibleAtMs);
    return message;
  }

  /** Moves the visibility of a waiting message; in the past makes it ready. */
  reschedule(message: Queued, visibleAtMs: number, nowMs: number): void {
    if (message.state !== 'waiting') return;
    this.#waiting -= 1;
    if (visibleAtMs <= nowMs) this.#makeReady(message);
    else this.#wait(message, visibleAtMs);
  }

  /** Forgets a message, wherever it stands. */
  remove(message: Queued): void {
    if (message.state === 'gone') return;
    const wasReady = message.state === 'ready';
    if (wasReady) this.#visible -= 1;
    else this.#waiting -= 1;
    if (message.inFlight) this.#inFlight -= 1;
    this.#change(this.#group(message.group), (group) => {
      if (wasReady) group.live -= 1;
      if (message.inFlight) group.inFlight -= 1;
    });
    message.state = 'gone';
  }

  /** When the next waiting message becomes ready, or earlier. */
  nextDueMs(): number | undefined {
    return this.#due.peek()?.atMs;
  }

  count(): { readonly visible: number; readonly inFlight: number; readonly delayed: number } {
    return { visible: this.#visible, inFlight: this.#inFlight, delayed: this.#waiting - this.#inFlight };
  }

  #group(name: string): Group {
    const known = this.#groups.get(name);
    if (known) return known;
    const group: Group = { name, ready: [], head: 0, live: 0, inFlight: 0 };
    this.#groups.set(name, group);
    return group;
  }

  /** Changes a group and its place: at the end of another tier when its flight changed, nowhere when nothing is ready. */
  #change(group: Group, apply: (group: Group) => void, served = false): void {
    const before = tierOf(group);
    apply(group);
    const tier = tierOf(group);
    if (served || tier !== before || group.live === 0) this.#tiers[before]?.delete(group);
    if (served || group.live === 0) this.#turns.delete(group);
    if (group.live > 0) {
      this.#turns.add(group);
      this.#tiers[tier] ??= new Set();
      this.#tiers[tier]?.add(group);
    } else if (group.inFlight === 0) this.#groups.delete(group.name);
  }

  #makeReady(message: Queued): void {
    message.state = 'ready';
    this.#visible += 1;
    this.#change(this.#group(message.group), (group) => {
      if (message.inFlight) group.inFlight -= 1;
      group.ready.push(message);
      group.live += 1;
    });
    if (message.inFlight) this.#inFlight -= 1;
    message.inFlight = false;
  }

  #wait(message: Queued, visibleAtMs: number): void {
    message.state = 'waiting';
    message.visibleAtMs = visibleAtMs;
    this.#waiting += 1;
    this.#due.push(visibleAtMs, message);
    const stale = this.#due.size() > 2 * this.#waiting + HEAP_SLACK;
    if (stale) this.#due.retain(({ atMs, item }) => isDue(item, atMs));
  }

  #nextGroup(): Group | undefined {
    this.#taken += 1;
    if (this.#taken % OLDEST_TURN_EVERY === 0) return first(this.#turns);
    return first(this.#tiers.find((tier) => tier && tier.size > 0));
  }
}

/** Groups with more in flight than this are equally busy; it bounds the search for the least busy one. */
const LAST_TIER = 100;

function tierOf({ inFlight }: Group): number {
  return Math.min(inFlight, LAST_TIER);
}

/** False for an entry of the heap whose message was moved, received again or removed since. */
function isDue(message: Queued, atMs: number): boolean {
  return message.state === 'waiting' && message.visibleAtMs === atMs;
}

function first<T>(set: Set<T> | undefined): T | undefined {
  return set?.values().next().value;
}

/** The oldest message of a group that is still there; the list is cut once half of it is behind. */
function shiftReady(group: Group): Queued {
  for (;;) {
    const message = group.ready[group.head];
    if (!message) throw new Error(`group ${group.name} counts ${group.live} ready messages and holds none`);
    group.head += 1;
    if (group.head > 32 && group.head * 2 > group.ready.length) {
      group.ready = group.ready.slice(group.head);
      group.head = 0;
    }
    if (message.state === 'ready') return message;
  }
}
