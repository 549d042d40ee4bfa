/** Choosing among targets that may hold a group: keep what was chosen, then the best of the others, never by chance. */
import type { Policy } from '@tmc/apis/policy.ts';
import { contentHash } from '@tmc/kernel/canonical.ts';
import type { Fit } from './filter.ts';
import type { Score } from './score.ts';

/** A candidate with everything choosing looks at. */
export type Ranked = Fit & {
  readonly score: Score /** Part of the decision in force. */;
  readonly chosenBefore: boolean;
};

export type Selection = {
  readonly chosen: readonly Ranked[];
  /** False: fewer could be chosen than the minimum; then `chosen` is what runs already. */
  readonly satisfied: boolean;
};

export type SelectOptions = {
  readonly policy: Policy;
  /** True when current choices need not be kept: the policy changed since, or a rebalance was asked for. */
  readonly afresh: boolean;
  readonly namespace: string;
};

/**
 * The targets of a group. Kept: those chosen before that break no hard rule. Added: eligible ones in the policy's order up to its
 * maximum. Below its minimum nothing is added and nothing taken away.
 */
export function select(ranked: readonly Ranked[], options: SelectOptions): Selection {
  const { policy, afresh } = options;
  const open = ranked.filter((r) => r.verdict === 'eligible' || (r.verdict === 'keepable' && r.chosenBefore));
  const ordered = order(open, options);
  const kept = afresh ? [] : ordered.filter((r) => r.chosenBefore);
  const added = ordered.filter((r) => !kept.includes(r)).slice(0, Math.max(0, policy.max - kept.length));
  const chosen = [...kept, ...added];
  if (chosen.length >= policy.min && chosen.length > 0) return { chosen, satisfied: true };
  return { chosen: ranked.filter((r) => r.chosenBefore), satisfied: policy.min <= 0 };
}

/** Best first; the last comparison is by key, so any input order gives the same result. */
function order(open: readonly Ranked[], options: SelectOptions): readonly Ranked[] {
  const byKey = [...open].sort((a, b) => compareText(keyOf(a), keyOf(b)));
  const turn = rotation(byKey, options);
  const comparisons = COMPARISONS[options.policy.spread];
  return [...byKey].sort((a, b) => {
    for (const compare of comparisons) {
      const difference = compare(a, b);
      if (difference !== 0) return difference;
    }
    return (turn.get(a) ?? 0) - (turn.get(b) ?? 0);
  });
}

type Compare = (a: Ranked, b: Ranked) => number;

const higherScore: Compare = (a, b) => b.score.total - a.score.total;
const chosenFirst: Compare = (a, b) => Number(b.chosenBefore) - Number(a.chosenBefore);
const fewerGroups: Compare = (a, b) => a.candidate.load.groups - b.candidate.load.groups;
const fewerSiblings: Compare = (a, b) => a.candidate.load.siblings - b.candidate.load.siblings;
const moreSiblings: Compare = (a, b) => b.candidate.load.siblings - a.candidate.load.siblings;

/**
 * What counts before the tie-break, most important first. OneLocation follows where the policy has put other namespaces, so that
 * one policy stays on one target; RoundRobin goes where it has put the fewest.
 */
const COMPARISONS: Readonly<Record<Policy['spread'], readonly Compare[]>> = {
  OneLocation: [higherScore, chosenFirst, moreSiblings],
  Spread: [higherScore, chosenFirst],
  RoundRobin: [higherScore, chosenFirst, fewerSiblings],
  LeastLoaded: [chosenFirst, fewerGroups, higherScore],
};

/**
 * The place of each target in the tie-break. OneLocation starts at a location, then at a target in it, by the policy's name;
 * RoundRobin at a target by policy and namespace; the others always at the first by name.
 */
function rotation(byKey: readonly Ranked[], { policy, namespace }: SelectOptions): ReadonlyMap<Ranked, number> {
  const byName = [...byKey].sort((a, b) => compareText(nameOf(a), nameOf(b)));
  if (policy.spread === 'RoundRobin') return places(rotate(byName, `${policy.workspace}#${policy.id}#${namespace}`));
  if (policy.spread !== 'OneLocation') return places(byName);
  const seed = `${policy.workspace}#${policy.id}`;
  const locations = rotate([...new Set(byName.map(locationOf))].sort(), seed);
  return places(
    locations.flatMap((location) =>
      rotate(
        byName.filter((r) => locationOf(r) === location),
        seed,
      ),
    ),
  );
}

function places(ordered: readonly Ranked[]): ReadonlyMap<Ranked, number> {
  return new Map(ordered.map((r, index) => [r, index]));
}

function rotate<T>(values: readonly T[], seed: string): readonly T[] {
  if (values.length === 0) return values;
  const start = Number.parseInt(contentHash(seed).slice(0, 8), 16) % values.length;
  return [...values.slice(start), ...values.slice(0, start)];
}

/** The location a target is taken through when several hold it: the first by name. */
export const locationOf = (fit: Fit): string => fit.locations[0] ?? '';
const keyOf = (fit: Fit): string => fit.candidate.facts.key;
const nameOf = (fit: Fit): string => `${fit.candidate.facts.name} ${fit.candidate.facts.key}`;
const compareText = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);
