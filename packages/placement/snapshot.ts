/** What deciding works on and what it gives: plain values, so that a decision can be recomputed and explained. */
import type { LocationFacts, NamespaceFacts, Policy, ResourceNeeds } from '@tmc/apis/policy.ts';
import type { Decision, TargetFacts } from '@tmc/kernel/records.ts';

/** One policy in one namespace: the unit of decision. */
export type GroupRef = { readonly workspace: string; readonly namespace: string; readonly policy: string };

/** What other groups hold on a target. */
export type TargetLoad = {
  /** Number of other groups on it. */
  readonly groups: number;
  /** Of those, the ones placed by the same policy. */
  readonly siblings: number;
  /** What they asked for, in milli-units by resource name. */
  readonly reserved: Readonly<Record<string, bigint>>;
};

export const NO_LOAD: TargetLoad = { groups: 0, siblings: 0, reserved: {} };

export type Candidate = { readonly facts: TargetFacts; readonly load: TargetLoad };

/** The Location that exists wherever targets are and nobody described any: empty selector, so it holds all of them. */
export const DEFAULT_LOCATION = 'default';

export type PlacementSnapshot = {
  readonly policy: Policy;
  readonly namespace: NamespaceFacts;
  /** Every target of the policy's location workspace, in any order. */
  readonly candidates: readonly Candidate[];
  /** Locations of the location workspace; none: the implicit default one. */
  readonly locations: readonly LocationFacts[];
  readonly current?: Decision;
};

/** A decision before it has a version and a time. */
export type DecisionDraft = Omit<Decision, 'version' | 'decidedAtMs'> & {
  /** False: fewer targets than the policy's minimum; what runs stays, nothing new is placed. */
  readonly satisfied: boolean;
  /** True while more targets would be taken if they appeared. */
  readonly wantsMore: boolean;
  /** For the user: how many targets, and why not more. */
  readonly message: string;
};

/** What every group placed by this policy keeps free on its targets. */
export const needsOf = (policy: Policy): ResourceNeeds => policy.hard.resources ?? {};

/** True when choosing depends on what other groups hold: only then are reservations read and fenced. */
export function dependsOnLoad(policy: Policy): boolean {
  return policy.spread !== 'Spread' || Object.keys(needsOf(policy)).length > 0;
}

/** Under which name `inputs` records the policy's uid and generation. */
export const POLICY_INPUT = 'policy';
/** Prefix of the input that names the Location a target was taken through. */
export const LOCATION_INPUT = 'location/';

/** The policy's state a decision was made by, as it stands in its inputs. */
export const policyInput = (policy: Policy): string => `${policy.uid}/${policy.generation}`;
