import type { Random } from '@tmc/kernel/ids.ts';

/** Resolves after `ms`, or at once when the signal is aborted; never rejects. Injected, so that tests own the time. */
export type Sleep = (ms: number, signal: AbortSignal) => Promise<void>;

/** Sleeps on the machine's timers. */
export const systemSleep: Sleep = (ms, signal) =>
  new Promise((resolve) => {
    if (signal.aborted) return resolve();
    const finish = (): void => {
      clearTimeout(timer);
      signal.removeEventListener('abort', finish);
      resolve();
    };
    const timer = setTimeout(finish, ms);
    signal.addEventListener('abort', finish, { once: true });
  });

export type BackoffRange = { readonly firstMs: number; readonly maxMs: number };

/** Wait before attempt number `failures` + 1: doubles from `firstMs` to `maxMs`, the upper half of it by chance. */
export function backoffMs(failures: number, { firstMs, maxMs }: BackoffRange, random: Random): number {
  const full = Math.min(maxMs, firstMs * 2 ** Math.min(Math.max(failures - 1, 0), 30));
  return Math.round(full / 2 + (random() * full) / 2);
}
