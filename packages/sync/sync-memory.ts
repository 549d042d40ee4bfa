import type { SourceVersion } from '@tmc/kernel/source-version.ts';

/** The last state of an object that was carried completely, and the decisions it was carried by. */
export type Carried = SourceVersion & { readonly decided: string };

export type SyncMemory = {
  find(id: string): Carried | undefined;
  set(id: string, carried: Carried): void;
  forget(id: string): void;
};

/** Objects remembered; the oldest is forgotten first. About 200 bytes each. */
const CAPACITY = 50_000;

/**
 * What this process has carried, to skip the echo of its own patches. Nothing depends on it: who forgets looks at the members again.
 */
export function createSyncMemory(capacity: number = CAPACITY): SyncMemory {
  const carried = new Map<string, Carried>();
  return {
    find: (id) => carried.get(id),
    set(id, state) {
      carried.delete(id);
      carried.set(id, state);
      const oldest = carried.keys().next();
      if (carried.size > capacity && !oldest.done) carried.delete(oldest.value);
    },
    forget: (id) => void carried.delete(id),
  };
}
