import { retryError } from '@tmc/kernel/errors.ts';

/** Left of an invocation's time when its work must end: no item is started any more, what runs is given back. Chosen freely. */
export const ANSWER_MS = 1_000;
/** Then the user has been told of what is to be parked, or is not told: parking takes two calls of the queue, and must not be missed. */
const TELL_MS = 700;
/** What the queue has not taken by then is left to its visibility time-out, so that the batch is answered in any case. */
const SETTLE_MS = 200;

/** A moment that rejects whoever waits for it. */
type Moment = { readonly passed: Promise<never>; cancel(): void };

/** The ends of an invocation's parts; `cancel` when it is over. */
export type Deadlines = {
  readonly work: Promise<never>;
  readonly tell: Promise<never>;
  readonly settle: Promise<never>;
  cancel(): void;
};

/** Deadlines of an invocation that has `leftMs` to go; they reject with a retryable error, and what was waited for may still take effect. */
export function startDeadlines(leftMs: number): Deadlines {
  const work = startMoment(leftMs - ANSWER_MS);
  const tell = startMoment(leftMs - TELL_MS);
  const settle = startMoment(leftMs - SETTLE_MS);
  return {
    work: work.passed,
    tell: tell.passed,
    settle: settle.passed,
    cancel: () => {
      for (const moment of [work, tell, settle]) moment.cancel();
    },
  };
}

function startMoment(leftMs: number): Moment {
  let timer: NodeJS.Timeout | undefined;
  const passed = new Promise<never>((_, reject) => {
    const give = () => reject(retryError(`not finished within ${leftMs} ms`, { type: 'SyncTimeout' }));
    timer = setTimeout(give, Math.max(0, leftMs));
  });
  // Nobody may be waiting any more.
  passed.catch(() => undefined);
  return { passed, cancel: () => clearTimeout(timer) };
}
