import type { Comparison, Condition, ConditionKey, PolicyDocument, Statement } from './document.ts';
import { matchesAction, matchesArn, matchesResource, matchesText } from './match.ts';

/** A call as IAM sees it, with what its context says. */
export type AskedCall = {
  readonly action: string;
  /** ARN. */
  readonly resource: string;
  /** Absent where the call touches no partition: a scan. */
  readonly leadingKeys?: readonly string[];
  readonly sourceArn?: string;
  readonly sourceAccount?: string;
};

export type Verdict =
  | { readonly allowed: true; readonly by: readonly Statement[] }
  /** `explicit`: a statement denies it; `implicit`: none allows it. */
  | { readonly allowed: false; readonly denial: 'explicit' | 'implicit' };

/** What the policies of one identity say of a call: denied unless allowed, and a denial wins over everything. */
export function verdictOf(policies: readonly PolicyDocument[], call: AskedCall): Verdict {
  const applying = policies.flatMap(({ Statement: all }) => all).filter((statement) => applies(statement, call));
  if (applying.some(({ Effect }) => Effect === 'Deny')) return { allowed: false, denial: 'explicit' };
  return applying.length > 0 ? { allowed: true, by: applying } : { allowed: false, denial: 'implicit' };
}

function applies({ Action, Resource, Condition: conditions }: Statement, call: AskedCall): boolean {
  return (
    Action.some((pattern) => matchesAction(pattern, call.action)) &&
    Resource.some((pattern) => matchesResource(pattern, call.resource)) &&
    conditions.every((condition) => holds(condition, call))
  );
}

/** A call that lacks the key: `ForAllValues` holds, all else does not. */
function holds({ over, comparison, key, values }: Condition, call: AskedCall): boolean {
  const present = contextOf(call, key);
  const fits = (one: string): boolean => values.some((value) => compare(comparison, value, one));
  return over === 'ForAllValues' ? present.every(fits) : present.some(fits);
}

export function compare(comparison: Comparison, value: string, present: string): boolean {
  switch (comparison) {
    case 'StringEquals':
      return value === present;
    case 'StringLike':
      return matchesText(value, present);
    // The two are the same for AWS: both take wildcards.
    case 'ArnEquals':
    case 'ArnLike':
      return matchesArn(value, present);
  }
}

/** What the call's context holds under a key of a condition. */
export function contextOf(call: AskedCall, key: ConditionKey): readonly string[] {
  switch (key) {
    case 'dynamodb:leadingkeys':
      return call.leadingKeys ?? [];
    case 'aws:sourcearn':
      return call.sourceArn === undefined ? [] : [call.sourceArn];
    case 'aws:sourceaccount':
      return call.sourceAccount === undefined ? [] : [call.sourceAccount];
  }
}
