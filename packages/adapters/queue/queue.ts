import type { QueueName } from '@tmc/kernel/envelope.ts';

/**
 * A queue with the semantics of SQS standard queues with fair groups: at least once, unordered, a visibility timeout, delays,
 * a receive count and dead letters. Memory, SQLite and SQS implement it; one contract suite holds all three to it.
 */

export type QueueEntry = { readonly body: string; readonly group: string; readonly delayMs?: number };

export type ReceivedMessage = {
  readonly id: string;
  /** Valid for this receipt only; a later receive of the same message makes it stale. */
  readonly receipt: string;
  readonly body: string;
  readonly group: string;
  /** 1 at the first receive. */
  readonly receiveCount: number;
  readonly sentAtMs: number;
};

export type VisibilityChange = { readonly receipt: string; readonly afterMs: number };

export type ReceiveOptions = {
  /** 1–10. */
  readonly max: number;
  readonly visibilityMs: number;
  /** Long poll: how long to wait for a first message; 0 returns at once. */
  readonly waitMs: number;
  readonly signal: AbortSignal;
};

export type Queue = {
  readonly name: string;
  /** At most 10 entries; resolves with the indexes that were not accepted. */
  send(entries: readonly QueueEntry[]): Promise<{ readonly failed: readonly number[] }>;
  /** A group with much in flight waits behind others (fair queue); messages over the receive limit go to the dead letters. */
  receive(options: ReceiveOptions): Promise<readonly ReceivedMessage[]>;
  /** Acknowledges; a stale receipt is ignored. */
  delete(receipts: readonly string[]): Promise<void>;
  /** Makes each visible again after its time, 0 at once; a stale receipt is ignored. One failure fails all: some may have changed. */
  changeVisibility(changes: readonly VisibilityChange[]): Promise<void>;
  /** Dead letters with the reason, for `redrive` and the dashboard. */
  park(message: ReceivedMessage, reason: string): Promise<void>;
  /** Visible, in flight, delayed and dead messages, approximate. */
  depth(): Promise<QueueDepth>;
  /** Dead letters, the oldest first; on SQS a sample of those that are not just being looked at. */
  listDead(options?: { readonly limit?: number }): Promise<readonly DeadLetter[]>;
  /**
   * Sends dead letters again, as new messages with a fresh receive count. What is given up again meanwhile is left, so that it ends
   * also while a consumer parks all it gets.
   */
  redrive(options?: RedriveOptions): Promise<Redriven>;
};

export type RedriveOptions = {
  /** Only these; those that are gone are passed over. All when absent. */
  readonly ids?: readonly string[];
  /** At most so many. */
  readonly limit?: number;
  /** Once aborted no more are read; what was read is sent. */
  readonly signal?: AbortSignal;
};

/** How many dead letters were sent again, and whether there may be more that were asked for: out of time, over the limit, or not accepted. */
export type Redriven = { readonly count: number; readonly left: boolean };

/** A message that was given up, and why. */
export type DeadLetter = {
  readonly id: string;
  readonly group: string;
  readonly body: string;
  readonly reason: string;
  readonly receiveCount: number;
  readonly sentAtMs: number;
};

/** Listed at once unless asked otherwise. */
export const DEAD_LIST_LIMIT = 100;

/** Why a message died that no handler parked. */
export const exhaustedReason = (receives: number): string => `not handled in ${receives} receives`;

export type QueueDepth = {
  readonly visible: number;
  readonly inFlight: number;
  readonly delayed: number;
  readonly dead: number;
};

export type Queues = Readonly<Record<QueueName, Queue>>;

/** After this many receives a message goes to the dead letters (contract: 5). */
export const MAX_RECEIVES = 5;
