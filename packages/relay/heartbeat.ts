import type { Clock } from '@tmc/kernel/clock.ts';
import type { Sleep } from './timing.ts';

export type HeartbeatOptions = {
  /** Longest silence; every message that was accepted counts as a sign of life. */
  readonly intervalMs: number;
  /** Instant of the last accepted message. */
  readonly lastSentMs: () => number;
  /** True when the member cluster answers: a heartbeat vouches for it, not for the relay alone. */
  readonly probe: (signal: AbortSignal) => Promise<boolean>;
  readonly send: () => void;
  readonly clock: Clock;
  readonly sleep: Sleep;
};

/** After an unanswered probe the next follows in this share of the interval. */
const RETRY_SHARE = 0.1;

/** Sends a heartbeat whenever nothing was sent for an interval and the member cluster answers; ends with its signal. */
export async function beat(options: HeartbeatOptions, signal: AbortSignal): Promise<void> {
  const { intervalMs, lastSentMs, probe, send, clock, sleep } = options;
  let tried = clock();
  while (!signal.aborted) {
    const dueMs = Math.max(tried, lastSentMs()) + intervalMs;
    const waitMs = dueMs - clock();
    if (waitMs > 0) {
      await sleep(waitMs, signal);
      continue;
    }
    const alive = await probe(signal);
    // One lost probe must not make a living target look dead: ask again soon.
    tried = alive ? clock() : clock() - intervalMs * (1 - RETRY_SHARE);
    if (alive && !signal.aborted) send();
  }
}

/** Calls `act` every interval until the signal is aborted. */
export async function every(
  intervalMs: number,
  { act, sleep }: { act: () => void | Promise<void>; sleep: Sleep },
  signal: AbortSignal,
): Promise<void> {
  while (!signal.aborted) {
    await sleep(intervalMs, signal);
    if (!signal.aborted) await act();
  }
}
