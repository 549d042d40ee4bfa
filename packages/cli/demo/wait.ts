/** A condition that is not met yet says why; that text is what a timed-out step reports. */
export type Progress<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly why: string };

export const met = <T>(value: T): Progress<T> => ({ ok: true, value });
export const notYet = (why: string): Progress<never> => ({ ok: false, why });

export type Waited<T> = { readonly value: T; readonly elapsedMs: number };

/**
 * Asks until the condition is met. A failing question counts as not met, so that a server that is still starting is waited for.
 * @throws Error naming what was waited for, how long, and the last reason.
 */
export async function waitUntil<T>(
  what: string,
  deadlineMs: number,
  ask: () => Promise<Progress<T>>,
): Promise<Waited<T>> {
  const startedAt = performance.now();
  let why = 'never asked';
  for (;;) {
    const answer = await ask().catch((error: unknown) =>
      notYet(error instanceof Error ? error.message : String(error)),
    );
    const elapsedMs = performance.now() - startedAt;
    if (answer.ok) return { value: answer.value, elapsedMs };
    why = answer.why;
    if (elapsedMs > deadlineMs) throw new Error(`${what}: not within ${deadlineMs / 1000} s, because ${why}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
