/** Wakes everybody who waits for a change: of the room in an outbox, of what is left in it. First come, first woken. */
export class Changes {
  readonly #waiters = new Set<() => void>();

  /** Resolves at the next change, or when the signal is aborted. */
  next(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const wake = (): void => {
        this.#waiters.delete(wake);
        signal.removeEventListener('abort', wake);
        resolve();
      };
      this.#waiters.add(wake);
      signal.addEventListener('abort', wake, { once: true });
      if (signal.aborted) wake();
    });
  }

  notify(): void {
    for (const wake of [...this.#waiters]) wake();
  }
}
