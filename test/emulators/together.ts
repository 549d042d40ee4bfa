/**
 * Waits for servers that start side by side, also for the others when one fails: only then is known what must be stopped.
 * @throws what the first one in order failed with, once all have settled.
 */
export async function together<T extends readonly unknown[]>(starts: { [I in keyof T]: Promise<T[I]> }): Promise<T> {
  await Promise.allSettled(starts);
  return (await Promise.all(starts)) as unknown as T;
}
