import type { Grant } from '../permissions.ts';
import { type Statement as PolicyStatement, policyDocument, statementsFor } from '../policy.ts';
import type { DeployedQueue } from './queues.ts';

/** What grants refer to by name. */
export type Granted = {
  readonly table: sst.aws.Dynamo;
  readonly queues: ReadonlyMap<string, DeployedQueue>;
};

type Text = $util.Input<string>;
export type Statement = PolicyStatement<Text>;

/** Statements for grants, on the resources that were made. @throws Error naming a queue that does not exist. */
export function statementsOf(grants: readonly Grant[], granted: Granted): Statement[] {
  return statementsFor(grants, (grant) => resourceOf(grant, granted));
}

function resourceOf(grant: Grant, { table, queues }: Granted): Text {
  switch (grant.on) {
    case 'table':
      return table.arn;
    case 'secret':
      return secretArn(grant.name);
    case 'parameter':
      return arn('ssm', `parameter${grant.name}`);
    default: {
      const queue = queues.get(grant.queue);
      if (!queue) throw new Error(`a permission names the queue "${grant.queue}", which the topology does not have`);
      return grant.on === 'queue' ? queue.live.arn : queue.dead.arn;
    }
  }
}

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
  return $util.jsonStringify(policyDocument(statements));
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
