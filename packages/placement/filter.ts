/** Hard rules: which targets may hold a group at all, and why the others may not. */
import type { LocationFacts, Policy } from '@tmc/apis/policy.ts';
import { findQuantity, formatQuantity } from '@tmc/apis/quantity.ts';
import { matchesSelector } from '@tmc/apis/selectors.ts';
import type { TargetFacts } from '@tmc/kernel/records.ts';
import { type Candidate, DEFAULT_LOCATION, needsOf, type TargetLoad } from './snapshot.ts';

/**
 * - `eligible`: may be chosen.
 * - `keepable`: may stay when it was chosen before, is not chosen anew (`reason` says what is wrong).
 * - `rejected`: breaks a hard rule.
 */
export type Fit = {
  readonly candidate: Candidate;
  readonly verdict: 'eligible' | 'keepable' | 'rejected';
  /** Empty when eligible. */
  readonly reason: string;
  /** Names of the Locations through which the policy reaches the target, sorted; empty when it selects none by Location. */
  readonly locations: readonly string[];
};

type Context = { readonly policy: Policy; readonly locations: readonly LocationFacts[]; readonly nowMs: number };
/** Why a target breaks one rule, undefined when it does not. */
type Rule = (facts: TargetFacts, policy: Policy) => string | undefined;

/** Judges one candidate; the first broken rule gives the reason. */
export function filter(candidate: Candidate, context: Context): Fit {
  const { facts, load } = candidate;
  const locations = reachedThrough(facts, context);
  const verdictOf = (verdict: Fit['verdict'], reason: string): Fit => ({ candidate, verdict, reason, locations });
  const broken = brokenRule(facts, context, locations);
  if (broken) return verdictOf('rejected', broken);
  const unfit = facts.ready ? schedulability(facts) : 'not ready';
  const reason = unfit ?? lacking(facts, context.policy, load);
  return reason ? verdictOf('keepable', reason) : verdictOf('eligible', '');
}

function brokenRule(facts: TargetFacts, context: Context, locations: readonly string[]): string | undefined {
  const { policy, nowMs } = context;
  if (facts.evictAfterMs !== undefined && facts.evictAfterMs <= nowMs) {
    return `evicting since ${new Date(facts.evictAfterMs).toISOString()}`;
  }
  if (policy.hard.locationSelectors && locations.length === 0) return 'in no location that the policy selects';
  for (const rule of RULES) {
    const reason = rule(facts, policy);
    if (reason) return reason;
  }
  return undefined;
}

/** Pull and bidirectional need an agent in the member cluster that does the writing; there is none. */
const pushed: Rule = ({ syncMode }) => (syncMode === 'push' ? undefined : unsupportedMode(syncMode));

/** Why nothing is placed on targets of this mode. */
export const unsupportedMode = (syncMode: string): string =>
  `syncMode ${syncMode} is not supported by this version, set push`;

const named: Rule = (facts, { hard }) =>
  hard.targetNames && !hard.targetNames.includes(facts.name)
    ? `not one of the named targets ${list(hard.targetNames)}`
    : undefined;

const selected: Rule = (facts, { hard }) =>
  hard.targetSelector && !matchesSelector(hard.targetSelector, facts.labels)
    ? 'labels do not match the target selector'
    : undefined;

const located: Rule = (facts, { hard }) =>
  hard.locations && !hard.locations.includes(facts.location)
    ? `needs location ${list(hard.locations)}, is in ${facts.location || 'an unknown one'}`
    : undefined;

const capable: Rule = (facts, { hard }) => {
  const missing = (hard.capabilities ?? []).filter((capability) => !facts.capabilities.includes(capability));
  return missing.length > 0
    ? `needs capability ${list(missing)}, has ${list(facts.capabilities) || 'none'}`
    : undefined;
};

const compatible: Rule = (facts, { selects }) => {
  if (facts.syncedResources.length === 0) return undefined;
  const missing = (selects.resources ?? []).filter((resource) => !facts.syncedResources.includes(resource));
  return missing.length > 0 ? `needs ${list(missing)}, syncs ${list(facts.syncedResources)}` : undefined;
};

const RULES: readonly Rule[] = [pushed, named, selected, located, capable, compatible];

const schedulability = (facts: TargetFacts): string | undefined =>
  facts.unschedulable ? 'cordoned (unschedulable)' : undefined;

/** The first resource of which less is free than needed, with both numbers; what a target does not state is not limited. */
function lacking(facts: TargetFacts, policy: Policy, load: TargetLoad): string | undefined {
  for (const [resource, text] of Object.entries(needsOf(policy)).sort(byName)) {
    const needed = findQuantity(text);
    const allocatable = findQuantity(facts.allocatable[resource] ?? '');
    if (needed === undefined || allocatable === undefined) continue;
    const free = allocatable - (load.reserved[resource] ?? 0n);
    if (free < needed) return `needs ${text} ${resource}, ${formatQuantity(free)} free`;
  }
  return undefined;
}

/** The Locations the policy selects that hold this target. */
function reachedThrough(facts: TargetFacts, { policy, locations }: Context): readonly string[] {
  const selectors = policy.hard.locationSelectors;
  if (!selectors) return [];
  return orDefault(locations, policy.locationWorkspace)
    .filter((location) => selectors.some((selector) => matchesSelector(selector, location.labels)))
    .filter((location) => matchesSelector(location.instanceSelector, facts.labels))
    .map((location) => location.name)
    .sort();
}

function orDefault(locations: readonly LocationFacts[], workspace: string): readonly LocationFacts[] {
  if (locations.length > 0) return locations;
  return [{ workspace, name: DEFAULT_LOCATION, rv: '', labels: {}, instanceSelector: {} }];
}

const list = (values: readonly string[]): string => values.join(', ');
const byName = ([a]: [string, string], [b]: [string, string]): number => (a < b ? -1 : 1);
