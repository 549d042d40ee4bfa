import {
  AttachRolePolicyCommand,
  CreateRoleCommand,
  DeleteRoleCommand,
  DeleteRolePolicyCommand,
  DetachRolePolicyCommand,
  GetRoleCommand,
  GetRolePolicyCommand,
  type IAMClient,
  ListAttachedRolePoliciesCommand,
  ListRolePoliciesCommand,
  PutRolePolicyCommand,
  UpdateAssumeRolePolicyCommand,
  UpdateRoleCommand,
} from '@aws-sdk/client-iam';
import * as z from 'zod';
import type { Clients } from '../clients.ts';
import { orAbsent } from '../failure.ts';
import {
  document,
  fromJson,
  type Identity,
  type Json,
  type Kind,
  kind,
  part,
  physicalName,
  type Where,
} from '../kind.ts';

const inputs = z.strictObject({
  name: z.string().optional(),
  description: z.string().default(''),
  path: z.string().default('/'),
  maxSessionDuration: z.number().default(3_600),
  assumeRolePolicy: document,
  // Unsaid: those it has belong to resources of their own. An empty list: it shall have none.
  inlinePolicies: z.array(z.strictObject({ name: z.string(), policy: document })).optional(),
  managedPolicyArns: z.array(z.string()).optional(),
});
type Inputs = z.infer<typeof inputs>;
type InlinePolicies = NonNullable<Inputs['inlinePolicies']>;

const POLICY = z.strictObject({ name: z.string().optional(), role: z.string(), policy: document });
const ATTACHMENT = z.strictObject({ role: z.string(), policyArn: z.string() });

/** Roles, their inline policies and the managed ones attached to them. */
export function roleKinds({ iam }: Pick<Clients, 'iam'>, where: Where): Kind[] {
  return [roles(iam, where), rolePolicies(iam, where), attachments(iam)];
}

function roles(iam: IAMClient, where: Where): Kind {
  return kind<Inputs>({
    type: 'aws:iam/role:Role',
    noun: 'role',
    fixed: ['path'],
    inputs,
    identify: ({ name }, logical) => ({ role: name ?? physicalName(where, logical, 64) }),
    fields: (said) => ({
      assumeRolePolicy: fromJson(said.assumeRolePolicy),
      description: said.description,
      maxSessionDuration: said.maxSessionDuration,
      path: said.path,
      ...(said.inlinePolicies && { inlinePolicies: inlineField(said.inlinePolicies) }),
      ...(said.managedPolicyArns && { managedPolicyArns: said.managedPolicyArns.toSorted() }),
    }),
    async read(identity) {
      const RoleName = part(identity, 'role');
      const role = (await orAbsent(iam.send(new GetRoleCommand({ RoleName }))))?.Role;
      if (!role) return undefined;
      const fields: Record<string, Json> = {
        assumeRolePolicy: policyValue(role.AssumeRolePolicyDocument),
        description: role.Description ?? '',
        maxSessionDuration: role.MaxSessionDuration ?? 3_600,
        path: role.Path ?? '/',
        inlinePolicies: await inlineOf(iam, RoleName),
        managedPolicyArns: (await attachedOf(iam, RoleName)).toSorted(),
      };
      return { fields, outputs: { arn: role.Arn ?? '', uniqueId: role.RoleId ?? '' } };
    },
    async create(identity, said) {
      const RoleName = part(identity, 'role');
      await iam.send(
        new CreateRoleCommand({
          RoleName,
          AssumeRolePolicyDocument: said.assumeRolePolicy,
          Path: said.path,
          MaxSessionDuration: said.maxSessionDuration,
          ...(said.description && { Description: said.description }),
        }),
      );
      await setPolicies(iam, RoleName, said, []);
    },
    async update(identity, said, changed) {
      const RoleName = part(identity, 'role');
      const PolicyDocument = said.assumeRolePolicy;
      await iam.send(new UpdateAssumeRolePolicyCommand({ RoleName, PolicyDocument }));
      const { description: Description, maxSessionDuration: MaxSessionDuration } = said;
      await iam.send(new UpdateRoleCommand({ RoleName, Description, MaxSessionDuration }));
      await setPolicies(iam, RoleName, said, changed);
    },
    async remove(identity) {
      const RoleName = part(identity, 'role');
      if (!(await orAbsent(iam.send(new GetRoleCommand({ RoleName }))))) return;
      await setInline(iam, RoleName, []);
      await setAttached(iam, RoleName, []);
      await orAbsent(iam.send(new DeleteRoleCommand({ RoleName })));
    },
    outputs(identity, said, live) {
      const name = part(identity, 'role');
      const arn = live?.outputs?.['arn'] ?? `arn:aws:iam::${where.account}:role${said.path}${name}`;
      return { ...said, name, id: name, arn, uniqueId: live?.outputs?.['uniqueId'] ?? '' };
    },
  });
}

/**
 * Brings the role's policies to exactly those listed with it. A list that the program does not have is left alone, unless it had one
 * before, which shows among the fields that changed.
 */
