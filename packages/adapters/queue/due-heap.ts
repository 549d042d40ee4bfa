/** A binary heap of things that fall due, the earliest first. */
export type DueHeap<T> = {
  push(atMs: number, item: T): void;
  peek(): Due<T> | undefined;
  pop(): Due<T> | undefined;
  size(): number;
  /** Drops what is no longer wanted. */
  retain(wanted: (due: Due<T>) => boolean): void;
};

type Due<T> = { readonly atMs: number; readonly item: T };

export function createDueHeap<T>(): DueHeap<T> {
  let heap: Due<T>[] = [];
  const at = (index: number): number => heap[index]?.atMs ?? Number.POSITIVE_INFINITY;

  function swap(a: number, b: number): void {
    const held = heap[a] as Due<T>;
    heap[a] = heap[b] as Due<T>;
    heap[b] = held;
  }

  function rise(from: number): void {
    for (let child = from; child > 0; ) {
      const parent = (child - 1) >> 1;
      if (at(parent) <= at(child)) return;
      swap(parent, child);
      child = parent;
    }
  }

  function sink(from: number): void {
    for (let parent = from; ; ) {
      const left = 2 * parent + 1;
      const least = at(left + 1) < at(left) ? left + 1 : left;
      if (at(parent) <= at(least)) return;
      swap(parent, least);
      parent = least;
    }
  }

  return {
    push: (atMs, item) => {
      heap.push({ atMs, item });
      rise(heap.length - 1);
    },
    peek: () => heap[0],
    pop: () => {
      const first = heap[0];
      const last = heap.pop();
      if (first && last && heap.length > 0) {
        heap[0] = last;
        sink(0);
      }
      return first;
    },
    size: () => heap.length,
    retain: (wanted) => {
      heap = heap.filter(wanted);
      for (let parent = (heap.length >> 1) - 1; parent >= 0; parent -= 1) sink(parent);
    },
  };
}
