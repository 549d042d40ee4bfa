import type { RoleSpec, Topology } from '../topology.ts';
import { deployedName } from './names.ts';
import { type Granted, ofThisAccount, policyOf, statementsOf } from './statements.ts';

/** Roles for relays, by name. */
export function createRoles({ roles }: Topology, granted: Granted): ReadonlyMap<string, aws.iam.Role> {
  return new Map(
    roles.map(({ name, trust, grants }) => [
      name,
      new aws.iam.Role(`Role-${name}`, {
        name: deployedName(name),
        assumeRolePolicy: $util.jsonStringify({ Version: '2012-10-17', Statement: [trustOf(trust)] }),
        inlinePolicies: [{ name: 'inline', policy: policyOf(statementsOf(grants, granted)) }],
      }),
    ]),
  );
}

/** Who may take the role on, as the one statement of its trust policy. */
function trustOf(trust: RoleSpec['trust']) {
  switch (trust.kind) {
    case 'pod-identity':
      return allow({ Service: 'pods.eks.amazonaws.com' }, ['sts:AssumeRole', 'sts:TagSession']);
    case 'ecs-task':
      return allow({ Service: 'ecs-tasks.amazonaws.com' }, ['sts:AssumeRole'], ofThisAccount());
    case 'principal':
      return allow(
        { AWS: trust.arn },
        ['sts:AssumeRole'],
        trust.externalId === undefined ? undefined : { StringEquals: { 'sts:ExternalId': trust.externalId } },
      );
    case 'oidc': {
      const issuer = trust.provider.replace(/^arn:.*:oidc-provider\//, '');
      return allow({ Federated: trust.provider }, ['sts:AssumeRoleWithWebIdentity'], {
        StringEquals: { [`${issuer}:sub`]: trust.subject, [`${issuer}:aud`]: trust.audience },
      });
    }
  }
}

const allow = (principal: Record<string, string>, actions: string[], condition?: Record<string, unknown>) => ({
  Effect: 'Allow',
  Principal: principal,
  Action: actions,
  ...(condition && { Condition: condition }),
});
