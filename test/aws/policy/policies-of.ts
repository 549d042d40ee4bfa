import {
  GetPolicyCommand,
  GetPolicyVersionCommand,
  GetRolePolicyCommand,
  paginateListAttachedRolePolicies,
  paginateListRolePolicies,
} from '@aws-sdk/client-iam';
import { GetFunctionConfigurationCommand } from '@aws-sdk/client-lambda';
import type { Deployment } from '../../../stacks/outputs.ts';
import type { Clients } from '../clients.ts';
import { type PolicyDocument, parsePolicy } from './document.ts';

/** Policies that AWS keeps; emulators have other texts, or none. As AWS documents them, November 2026. */
const MANAGED: Readonly<Record<string, object>> = {
  'arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole': {
    Version: '2012-10-17',
    Statement: [
      {
        Effect: 'Allow',
        Action: ['logs:CreateLogGroup', 'logs:CreateLogStream', 'logs:PutLogEvents'],
        Resource: '*',
      },
    ],
  },
};

type Asked = Pick<Clients, 'roles' | 'functions'>;

/**
 * The policies that a deployment gave to its functions, by their names in the topology, and to its relays (`hub-relay`,
 * `relay-<member>`): inline and attached ones.
 * @throws Error naming the policy that is not understood, or the role that is not there.
 */
export async function policiesOf(clients: Asked, deployment: Deployment): Promise<Record<string, PolicyDocument[]>> {
  const policies: Record<string, PolicyDocument[]> = {};
  for (const [name, FunctionName] of Object.entries(deployment.functions)) {
    const { Role } = await clients.functions.send(new GetFunctionConfigurationCommand({ FunctionName }));
    policies[name] = await policiesOfRole(clients, Role ?? '');
  }
  for (const [name, arn] of Object.entries(deployment.roles)) policies[name] = await policiesOfRole(clients, arn);
  return policies;
}

/** Names of the policies stay in the errors only: who reads the verdict knows the statements by their Sid. */
async function policiesOfRole({ roles: client }: Pick<Clients, 'roles'>, arn: string): Promise<PolicyDocument[]> {
  const RoleName = arn.split('/').at(-1) ?? '';
  const policies: PolicyDocument[] = [];
  for await (const { PolicyNames = [] } of paginateListRolePolicies({ client }, { RoleName })) {
    for (const PolicyName of PolicyNames) {
      const { PolicyDocument } = await client.send(new GetRolePolicyCommand({ RoleName, PolicyName }));
      policies.push(parsePolicy(decoded(PolicyDocument), `${PolicyName} of role ${RoleName}`));
    }
  }
  for await (const { AttachedPolicies = [] } of paginateListAttachedRolePolicies({ client }, { RoleName })) {
    for (const { PolicyArn = '' } of AttachedPolicies) {
      policies.push(parsePolicy(await attached(client, PolicyArn), `${PolicyArn} of role ${RoleName}`));
    }
  }
  return policies;
}

async function attached(client: Clients['roles'], PolicyArn: string): Promise<unknown> {
  const managed = MANAGED[PolicyArn];
  if (managed) return managed;
  const { Policy } = await client.send(new GetPolicyCommand({ PolicyArn }));
  const { PolicyVersion } = await client.send(
    new GetPolicyVersionCommand({ PolicyArn, VersionId: Policy?.DefaultVersionId }),
  );
  return decoded(PolicyVersion?.Document);
}

/** IAM answers with percent-encoded text, some emulators with plain JSON. */
function decoded(document = ''): string {
  return document.trimStart().startsWith('{') ? document : decodeURIComponent(document);
}
