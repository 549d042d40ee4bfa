import type { Envelope } from '@tmc/kernel/envelope.ts';
import { compareResourceVersions } from '@tmc/kernel/source-version.ts';
import { collapseKey } from './records.ts';

/**
 * What this process gave back only to wait, until it comes back. Most of it is outdated by then, and would be received just to find
 * that out. Nothing depends on it: what is forgotten, or given back by another process, comes back.
 */
export type Waiting = {
  add(envelope: Envelope, receipt: string, afterMs: number): void;
  /** Receipts of the states before this one that wait; they are forgotten. */
  takeBefore(envelope: Envelope): string[];
};

type Message = { readonly envelope: Envelope; readonly receipt: string; readonly untilMs: number };

export function createWaiting(now: () => number): Waiting {
  // In the order in which keys were added to: those at the front come back first, or nearly.
  const byKey = new Map<string, readonly Message[]>();

  /** Without what came back by now: its receipt is somebody else's. */
  const live = (messages: readonly Message[]): readonly Message[] => messages.filter(({ untilMs }) => now() < untilMs);

  return {
    add(envelope, receipt, afterMs) {
      for (const [key, messages] of byKey) {
        if (live(messages).length > 0) break;
        byKey.delete(key);
      }
      const key = collapseKey(envelope);
      const others = live(byKey.get(key) ?? []);
      byKey.delete(key);
      byKey.set(key, [...others, { envelope, receipt, untilMs: now() + afterMs }]);
    },
    takeBefore(envelope) {
      const key = collapseKey(envelope);
      const messages = live(byKey.get(key) ?? []);
      const left = messages.filter((message) => !isEarlier(message.envelope, envelope));
      byKey.delete(key);
      if (left.length > 0) byKey.set(key, left);
      return messages.flatMap((message) => (left.includes(message) ? [] : [message.receipt]));
    },
  };
}

/** By what the server said of the object, not by anybody's clock; states of different incarnations or epochs have no order. */
export function isEarlier(a: Envelope, b: Envelope): boolean {
  const isSameHistory = a.uid !== '' && a.uid === b.uid && a.source.epoch === b.source.epoch;
  return isSameHistory && compareResourceVersions(a.rv, b.rv) < 0;
}
