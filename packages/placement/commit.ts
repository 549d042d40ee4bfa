/** What placement writes: facts and decisions, each under a condition. */
import type { LocationFacts, NamespaceFacts, Policy, ResourceNeeds } from '@tmc/apis/policy.ts';
import { canonicalJson } from '@tmc/kernel/canonical.ts';
import type { ResourceKey } from '@tmc/kernel/key.ts';
import type { Decision, TargetFacts } from '@tmc/kernel/records.ts';
import type { PlacementReads, StoredGroup } from './load.ts';
import { type DecisionDraft, dependsOnLoad, needsOf, POLICY_INPUT } from './snapshot.ts';

/** Facts by kind, as they are saved and removed, and the hub object they were taken from. */
export type Facts = { readonly key: ResourceKey } & (
  | { readonly kind: 'target'; readonly value: TargetFacts }
  | { readonly kind: 'policy'; readonly value: Policy }
  | { readonly kind: 'location'; readonly value: LocationFacts }
  | { readonly kind: 'namespace'; readonly value: NamespaceFacts }
);

/** A decision on its way into the table. */
export type DecisionWrite = {
  readonly group: Omit<StoredGroup, 'version'>;
  /** The group as it was read; the write fails when another one came between. */
  readonly previous?: StoredGroup;
  readonly needs: ResourceNeeds;
  /** Fences the choice rests on, for the targets it adds: fails when their load changed since. */
  readonly fences: ReadonlyMap<string, number>;
};

/** The port: conditional writes; false means that somebody else was faster and nothing was written. */
export type PlacementWrites = {
  /** `version` undefined: only when there are none yet. `owesSync`: with them the mark that `findOwed` finds. */
  saveFacts(facts: Facts, version: number | undefined, mark?: { readonly owesSync: boolean }): Promise<boolean>;
  /** Takes the mark away, unless it was made anew since it had that version. */
  settleOwed(targetKey: string, version: number): Promise<void>;
  removeFacts(facts: Facts, version: number): Promise<boolean>;
  /** Decision, history, reservations, waiting list and the policy's list of groups, all or nothing. */
  commitDecision(write: DecisionWrite): Promise<StoredGroup | undefined>;
  /** Marks a decision as known to hub and sync; a withdrawn one leaves the policy's list. */
  markPublished(group: StoredGroup): Promise<boolean>;
};

export type PlacementStore = PlacementReads & PlacementWrites;

export type CommitInput = {
  readonly draft: DecisionDraft;
  /** Absent when the group is withdrawn. */
  readonly policy?: Policy;
  readonly previous?: StoredGroup;
  readonly fences: ReadonlyMap<string, number>;
  readonly nowMs: number;
};

/**
 * Stores a draft when it says anything new. The same group comes back, unwritten, when it does not; undefined means that the
 * group or the load of a target changed since it was read: load and decide again.
 */
export async function commit(writes: PlacementWrites, input: CommitInput): Promise<StoredGroup | undefined> {
  const { policy, previous, fences, nowMs } = input;
  const next = groupOf(input, nowMs);
  if (previous && sameGroup(previous, next)) return previous;
  const rests = newHolds(next.decision, previous?.decision);
  return writes.commitDecision({
    group: next,
    ...(previous ? { previous } : {}),
    needs: policy ? needsOf(policy) : {},
    fences: policy && dependsOnLoad(policy) ? new Map([...fences].filter(([key]) => rests.has(key))) : new Map(),
  });
}

/** The targets on which the group takes room it did not hold before: new ones, and all when the policy changed. */
function newHolds(next: Decision, previous: Decision | undefined): ReadonlySet<string> {
  const keys = new Set(next.targets.map((target) => target.key));
  if (previous?.inputs[POLICY_INPUT] !== next.inputs[POLICY_INPUT]) return keys;
  for (const target of previous?.targets ?? []) keys.delete(target.key);
  return keys;
}

/** Targets left by this decision, and by earlier ones that were never published. */
function leavingOf(next: Decision, previous: StoredGroup | undefined): readonly string[] {
  const staying = new Set(next.targets.map((target) => target.key));
  const before = (previous?.decision.targets ?? []).map((target) => target.key);
  const earlier = previous && !previous.published ? previous.leaving : [];
  return [...new Set([...earlier, ...before])].filter((key) => !staying.has(key)).sort();
}

function groupOf({ draft, policy, previous }: CommitInput, nowMs: number): Omit<StoredGroup, 'version'> {
  const { satisfied, wantsMore, message, ...rest } = draft;
  const decision: Decision = { ...rest, version: (previous?.decision.version ?? 0) + 1, decidedAtMs: nowMs };
  const pending = previous ? !previous.published && previous.toSync : false;
  return {
    decision,
    published: false,
    toSync: pending || effectOf(previous?.decision) !== effectOf(decision),
    satisfied,
    message,
    leaving: leavingOf(decision, previous),
    ...(wantsMore && policy ? { waitsIn: policy.locationWorkspace } : {}),
    withdrawn: policy === undefined,
  };
}

/** Equal in all but version, time and how far it got. */
function sameGroup(a: StoredGroup, b: Omit<StoredGroup, 'version'>): boolean {
  const essence = ({ decision, satisfied, message, waitsIn, withdrawn }: Omit<StoredGroup, 'version'>) => {
    const { version: _version, decidedAtMs: _decidedAtMs, ...rest } = decision;
    return canonicalJson({ rest, satisfied, message, waitsIn, withdrawn });
  };
  return essence(a) === essence(b);
}

/** What sync acts on: where, by which share, which objects. Nobody had anything to do for a decision that never was. */
function effectOf(decision: Decision | undefined): string {
  const targets = (decision?.targets ?? []).map(({ key, state, weight }) => ({ key, state, weight }));
  if (targets.length === 0) return '';
  return canonicalJson({ targets, division: decision?.division, selects: decision?.selects });
}
