import type { KubeObject } from '@tmc/kernel/object.ts';
import { compareResourceVersions } from '@tmc/kernel/source-version.ts';

/** A state of a copy: which incarnation, and how far. */
type State = { readonly uid: string; readonly rv: string };
type Seen = { readonly newest: State; readonly inFlux: boolean; readonly carried: State | undefined };
type Entry = { atMs: number; readonly targets: Map<string, Seen> };

/**
 * What this process has seen of an object's copies within the last moments, so that the many reports of one rollout cost one
 * look at all members. Nothing depends on it: who forgets, or runs beside others, looks more often.
 */
export type StatusMemory = {
  /** A copy was reported in this state. False when nothing is to be learned from it: a newer one was, or it was carried up. */
  note(id: string, report: Report): boolean;
  /** The newest state seen of the object's copy on some other target is not its last. */
  othersInFlux(id: string, targetKey: string): boolean;
  /** The object's status rests on these states now. */
  carried(id: string, copies: readonly { readonly targetKey: string; readonly downstreamObj: KubeObject }[]): void;
};

type Report = { readonly targetKey: string; readonly downstreamObj: KubeObject; readonly inFlux: boolean };

/** Long enough for a rollout's reports; short, since a hub that lost a status gets it back by the next report after it. */
const REMEMBERED_MS = 10_000;

export function createStatusMemory(clock: () => number): StatusMemory {
  // In the order of their last change: the first are forgotten first.
  const entries = new Map<string, Entry>();

  function targetsOf(id: string): Map<string, Seen> {
    const nowMs = clock();
    for (const [other, { atMs }] of entries) {
      if (nowMs - atMs <= REMEMBERED_MS) break;
      entries.delete(other);
    }
    const targets = entries.get(id)?.targets ?? new Map<string, Seen>();
    entries.delete(id);
    entries.set(id, { atMs: nowMs, targets });
    return targets;
  }

  return {
    note(id, { targetKey, downstreamObj, inFlux }) {
      const targets = targetsOf(id);
      const state = stateOf(downstreamObj);
      const seen = targets.get(targetKey);
      if (seen && (isBefore(state, seen.newest) || isIncluded(state, seen.carried))) return false;
      targets.set(targetKey, { newest: state, inFlux, carried: seen?.carried });
      return true;
    },
    othersInFlux: (id, targetKey) => [...targetsOf(id)].some(([other, { inFlux }]) => other !== targetKey && inFlux),
    carried(id, copies) {
      const targets = targetsOf(id);
      for (const { targetKey, downstreamObj } of copies) {
        const carried = stateOf(downstreamObj);
        const seen = targets.get(targetKey);
        const isOld = seen !== undefined && isBefore(carried, seen.newest);
        targets.set(targetKey, isOld ? { ...seen, carried } : { newest: carried, inFlux: false, carried });
      }
    },
  };
}

const stateOf = ({ metadata: { uid = '', resourceVersion = '' } }: KubeObject): State => ({ uid, rv: resourceVersion });

function isIncluded(state: State, carried: State | undefined): boolean {
  return carried?.uid === state.uid && !isBefore(carried, state);
}

/** States of different incarnations have no order: neither is before the other. */
function isBefore(a: State, b: State): boolean {
  return a.uid === b.uid && compareResourceVersions(a.rv, b.rv) < 0;
}
