import type { Queue, QueueEntry } from '@tmc/adapters/queue/queue.ts';
import { type SeededRandom, shuffled } from '@tmc/testkit/random.ts';
import type { Faults } from './faults.ts';

/** A queue that delivers every message at least twice, late ones long after the first was handled, and batches in any order. */
export function disturbedQueue(queue: Queue, faults: Faults, random: SeededRandom): Queue {
  async function send(entries: readonly QueueEntry[]): Promise<{ failed: number[] }> {
    const failed: number[] = [];
    const copies: QueueEntry[] = [];
    for (const [index, entry] of entries.entries()) {
      if (faults.happens('refusedSend')) failed.push(index);
      else
        for (const delayMs of faults.deliveries()) copies.push({ ...entry, delayMs: (entry.delayMs ?? 0) + delayMs });
    }
    for (let from = 0; from < copies.length; from += 10) await queue.send(copies.slice(from, from + 10));
    return { failed };
  }
  return {
    name: queue.name,
    send,
    receive: async (options) => {
      const received = await queue.receive(options);
      return faults.isDisorderly ? shuffled(received, random) : received;
    },
    delete: (receipts) => queue.delete(receipts),
    changeVisibility: (changes) => queue.changeVisibility(changes),
    park: (message, reason) => queue.park(message, reason),
    depth: () => queue.depth(),
    listDead: (options) => queue.listDead(options),
    redrive: (options) => queue.redrive(options),
  };
}
