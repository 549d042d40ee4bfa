import type { StoreEvent } from './store.ts';

/**
 * The recent events of a store, oldest first. What falls out of the window, or is compacted away, can neither be watched
 * from nor listed at: that is where real servers answer 410 Expired.
 */
export class History {
  private events: StoreEvent[] = [];
  private readonly limit: number;
  private floor: number;

  /** @param limit how many events are kept; @param floor the revision the server started with */
  constructor(limit: number, floor: number) {
    this.limit = limit;
    this.floor = floor;
  }

  /** The oldest revision that can still be watched from or listed at. */
  get oldest(): number {
    return this.floor;
  }

  add(event: StoreEvent): void {
    this.events.push(event);
    // Dropping in blocks keeps adding cheap: the window is between limit and twice the limit.
    if (this.events.length >= this.limit * 2) this.drop(this.events.length - this.limit);
  }

  /** Events of one collection after a revision; undefined when some of them are forgotten. */
  since(storage: string, revision: number): StoreEvent[] | undefined {
    if (revision < this.floor) return undefined;
    const found: StoreEvent[] = [];
    for (let at = this.events.length - 1; at >= 0; at--) {
      const event = this.events[at] as StoreEvent;
      if (event.revision <= revision) break;
      if (event.storage === storage) found.push(event);
    }
    return found.reverse();
  }

  /** Forgets everything up to a revision. */
  compact(revision: number): void {
    const keep = this.events.findIndex((event) => event.revision > revision);
    this.events = keep < 0 ? [] : this.events.slice(keep);
    this.floor = Math.max(this.floor, revision);
  }

  private drop(count: number): void {
    this.floor = (this.events[count - 1] as StoreEvent).revision;
    this.events = this.events.slice(count);
  }
}
