import type { Grant } from './permissions.ts';

/** One statement of a policy; `R`: how a resource is named, which may be known only once it is made. */
export type Statement<R> = {
  readonly actions: string[];
  readonly resources: R[];
  readonly conditions?: readonly Condition[];
};
type Condition = { readonly test: string; readonly variable: string; readonly values: string[] };

/**
 * Statements for grants: exact actions on exact resources. Those that allow the same share one, for a role's policies may have 10,240
 * characters in all.
 */
export function statementsFor<R>(grants: readonly Grant[], resourceOf: (grant: Grant) => R): Statement<R>[] {
  const byActions = new Map<string, Statement<R>>();
  for (const grant of grants) {
    const conditions = grant.on === 'table' ? [leadingKeys(grant.partitions)] : undefined;
    const alike = `${grant.actions} ${JSON.stringify(conditions)}`;
    const others = byActions.get(alike)?.resources ?? [];
    const resources = [...others, resourceOf(grant)];
    byActions.set(alike, { actions: [...grant.actions], resources, ...(conditions && { conditions }) });
  }
  return [...byActions.values()];
}

/** Only calls whose every key is in one of the partitions. */
const leadingKeys = (partitions: readonly string[]): Condition => ({
  test: 'ForAllValues:StringLike',
  variable: 'dynamodb:LeadingKeys',
  values: [...partitions],
});

/** The document of a policy that allows what the statements say. */
export function policyDocument<R>(statements: readonly Statement<R>[]) {
  return {
    Version: '2012-10-17',
    Statement: statements.map(({ actions, resources, conditions = [] }) => ({
      Effect: 'Allow',
      Action: actions,
      Resource: resources,
      ...(conditions.length > 0 && {
        Condition: Object.fromEntries(conditions.map(({ test, variable, values }) => [test, { [variable]: values }])),
      }),
    })),
  };
}

/** What IAM takes as the inline policies of one role. */
const POLICY_CHARACTERS = 10_240;
/** Partition, region and account, at the longest there are, with the account of an example. */
const PLACE = { partition: 'aws-us-gov', regionAndAccount: 'ap-southeast-1:123456789012' };
/** Of a function: where it may write its log. */
const LOGS_CHARACTERS = 220;

/**
 * Characters of a role's policy at most, before its resources are made. `installation`: `<app>-<stage>`, which names begin with.
 */
export function policyCharacters(grants: readonly Grant[], installation: string): number {
  const statements = statementsFor(grants, (grant) => longestArn(grant, installation));
  return JSON.stringify(policyDocument(statements)).length + LOGS_CHARACTERS;
}

/** @throws Error naming the role whose policy is too long for IAM, what makes it long, and what to change. */
export function checkPolicy(role: string, grants: readonly Grant[], installation: string): void {
  const characters = policyCharacters(grants, installation);
  if (characters <= POLICY_CHARACTERS) return;
  const credentials = grants.filter(({ on }) => on === 'secret' || on === 'parameter').length;
  throw new Error(
    `the policy of the role of ${role} takes up to ${characters} characters, of which IAM takes ${POLICY_CHARACTERS}: ` +
      `it names ${credentials} secrets and parameters; admit functions by \`eks\`, which takes none, give credentials shorter names, ` +
      'or divide the fleet into several installations',
  );
}

function longestArn(grant: Grant, installation: string): string {
  const arn = (service: string, rest: string) => `arn:${PLACE.partition}:${service}:${PLACE.regionAndAccount}:${rest}`;
  switch (grant.on) {
    case 'secret':
      return grant.name.startsWith('arn:') ? grant.name : arn('secretsmanager', `secret:${grant.name}-??????`);
    case 'parameter':
      return arn('ssm', `parameter${grant.name}`);
    case 'table':
      return arn('dynamodb', `table/${installation}-StateTable-abcdefgh`);
    default:
      return arn('sqs', `${installation}-${grant.queue}DeadQueue-abcdefgh`);
  }
}
