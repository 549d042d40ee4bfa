import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { ensureSstPlatform } from '../../scripts/sst-platform.ts';
import { fleetFile, ofType, type Recorded, record } from './recorded.ts';
import { type PolicyStatement, type RolePolicies, resourcePolicy, rolesOf } from './statements.ts';

/** Everything that anybody may do, to be read in a review. `npx vitest run --project stacks -u` writes it anew. */
const GOLDEN = join(import.meta.dirname, '../../stacks/golden/permissions.txt');

/** What may be wider than an action on a resource, and why. */
const EXCEPTIONS = [
  {
    role: 'HubRelayExecutionRole',
    action: 'ecr:GetAuthorizationToken',
    reason: 'a token is for the registry as a whole; the action knows no resource',
  },
] as const;

let production: Recorded;
let dev: Recorded;
let plain: Recorded;

beforeAll(async () => {
  await ensureSstPlatform(() => undefined);
  [production, dev, plain] = await Promise.all([
    record('production', fleetFile('service')),
    record('dev', fleetFile('service')),
    record('production', fleetFile('plain')),
  ]);
});

const excepted = ({ name }: RolePolicies, { actions }: PolicyStatement) =>
  EXCEPTIONS.filter(({ role, action }) => role === name && actions.length === 1 && actions[0] === action);

describe('permissions', () => {
  it('are those that were reviewed', async () => {
    expect(existsSync(GOLDEN), `${GOLDEN} is written by -u`).toBe(true);
    await expect(golden(production)).toMatchFileSnapshot(GOLDEN);
  });

  it('are the same on each stage', () => {
    // Stages that publish versions call the alias.
    expect(golden(dev)).toBe(golden(production).replaceAll('production', 'dev').replaceAll(':live', ''));
  });

  it('name exact actions and resources, and pass no role on', () => {
    const used = new Set<string>();
    for (const role of [...rolesOf(production), ...rolesOf(plain)]) {
      for (const statement of role.statements) {
        const at = `${role.name}: ${statement.actions}`;
        expect(statement.negations, at).toEqual([]);
        expect(statement.effect, at).toBe('Allow');
        expect(
          statement.actions.filter((action) => action.includes('*') || /^iam:PassRole$/i.test(action)),
          at,
        ).toEqual([]);
        const wide = statement.resources.filter(
          (resource) => !/^arn:aws:[a-z]+:[a-z0-9-]*:\d{12}:[A-Za-z/]/.test(resource),
        );
        const exceptions = excepted(role, statement);
        for (const { action } of exceptions) used.add(action);
        expect(wide, at).toEqual(exceptions.length > 0 ? ['*'] : []);
        expect(statement.resources.length, at).toBeGreaterThan(0);
      }
      expect(role.managed, `${role.name}: policies written by AWS change without a review`).toEqual([]);
    }
    expect([...used].sort()).toEqual(EXCEPTIONS.map(({ action }) => action).sort());
  });

  it('have wildcards at the end of names only, where AWS puts something of its own', () => {
    const wild = [...rolesOf(production), ...rolesOf(plain)]
      .flatMap(({ statements }) => statements.flatMap(({ resources }) => resources))
      .filter((resource) => /[*?]/.test(resource) && resource !== '*');
    for (const resource of wild)
      expect(resource).toMatch(/^arn:aws:(secretsmanager:.*:secret:[^*?]*-\?{6}|logs:.*:log-group:[^*?]*:\*)$/);
    expect(wild.length).toBeGreaterThan(0);
  });

  it('reach items of the table by the partitions that each part works on', () => {
    const onTable = [...rolesOf(production), ...rolesOf(plain)].flatMap(({ name, statements }) =>
      statements
        .filter(({ actions }) => actions.some((action) => action.startsWith('dynamodb:')))
        .map((one) => ({ name, ...one })),
    );
    expect(onTable.length).toBeGreaterThan(5);
    for (const { name, conditions, actions } of onTable) {
      expect(conditions.join(), name).toMatch(
        /^ForAllValues:StringLike dynamodb:LeadingKeys = ([A-Z]#?|[A-Z]#[^,]+)(, |$)/,
      );
      // A scan has no leading key, and its condition would hold.
      expect(actions, name).not.toContain('dynamodb:Scan');
    }
  });

  it('are taken on by one service or principal each', () => {
    for (const { name, trust } of [...rolesOf(production), ...rolesOf(plain)]) {
      expect(trust, name).toHaveLength(1);
      expect(trust[0]?.principals, name).toHaveLength(1);
      expect(trust[0]?.principals[0], name).toMatch(
        /^(Service [a-z0-9.-]+\.amazonaws\.com|AWS arn:aws:iam::\d{12}:role\/\S+|Federated arn:aws:iam::\d{12}:oidc-provider\/\S+)$/,
      );
    }
  });

  it('of queues only refuse plain HTTP, and no function may be called by anybody', () => {
    const policies = ofType(production, 'sqs/queuePolicy:QueuePolicy');
    expect(policies).toHaveLength(ofType(production, 'sqs/queue:Queue').length);
    for (const policy of policies) {
      expect(resourcePolicy(policy)).toEqual([
        {
          effect: 'Deny',
          principals: ['*'],
          actions: ['sqs:*'],
          resources: [expect.stringMatching(/^arn:aws:sqs:eu-central-1:123456789012:tmc-production-\S+$/)],
          conditions: ['Bool aws:SecureTransport = false'],
          negations: [],
        },
      ]);
    }
    expect(ofType(production, 'lambda/permission:Permission')).toEqual([]);
    expect(
      ofType(production, 'lambda/functionUrl:FunctionUrl').map(({ inputs }) => inputs['authorizationType']),
    ).toEqual(['AWS_IAM']);
  });
});

/** Roles and what they may do as text: a line for each action and resource, without what differs by account or is hashed. */
function golden(recorded: Recorded): string {
  const blocks = rolesOf(recorded).map(({ name, trust, statements }) => [
    name,
    ...trust.map((one) => `  ${one.actions.join(', ')}\n      by ${one.principals}${withConditions(one)}`),
    ...statements.flatMap((one) =>
      one.resources.map((resource) => `  ${one.actions.join(', ')}\n      on ${short(resource)}${withConditions(one)}`),
    ),
  ]);
  return `${blocks.map((lines) => lines.join('\n')).join('\n\n')}\n`;
}

const withConditions = ({ conditions }: PolicyStatement) =>
  conditions.map((condition) => `\n      if ${condition}`).join('');

const short = (arn: string) =>
  arn
    .replace(/^arn:aws:/, '')
    .replace(':eu-central-1:123456789012:', ' ')
    .replace(/-[a-z]{8}(?=$|:|\/)/, '');
