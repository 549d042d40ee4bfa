import type { Sleep } from '@tmc/kernel/clock.ts';

export type HeartbeatOptions = {
  /** Pace of heartbeats, also while other messages flow: those prove life only to who consumes them. */
  readonly intervalMs: number;
  /** True when the member cluster answers: a heartbeat vouches for it, not for the relay alone. */
  readonly probe: (signal: AbortSignal) => Promise<boolean>;
  readonly send: () => void;
  readonly sleep: Sleep;
};

/** After an unanswered probe the next follows in this share of the interval: one lost answer must not make a target look dead. */
const RETRY_SHARE = 0.1;

/** Sends a heartbeat each interval if the member cluster answers; ends with its signal. */
export async function beat({ intervalMs, probe, send, sleep }: HeartbeatOptions, signal: AbortSignal): Promise<void> {
  let waitMs = intervalMs;
  while (!signal.aborted) {
    await sleep(waitMs, signal);
    const alive = !signal.aborted && (await probe(signal));
    if (alive && !signal.aborted) send();
    waitMs = alive ? intervalMs : intervalMs * RETRY_SHARE;
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
