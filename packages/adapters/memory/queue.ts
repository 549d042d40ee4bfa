import { createInProcessQueue, type InProcessQueueOptions } from '../queue/in-process-queue.ts';
import type { NewMessage, QueueJournal } from '../queue/journal.ts';
import type { DeadLetter, Queue } from '../queue/queue.ts';

/** A queue in this process's memory: for tests and a host that need not remember. */
export function createMemoryQueue(options: InProcessQueueOptions): Queue {
  return createInProcessQueue(options, createMemoryJournal());
}

/** Remembers bodies and dead letters only; the order itself holds the rest. */
function createMemoryJournal(): QueueJournal {
  const bodies = new Map<number, string>();
  const dead = new Map<string, DeadLetter>();
  let lastSeq = 0;

  function insert(messages: readonly NewMessage[]): number[] {
    return messages.map(({ body }) => {
      lastSeq += 1;
      bodies.set(lastSeq, body);
      return lastSeq;
    });
  }

  function body(seq: number): string {
    const found = bodies.get(seq);
    if (found === undefined) throw new Error(`message ${seq} has no body`);
    return found;
  }

  return {
    load: () => [],
    insert,
    body,
    record: (_, deaths) => {
      for (const { message, reason } of deaths) {
        const { id, group, receiveCount, sentAtMs, seq } = message;
        dead.set(id, { id, group, body: body(seq), reason, receiveCount, sentAtMs });
        bodies.delete(seq);
      }
    },
    remove: (messages) => {
      for (const { seq } of messages) bodies.delete(seq);
    },
    dead: {
      count: () => dead.size,
      list: (limit) => [...dead.values()].slice(0, limit),
      find: (id) => dead.get(id),
      revive: (letters, as) => {
        for (const { id } of letters) dead.delete(id);
        return insert(as);
      },
    },
  };
}
