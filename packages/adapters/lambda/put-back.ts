import type { Queue, VisibilityChange } from '../queue/queue.ts';

/** Gives the messages of one invocation back to their queue, several in one call. Each record is either added or passed. */
export type PutBack = {
  /** Resolves when the queue took it; rejects with what the call for all of them failed with. */
  add(change: VisibilityChange): Promise<void>;
  /** One record more that does not go back. */
  pass(): void;
};

/** What one slow record may hold up the others that are given back. */
const LINGER_MS = 100;

/** Collects until the outcome of all `records` is known, but never for long: a neighbour that hangs delays nobody. */
export function createPutBack(queue: Pick<Queue, 'changeVisibility'>, records: number): PutBack {
  let undecided = records;
  let waiting: Waiting[] = [];
  let timer: NodeJS.Timeout | undefined;

  const flush = (): void => {
    clearTimeout(timer);
    timer = undefined;
    if (waiting.length === 0) return;
    const taken = waiting;
    waiting = [];
    queue.changeVisibility(taken.map(({ change }) => change)).then(
      () => taken.forEach(({ settle }) => void settle()),
      (error: unknown) => taken.forEach(({ fail }) => void fail(error)),
    );
  };

  const decided = (): void => {
    undecided -= 1;
    if (undecided <= 0) flush();
  };

  return {
    add: (change) =>
      new Promise((settle, fail) => {
        waiting.push({ change, settle, fail });
        timer ??= setTimeout(flush, LINGER_MS);
        decided();
      }),
    pass: decided,
  };
}

type Waiting = {
  readonly change: VisibilityChange;
  readonly settle: () => void;
  readonly fail: (error: unknown) => void;
};
