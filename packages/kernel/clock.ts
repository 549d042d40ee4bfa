/** Milliseconds since 1970, UTC. Injected everywhere: nothing but an adapter's edge reads the real clock. */
export type Clock = () => number;

/** The machine's clock. */
export const systemClock: Clock = () => Date.now();

/** RFC 3339 with whole seconds, as Kubernetes writes times. */
export function formatTime(ms: number): string {
  return new Date(ms).toISOString().replace(/\.\d{3}Z$/, 'Z');
}

/** Resolves after the time, or at once when the signal aborts; never rejects. Injected, so that tests own the time. */
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
