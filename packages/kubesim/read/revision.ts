import { failure } from '../api-error.ts';
import type { Store } from '../store/store.ts';

/** How long real servers wait for a revision they have not reached, before 504 (measured: 3 s). */
const FUTURE_WAIT_MS = 3000;
const POLL_MS = 50;

/** Waits until the store has reached a revision. @throws ApiError 504 when it does not within 3 s */
export async function reachRevision(store: Store, revision: number): Promise<void> {
  const end = performance.now() + FUTURE_WAIT_MS;
  while (store.revision < revision) {
    if (performance.now() >= end) throw tooLarge(revision, store.revision);
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
}

function tooLarge(wanted: number, current: number) {
  const message = `Timeout: Too large resource version: ${wanted}, current: ${current}`;
  return failure(504, message, {
    reason: 'Timeout',
    details: {
      causes: [{ reason: 'ResourceVersionTooLarge', message: 'Too large resource version' }],
      retryAfterSeconds: 1,
    },
    headers: { 'retry-after': '1' },
  });
}
