import type { Grant } from '../permissions.ts';
import type { DeployedQueue } from './queues.ts';

/** What grants refer to by name. */
export type Granted = {
  readonly table: sst.aws.Dynamo;
  readonly queues: ReadonlyMap<string, DeployedQueue>;
};

type Text = $util.Input<string>;
/** One statement of a policy, in the words of SST's `permissions`. */
export type Statement = {
  readonly actions: string[];
  readonly resources: Text[];
  readonly conditions?: { test: string; variable: string; values: string[] }[];
};

/**
 * Statements for grants: exact actions on exact resources. Those that allow the same share one, for a role's policies may have 10,240
 * characters in all. @throws Error naming a queue that does not exist.
 */
export function statementsOf(grants: readonly Grant[], granted: Granted): Statement[] {
  const byActions = new Map<string, Statement>();
  for (const statement of grants.map((grant) => statementOf(grant, granted))) {
    const alike = `${statement.actions} ${JSON.stringify(statement.conditions)}`;
    const others = byActions.get(alike)?.resources ?? [];
    byActions.set(alike, { ...statement, resources: [...others, ...statement.resources] });
  }
  return [...byActions.values()];
}

function statementOf(grant: Grant, { table, queues }: Granted): Statement {
  const actions = [...grant.actions];
  switch (grant.on) {
    case 'table':
      return { actions, resources: [table.arn], conditions: [leadingKeys(grant.partitions)] };
    case 'secret':
      return { actions, resources: [secretArn(grant.name)] };
    case 'parameter':
      return { actions, resources: [arn('ssm', `parameter${grant.name}`)] };
    default: {
      const queue = queues.get(grant.queue);
      if (!queue) throw new Error(`a permission names the queue "${grant.queue}", which the topology does not have`);
      return { actions, resources: [grant.on === 'queue' ? queue.live.arn : queue.dead.arn] };
    }
  }
}

/** Only calls whose every key is in one of the partitions. */
const leadingKeys = (partitions: readonly string[]) => ({
  test: 'ForAllValues:StringLike',
  variable: 'dynamodb:LeadingKeys',
  values: [...partitions],
});

/** Secrets Manager puts a hyphen and six characters behind the name. */
const secretArn = (name: string): Text =>
  name.startsWith('arn:') ? name : arn('secretsmanager', `secret:${name}-??????`);

/** ARN of something in the account and region of the deployment. */
export function arn(service: string, rest: string): Text {
  const { accountId } = aws.getCallerIdentityOutput();
  return $interpolate`arn:${aws.getPartitionOutput().partition}:${service}:${aws.getRegionOutput().region}:${accountId}:${rest}`;
}

/** The statements as the text of a policy, for roles that SST does not write. */
export function policyOf(statements: readonly Statement[]): $util.Output<string> {
  return $util.jsonStringify({
    Version: '2012-10-17',
    Statement: statements.map(({ actions, resources, conditions = [] }) => ({
      Effect: 'Allow',
      Action: actions,
      Resource: resources,
      ...(conditions.length > 0 && {
        Condition: Object.fromEntries(conditions.map(({ test, variable, values }) => [test, { [variable]: values }])),
      }),
    })),
  });
}

/** For services that say on whose behalf they take a role on: nobody else's resources may have them do it. */
export const ofThisAccount = () => ({
  StringEquals: { 'aws:SourceAccount': aws.getCallerIdentityOutput().accountId },
});

/** The trust policy of a role that a service of AWS takes on; who may hand it to the service is said by `iam:PassRole`. */
export function assumedBy(service: string, condition?: Record<string, unknown>): $util.Output<string> {
  const trust = { Effect: 'Allow', Principal: { Service: service }, Action: 'sts:AssumeRole' };
  return $util.jsonStringify({
    Version: '2012-10-17',
    Statement: [{ ...trust, ...(condition && { Condition: condition }) }],
  });
}
