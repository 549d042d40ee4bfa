/** Resolves after the time, or at once when the signal aborts; never rejects. Injected where a queue waits. */
export type Sleep = (ms: number, signal: AbortSignal) => Promise<void>;

/** The longest time Node's timers take. */
const MAX_TIMEOUT_MS = 2 ** 31 - 1;

/** Waits on the machine's timers. */
export const systemSleep: Sleep = (ms, signal) =>
  new Promise((resolve) => {
    if (signal.aborted) return resolve();
    const finish = (): void => {
      clearTimeout(timer);
      signal.removeEventListener('abort', finish);
      resolve();
    };
    const timer = setTimeout(finish, Math.min(ms, MAX_TIMEOUT_MS));
    signal.addEventListener('abort', finish, { once: true });
  });
