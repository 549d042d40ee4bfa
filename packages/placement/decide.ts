/** filter → score → select → weigh: where one group runs, with a reason for every target. */
import { ALL_TARGETS } from '@tmc/apis/convert.ts';
import type { Policy } from '@tmc/apis/policy.ts';
import type { DecidedTarget } from '@tmc/kernel/records.ts';
import { conditionMessage } from './condition-message.ts';
import { weigh } from './divide.ts';
import { filter } from './filter.ts';
import { score } from './score.ts';
import { locationOf, type Ranked, type Selection, select } from './select.ts';
import { type DecisionDraft, LOCATION_INPUT, type PlacementSnapshot, POLICY_INPUT, policyInput } from './snapshot.ts';

/**
 * The decision for a snapshot. Equal for any order of candidates and locations; with the current decision as input it gives the
 * same again, unless a hard rule broke, a target was missing and now is there, or the policy changed.
 */
export function decide(snapshot: PlacementSnapshot, nowMs: number): DecisionDraft {
  const { policy, namespace, current } = snapshot;
  const ranked = rank(snapshot, nowMs);
  const afresh = current?.inputs[POLICY_INPUT] !== policyInput(policy);
  const selection = select(ranked, { policy, afresh, namespace: namespace.name });
  const chosen = byName(selection.chosen);
  const rejected = byName(ranked.filter((r) => !selection.chosen.includes(r)));
  return {
    workspace: namespace.workspace,
    namespace: namespace.name,
    policy: policy.id,
    division: policy.division,
    selects: policy.selects,
    targets: chosen.map((r) => decided(r, policy, selection)),
    rejected: rejected.map((r) => ({ name: r.candidate.facts.name, reason: rejection(r, policy, selection) })),
    inputs: inputsOf(snapshot, chosen),
    satisfied: selection.satisfied,
    wantsMore: !selection.satisfied || chosen.length < policy.max,
    message: describe(selection, ranked, policy),
  };
}

/** The decision that places nothing, for a policy or namespace that is gone or no longer meets the other. */
export function withdraw(group: { workspace: string; namespace: string; policy: string }, why: string): DecisionDraft {
  return {
    ...group,
    division: 'Duplicated',
    selects: {},
    targets: [],
    rejected: [],
    inputs: {},
    satisfied: true,
    wantsMore: false,
    message: why,
  };
}

function rank(snapshot: PlacementSnapshot, nowMs: number): readonly Ranked[] {
  const { policy, locations, candidates, current } = snapshot;
  const before = new Set((current?.targets ?? []).map((target) => target.key));
  return candidates.map((candidate) => ({
    ...filter(candidate, { policy, locations, nowMs }),
    score: score(candidate.facts, policy),
    chosenBefore: before.has(candidate.facts.key),
  }));
}

function decided(r: Ranked, policy: Policy, { satisfied }: Selection): DecidedTarget {
  const { key, workspace, name } = r.candidate.facts;
  const trouble = r.reason ? `; stays although ${r.reason}` : '';
  const wait = satisfied ? '' : '; stays until enough targets are eligible';
  const reason = `${r.score.text}${trouble}${wait}`;
  return {
    key,
    workspace,
    name,
    state: 'Active',
    weight: weigh(r.candidate.facts, policy),
    score: r.score.total,
    reason,
  };
}

function rejection(r: Ranked, policy: Policy, selection: Selection): string {
  if (r.reason) return r.reason;
  if (!selection.satisfied) return `eligible, but the policy needs at least ${policy.min} targets`;
  return `${selection.chosen.length} of ${most(policy)} targets are chosen already; ${r.score.text}`;
}

/**
 * Identities and versions the decision rests on. Targets and namespace by uid, not by resourceVersion: their status moves all the
 * time, and a decision must not change when nothing it looked at did.
 */
function inputsOf(
  { policy, namespace, locations }: PlacementSnapshot,
  chosen: readonly Ranked[],
): Record<string, string> {
  const inputs: Record<string, string> = {
    [POLICY_INPUT]: policyInput(policy),
    [`namespace/${namespace.name}`]: namespace.uid,
  };
  for (const r of chosen) {
    inputs[`target/${r.candidate.facts.name}`] = r.candidate.facts.uid;
    const location = locationOf(r);
    if (location) inputs[`${LOCATION_INPUT}${location}`] = locations.find((l) => l.name === location)?.rv ?? '';
  }
  return inputs;
}

function describe(selection: Selection, ranked: readonly Ranked[], policy: Policy): string {
  if (selection.satisfied) return `${selection.chosen.length} of ${most(policy)} targets chosen`;
  const open = ranked.filter((r) => r.verdict === 'eligible' || (r.verdict === 'keepable' && r.chosenBefore)).length;
  const why = byName(ranked)
    .filter((r) => r.reason)
    .map((r) => `${r.candidate.facts.name}: ${r.reason}`);
  const details = ranked.length === 0 ? 'there are no targets' : why.join('; ');
  return conditionMessage(`${open} of at least ${policy.min} targets are eligible${details ? ` (${details})` : ''}`);
}

function byName(ranked: readonly Ranked[]): Ranked[] {
  const text = (r: Ranked) => `${r.candidate.facts.name} ${r.candidate.facts.key}`;
  return [...ranked].sort((a, b) => (text(a) < text(b) ? -1 : 1));
}

const most = (policy: Policy): string => (policy.max >= ALL_TARGETS ? 'all eligible' : `at most ${policy.max}`);
