import type { DeadLetter } from './queue.ts';

/** A message as the journal keeps it. */
export type StoredMessage = {
  readonly seq: number;
  readonly id: string;
  readonly group: string;
  readonly sentAtMs: number;
  readonly visibleAtMs: number;
  readonly receiveCount: number;
};

export type NewMessage = Omit<StoredMessage, 'seq'> & { readonly body: string };

/** A message given up at this instant. */
export type Death = { readonly message: StoredMessage; readonly reason: string; readonly atMs: number };

/**
 * What an in-process queue must remember. Every call is synchronous and all or nothing; once it returns, the change survives
 * whatever the medium survives. A throw means that nothing was changed.
 */
export type QueueJournal = {
  /** Everything alive, in the order it was sent. */
  load(): readonly StoredMessage[];
  /** Stores messages; returns their seqs in order. */
  insert(messages: readonly NewMessage[]): readonly number[];
  body(seq: number): string;
  /** Records new receive counts and visibilities, and moves the dead to the dead letters. */
  record(received: readonly StoredMessage[], dead: readonly Death[]): void;
  remove(messages: readonly StoredMessage[]): void;
  dead: {
    count(): number;
    list(limit: number): readonly DeadLetter[];
    /** Turns dead letters into these new messages; returns their seqs. */
    revive(letters: readonly DeadLetter[], as: readonly NewMessage[]): readonly number[];
    find(id: string): DeadLetter | undefined;
  };
};
