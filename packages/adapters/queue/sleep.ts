import { setTimeout as realTimeout } from 'node:timers/promises';

/** Resolves after the time, or at once when the signal aborts; never rejects. Injected where a queue waits. */
export type Sleep = (ms: number, signal: AbortSignal) => Promise<void>;

/** The longest time Node's timers take. */
const MAX_TIMEOUT_MS = 2 ** 31 - 1;

/** Waits on the machine's timers. */
export const systemSleep: Sleep = async (ms, signal) => {
  try {
    await realTimeout(Math.min(ms, MAX_TIMEOUT_MS), undefined, { signal });
  } catch (error) {
    if (!signal.aborted) throw error;
  }
};
