interface Watching {
  /** undefined: all clusters. */
  cluster: string | undefined;
  end: (delayMs: number) => void;
}

/** Ends watches of what begins to be served from another schema, or no more. */
export class Serving {
  private readonly watching = new Map<string, Set<Watching>>();

  /** Calls `end` when the resource changes, with the time after which the stream should end. @returns how to stop that */
  watch(storage: string, watching: Watching): () => void {
    const all = this.watching.get(storage) ?? new Set();
    this.watching.set(storage, all.add(watching));
    return () => {
      all.delete(watching);
      if (all.size === 0) this.watching.delete(storage);
    };
  }

  /** What is stored there is served anew; without a cluster everywhere. */
  renew({ storage, cluster }: { storage: string; cluster?: string }, delayMs: number): void {
    for (const watching of this.watching.get(storage) ?? [])
      if (cluster === undefined || watching.cluster === cluster) watching.end(delayMs);
  }
}
