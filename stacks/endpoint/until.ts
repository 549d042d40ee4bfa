import { setTimeout as pause } from 'node:timers/promises';

const PAUSE_MS = 100;
const ATTEMPTS = 600;

/**
 * Asks every 100 ms, for a minute and the time the answers take, until `reason` answers undefined.
 * @throws Error with what was waited for and the last reason why it was not so.
 */
export async function until(what: string, reason: () => Promise<string | undefined>): Promise<void> {
  let last: string | undefined;
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    last = await reason();
    if (last === undefined) return;
    await pause(PAUSE_MS);
  }
  throw new Error(`waited a minute for ${what}: ${last}`);
}
