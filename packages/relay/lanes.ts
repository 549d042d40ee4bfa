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

  peek(): T | undefined {
    return this.#items[this.#first];
  }

  shift(): void {
    this.#first += 1;
    if (this.#first > 1_024 && this.#first * 2 > this.#items.length) {
      this.#items = this.#items.slice(this.#first);
      this.#first = 0;
    }
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

  /**
   * Up to `max` items that weigh `maxWeight` at most together, one of each group in turn; who was served goes to the end. The
   * first is taken whatever it weighs.
   */
  take({ max, maxWeight, weigh }: Batch<T>): T[] {
    const taken: T[] = [];
    let room = maxWeight;
    for (const [group, items] of this.#groups) {
      const first = items.peek() as T;
      room -= weigh(first);
      if (taken.length >= max || (room < 0 && taken.length > 0)) break;
      this.#groups.delete(group);
      taken.push(first);
      items.shift();
      if (items.size > 0) this.#groups.set(group, items);
    }
    this.#size -= taken.length;
    return taken;
  }
}

/** What may go together. */
type Batch<T> = { readonly max: number; readonly maxWeight: number; readonly weigh: (item: T) => number };
