/** First in, first out, in constant time per step. */
class Fifo<T> {
  #items: T[] = [];
  #first = 0;

  get size(): number {
    return this.#items.length - this.#first;
  }

  push(item: T): void {
    this.#items.push(item);
  }

  shift(): T | undefined {
    if (this.#first >= this.#items.length) return undefined;
    const item = this.#items[this.#first];
    this.#first += 1;
    if (this.#first > 1_024 && this.#first * 2 > this.#items.length) {
      this.#items = this.#items.slice(this.#first);
      this.#first = 0;
    }
    return item;
  }
}

/** Waiting items by fair group: every group gets its turn, so one with thousands delays another by one item at most. */
export class FairQueue<T> {
  readonly #groups = new Map<string, Fifo<T>>();
  #size = 0;

  get size(): number {
    return this.#size;
  }

  push(group: string, item: T): void {
    let items = this.#groups.get(group);
    if (!items) {
      items = new Fifo();
      this.#groups.set(group, items);
    }
    items.push(item);
    this.#size += 1;
  }

  /** Up to `max` items, one of each group in turn; who was served goes to the end. */
  take(max: number): T[] {
    const taken: T[] = [];
    for (const [group, items] of this.#groups) {
      if (taken.length >= max) break;
      this.#groups.delete(group);
      taken.push(items.shift() as T);
      if (items.size > 0) this.#groups.set(group, items);
    }
    this.#size -= taken.length;
    return taken;
  }
}