async function setPolicies(iam: IAMClient, RoleName: string, said: Inputs, changed: readonly string[]): Promise<void> {
  const listed = <T>(field: 'inlinePolicies' | 'managedPolicyArns', list: T[] | undefined): T[] | undefined =>
    list ?? (changed.includes(field) ? [] : undefined);
  const inline = listed('inlinePolicies', said.inlinePolicies);
  const attached = listed('managedPolicyArns', said.managedPolicyArns);
  if (inline) await setInline(iam, RoleName, inline);
  if (attached) await setAttached(iam, RoleName, attached);
}

async function setInline(iam: IAMClient, RoleName: string, policies: InlinePolicies): Promise<void> {
  for (const { name: PolicyName, policy: PolicyDocument } of policies) {
    await iam.send(new PutRolePolicyCommand({ RoleName, PolicyName, PolicyDocument }));
  }
  const kept = new Set(policies.map(({ name }) => name));
  for (const PolicyName of (await inlineNames(iam, RoleName)).filter((name) => !kept.has(name))) {
    await orAbsent(iam.send(new DeleteRolePolicyCommand({ RoleName, PolicyName })));
  }
}

async function setAttached(iam: IAMClient, RoleName: string, arns: readonly string[]): Promise<void> {
  const attached = await attachedOf(iam, RoleName);
  for (const PolicyArn of arns.filter((arn) => !attached.includes(arn))) {
    await iam.send(new AttachRolePolicyCommand({ RoleName, PolicyArn }));
  }
  for (const PolicyArn of attached.filter((arn) => !arns.includes(arn))) {
    await orAbsent(iam.send(new DetachRolePolicyCommand({ RoleName, PolicyArn })));
  }
}

function rolePolicies(iam: IAMClient, where: Where): Kind {
  const put = async (identity: Identity, { policy }: z.infer<typeof POLICY>): Promise<void> => {
    const RoleName = part(identity, 'role');
    await iam.send(
      new PutRolePolicyCommand({ RoleName, PolicyName: part(identity, 'policy'), PolicyDocument: policy }),
    );
  };
  return kind<z.infer<typeof POLICY>>({
    type: 'aws:iam/rolePolicy:RolePolicy',
    noun: 'role policy',
    inputs: POLICY,
    identify: ({ name, role }, logical) => ({ role, policy: name ?? physicalName(where, logical, 128) }),
    fields: ({ policy }) => ({ policy: fromJson(policy) }),
    async read(identity) {
      const policy = await inlinePolicy(iam, part(identity, 'role'), part(identity, 'policy'));
      return policy === undefined ? undefined : { fields: { policy } };
    },
    create: put,
    update: put,
    async remove(identity) {
      const RoleName = part(identity, 'role');
      await orAbsent(iam.send(new DeleteRolePolicyCommand({ RoleName, PolicyName: part(identity, 'policy') })));
    },
    outputs(identity, said) {
      const name = part(identity, 'policy');
      return { ...said, name, id: `${said.role}:${name}` };
    },
  });
}

function attachments(iam: IAMClient): Kind {
  return kind<z.infer<typeof ATTACHMENT>>({
    type: 'aws:iam/rolePolicyAttachment:RolePolicyAttachment',
    noun: 'policy attachment',
    inputs: ATTACHMENT,
    identify: ({ role, policyArn }) => ({ role, policy: policyArn }),
    fields: () => ({}),
    async read(identity) {
      const attached = await orAbsent(attachedOf(iam, part(identity, 'role')));
      return attached?.includes(part(identity, 'policy')) ? { fields: {} } : undefined;
    },
    async create(_identity, { role: RoleName, policyArn: PolicyArn }) {
      await iam.send(new AttachRolePolicyCommand({ RoleName, PolicyArn }));
    },
    // It has nothing that could change.
    update: async () => {},
    async remove(identity) {
      const RoleName = part(identity, 'role');
      await orAbsent(iam.send(new DetachRolePolicyCommand({ RoleName, PolicyArn: part(identity, 'policy') })));
    },
    outputs: (_identity, said) => ({ ...said, id: `${said.role}-${said.policyArn}` }),
  });
}

function inlineField(policies: InlinePolicies): Json {
  return Object.fromEntries(policies.map(({ name, policy }) => [name, fromJson(policy)]));
}

async function inlineNames(iam: IAMClient, RoleName: string): Promise<string[]> {
  return (await iam.send(new ListRolePoliciesCommand({ RoleName }))).PolicyNames ?? [];
}

async function inlineOf(iam: IAMClient, RoleName: string): Promise<Record<string, Json>> {
  const names = await inlineNames(iam, RoleName);
  const policies = await Promise.all(names.map((name) => inlinePolicy(iam, RoleName, name)));
  return Object.fromEntries(names.map((name, index) => [name, policies[index] ?? null]));
}

async function inlinePolicy(iam: IAMClient, RoleName: string, PolicyName: string): Promise<Json | undefined> {
  const answer = await orAbsent(iam.send(new GetRolePolicyCommand({ RoleName, PolicyName })));
  return answer && policyValue(answer.PolicyDocument);
}

async function attachedOf(iam: IAMClient, RoleName: string): Promise<string[]> {
  const { AttachedPolicies = [] } = await iam.send(new ListAttachedRolePoliciesCommand({ RoleName }));
  return AttachedPolicies.map(({ PolicyArn = '' }) => PolicyArn);
}

/** IAM answers with documents in percent encoding, some emulators without. */
function policyValue(text = ''): Json {
  return fromJson(text.startsWith('%7B') ? decodeURIComponent(text) : text);
}
