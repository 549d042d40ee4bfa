import type { RecordedCall } from '../calls/call.ts';
import type { PolicyDocument, Statement } from './document.ts';
import { matchesAction, matchesResource } from './match.ts';
import { type AskedCall, compare, contextOf, verdictOf } from './verdict.ts';

/** The part of a recorded call that a policy judges. */
export type Call = Pick<RecordedCall, 'identity' | 'action' | 'resource' | 'leadingKeys'>;

/** Something a policy allows that no recorded call used. */
type Unused = {
  readonly identity: string;
  /** The statement's Sid, else its number in the policies of the identity, from 1. */
  readonly statement: string;
  readonly element: 'action' | 'resource' | 'condition';
  /** The action, resource or value of a condition as the policy has it. */
  readonly value: string;
  /** All actions of the statement. */
  readonly actions: readonly string[];
  readonly resources: readonly string[];
};

type Denied = Call & {
  readonly denial: 'explicit' | 'implicit';
  /** How often it was called. */
  readonly times: number;
};

/**
 * What may be allowed though no call of the identity itself was seen. Fields are patterns with `*` and `?`; absent: any. `value`
 * is that of {@link Unused}.
 */
export type Exception = {
  readonly identity?: string;
  readonly element?: Unused['element'];
  readonly value: string;
  /** One of the statement's resources. */
  readonly resource?: string;
  readonly reason: string;
};

export type Judged = {
  readonly denied: readonly Denied[];
  readonly unused: readonly Unused[];
  /** Exceptions that excused nothing: what they were for is gone, or is used. */
  readonly idle: readonly Exception[];
};

export type Case = {
  readonly policies: Readonly<Record<string, readonly PolicyDocument[]>>;
  /** Recorded ones, and those of others in the identity's name. */
  readonly calls: readonly Call[];
  readonly exceptions?: readonly Exception[];
};

/**
 * Holds recorded calls against the policies of those who made them, both ways: calls that AWS would refuse, and what is allowed
 * without need. A call of an identity without policies is denied. Pure.
 */
export function judge({ policies, calls, exceptions = [] }: Case): Judged {
  const distinct = distinctCalls(calls);
  const denied = distinct.flatMap(({ call, times }): Denied[] => {
    const verdict = verdictOf(policies[call.identity] ?? [], call);
    return verdict.allowed ? [] : [{ ...call, denial: verdict.denial, times }];
  });
  const unused = Object.entries(policies).flatMap(([identity, documents]) => {
    const own = distinct.filter(({ call }) => call.identity === identity).map(({ call }) => call);
    return documents
      .flatMap(({ Statement: all }) => all)
      .flatMap((statement, index) => unusedOf({ identity, statement, name: statement.Sid ?? String(index + 1) }, own));
  });
  return {
    denied,
    unused: unused.filter((one) => !exceptions.some((exception) => excuses(exception, one))),
    idle: exceptions.filter((exception) => !unused.some((one) => excuses(exception, one))),
  };
}

function distinctCalls(calls: Case['calls']): { call: Call; times: number }[] {
  const counted = new Map<string, { call: Call; times: number }>();
  for (const { identity, action, resource, leadingKeys } of calls) {
    const key = JSON.stringify([identity, action, resource, leadingKeys]);
    const call = { identity, action, resource, ...(leadingKeys && { leadingKeys }) };
    counted.set(key, { call, times: (counted.get(key)?.times ?? 0) + 1 });
  }
  return [...counted.values()];
}

type Owned = { readonly identity: string; readonly statement: Statement; readonly name: string };

/** Denials are there for what must not happen: they need no use. */
function unusedOf({ identity, statement, name }: Owned, calls: readonly AskedCall[]): Unused[] {
  const { Effect, Action: actions, Resource: resources, Condition: conditions } = statement;
  if (Effect === 'Deny') return [];
  const alone = [{ Version: '2012-10-17' as const, Statement: [statement] }];
  const using = calls.filter((call) => verdictOf(alone, call).allowed);
  const about = { identity, statement: name, actions, resources };
  const missing = (
    element: Unused['element'],
    values: readonly string[],
    uses: (v: string, call: AskedCall) => boolean,
  ) =>
    values
      .filter((value) => !using.some((call) => uses(value, call)))
      .map((value): Unused => ({ ...about, element, value }));
  return [
    ...missing('action', actions, (pattern, { action }) => matchesAction(pattern, action)),
    ...missing('resource', resources, (pattern, { resource }) => matchesResource(pattern, resource)),
    ...conditions.flatMap(({ comparison, key, values }) =>
      missing('condition', values, (value, call) =>
        contextOf(call, key).some((present) => compare(comparison, value, present)),
      ),
    ),
  ];
}

function excuses({ identity = '*', element, value, resource = '*' }: Exception, unused: Unused): boolean {
  return (
    matchesAction(identity, unused.identity) &&
    (element === undefined || element === unused.element) &&
    matchesAction(value, unused.value) &&
    unused.resources.some((one) => matchesAction(resource, one))
  );
}
