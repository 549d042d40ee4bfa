/** The shares by which replicas are split over the chosen targets (`apis/divide.ts` does the splitting). */
import type { Policy } from '@tmc/apis/policy.ts';
import type { TargetFacts } from '@tmc/kernel/records.ts';

/** Weight of a target in the first preferred location against 1 of all others: 3 replicas on two targets become 2 and 1. */
const PREFERRED_WEIGHT = 2;

/** The weight of a target under a policy. */
export function weigh(facts: TargetFacts, policy: Policy): number {
  const [first] = policy.soft.preferredLocations;
  return first !== undefined && facts.location === first ? PREFERRED_WEIGHT : 1;
}
