/** Wishes: how well a target that may be chosen fits. Whole numbers from the policy and the target alone, never from load. */
import type { Policy } from '@tmc/apis/policy.ts';
import type { TargetFacts } from '@tmc/kernel/records.ts';

/** Points of the first preferred location; later ones get their part of it, so that earlier counts more. */
const LOCATION_POINTS = 100;
/** Points of each preferred capability: ten of them weigh as much as the best location. Chosen freely. */
const CAPABILITY_POINTS = 10;

export type Score = { readonly total: number /** The terms in words, for the reason. */; readonly text: string };

/** The score of a target with its terms. */
export function score(facts: TargetFacts, policy: Policy): Score {
  const terms = [locationTerm(facts, policy), ...capabilityTerms(facts, policy)].filter((term) => term.points > 0);
  const total = terms.reduce((sum, term) => sum + term.points, 0);
  const words = terms.map((term) => `${term.text} +${term.points}`).join(', ');
  return { total, text: words ? `score ${total}: ${words}` : 'score 0: no preference applies' };
}

type Term = { readonly points: number; readonly text: string };

function locationTerm(facts: TargetFacts, { soft }: Policy): Term {
  const wishes = soft.preferredLocations;
  const rank = wishes.indexOf(facts.location);
  if (rank < 0) return { points: 0, text: '' };
  const points = Math.round((LOCATION_POINTS * (wishes.length - rank)) / wishes.length);
  return { points, text: `preferred location ${facts.location} (${rank + 1} of ${wishes.length})` };
}

function capabilityTerms(facts: TargetFacts, { soft }: Policy): Term[] {
  return soft.preferredCapabilities
    .filter((capability) => facts.capabilities.includes(capability))
    .map((capability) => ({ points: CAPABILITY_POINTS, text: `preferred capability ${capability}` }));
}
