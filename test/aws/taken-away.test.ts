import { randomBytes } from 'node:crypto';
import {
  CreateLogGroupCommand,
  DeleteLogGroupCommand,
  DescribeLogGroupsCommand,
} from '@aws-sdk/client-cloudwatch-logs';
import { AttachRolePolicyCommand, ListAttachedRolePoliciesCommand, ListRolePoliciesCommand } from '@aws-sdk/client-iam';
import { GetQueueAttributesCommand, GetQueueUrlCommand } from '@aws-sdk/client-sqs';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { connect } from '../../stacks/endpoint/clients.ts';
import { allKinds } from '../../stacks/endpoint/kinds/all.ts';
import { Reconciler, type ResourceArgs } from '../../stacks/endpoint/reconcile.ts';
import { DeploymentRecord, type RecordStore } from '../../stacks/endpoint/record.ts';
import { CAPABILITIES, REGION } from '../emulators/aws-emulator.ts';
import { startMiniStack, whyNoMiniStack } from '../emulators/ministack.ts';
import type { Emulator } from '../emulators/server.ts';
import { type Clients, clientsOf } from './clients.ts';
import { type Target, targetFrom } from './target.ts';

/** Settings that a program had and has no more, or that came by hand: single resources, without a program around them. */

const given = targetFrom(process.env);
const missing = given ? undefined : await whyNoMiniStack();
if (missing) console.warn(`SKIPPED: what is taken away at an endpoint: ${missing}`);

const MANAGED = 'arn:aws:iam::aws:policy/AdministratorAccess';
const POLICY = {
  Version: '2012-10-17',
  Statement: [{ Effect: 'Allow', Action: 'sqs:SendMessage', Resource: 'arn:aws:sqs:us-east-1:000000000000:q' }],
};

const TRUST = {
  Version: '2012-10-17',
  Statement: [{ Effect: 'Allow', Action: 'sts:AssumeRole', Principal: { Service: 'lambda.amazonaws.com' } }],
};

describe.skipIf(missing !== undefined)('what the program takes away', () => {
  let emulator: Emulator | undefined;
  let target: Target;
  let clients: Clients;
  let app: string;
  let text: string | undefined;

  beforeAll(async () => {
    if (given) target = given;
    else {
      emulator = await startMiniStack();
      target = { name: 'ministack', endpoint: emulator.endpoint, capabilities: CAPABILITIES.ministack };
    }
    clients = clientsOf(target.endpoint);
  }, 120_000);
  afterAll(async () => {
    clients?.close();
    await emulator?.stop();
  });
  beforeEach(() => {
    app = `tmc${randomBytes(3).toString('hex')}`;
    text = undefined;
  });
  afterEach(async () => (await reconciler()).removeEverything());

  async function reconciler(): Promise<Reconciler> {
    const where = {
      app,
      stage: 'dev',
      account: '000000000000',
      region: REGION,
      endpoint: target.endpoint,
      bucket: app,
    };
    const store: RecordStore = {
      load: async () => text,
      save: async (written) => {
        text = written;
      },
      discard: async () => {
        text = undefined;
      },
    };
    const kinds = allKinds(connect(target.endpoint, REGION, {}), where);
    const record = await DeploymentRecord.load(store, { ...where, run: 'one' });
    return new Reconciler({ kinds, record, isDry: false, onChange: () => undefined });
  }

  /** One run of a program of one resource. */
  async function deploy(type: string, inputs: ResourceArgs['inputs']): Promise<string[]> {
    const run = await reconciler();
    await run.resource({ type, name: 'One', inputs });
    await run.finish();
    return run.changes.map(({ action, fields }) => [action, ...fields].join(' '));
  }

  const policiesOf = async (RoleName: string) => {
    const { PolicyNames } = await clients.roles.send(new ListRolePoliciesCommand({ RoleName }));
    const { AttachedPolicies = [] } = await clients.roles.send(new ListAttachedRolePoliciesCommand({ RoleName }));
    return { inline: PolicyNames ?? [], attached: AttachedPolicies.map(({ PolicyArn }) => PolicyArn) };
  };
  const role = (policies: Record<string, unknown>) => ({
    name: `${app}-role`,
    assumeRolePolicy: TRUST,
    ...policies,
  });
  const WITH = { inlinePolicies: [{ name: 'inline', policy: POLICY }], managedPolicyArns: [MANAGED] };

  it.each([
    ['are listed no more', {}],
    ['are empty lists', { inlinePolicies: [], managedPolicyArns: [] }],
  ])('a role loses the policies that %s', async (_what, none) => {
    const type = 'aws:iam/role:Role';
    expect(await deploy(type, role(WITH))).toEqual(['create']);
    expect(await policiesOf(`${app}-role`)).toEqual({ inline: ['inline'], attached: [MANAGED] });
    expect(await deploy(type, role(none))).toEqual(['update inlinePolicies managedPolicyArns']);
    expect(await policiesOf(`${app}-role`)).toEqual({ inline: [], attached: [] });
    expect(await deploy(type, role(none))).toEqual(['none']);
  });

  it('a role that shall have no managed policy loses one that was attached by hand; one that says nothing keeps it', async () => {
    const attach = new AttachRolePolicyCommand({ RoleName: `${app}-role`, PolicyArn: MANAGED });
    const type = 'aws:iam/role:Role';
    await deploy(type, role({}));
    await clients.roles.send(attach);
    expect(await deploy(type, role({}))).toEqual(['none']);
    expect(await policiesOf(`${app}-role`)).toEqual({ inline: [], attached: [MANAGED] });
    await deploy(type, role({ managedPolicyArns: [] }));
    expect((await policiesOf(`${app}-role`)).attached).toEqual([]);
    await clients.roles.send(attach);
    expect(await deploy(type, role({ managedPolicyArns: [] }))).toEqual(['update managedPolicyArns']);
    expect((await policiesOf(`${app}-role`)).attached).toEqual([]);
  });

  it('a queue goes back to what AWS gives a queue of which nothing is said', async () => {
    const type = 'aws:sqs/queue:Queue';
    const name = `${app}-queue`;
    const attributes = async () => {
      const { QueueUrl } = await clients.queues.send(new GetQueueUrlCommand({ QueueName: name }));
      const answer = await clients.queues.send(new GetQueueAttributesCommand({ QueueUrl, AttributeNames: ['All'] }));
      return [answer.Attributes?.['SqsManagedSseEnabled'], answer.Attributes?.['RedriveAllowPolicy'] || undefined];
    };
    const said = { sqsManagedSseEnabled: false, redriveAllowPolicy: '{"redrivePermission":"denyAll"}' };
    expect(await deploy(type, { name, ...said })).toEqual(['create']);
    expect(await attributes()).toEqual(['false', '{"redrivePermission":"denyAll"}']);
    expect(await deploy(type, { name })).toEqual(['update RedriveAllowPolicy SqsManagedSseEnabled']);
    expect(await attributes()).toEqual(['true', undefined]);
    expect(await deploy(type, { name })).toEqual(['none']);
  });

  it('a log group that was there before stays at removal, one that the deployment made goes', async () => {
    const type = 'aws:cloudwatch/logGroup:LogGroup';
    const logGroupName = `/aws/lambda/${app}-place`;
    const groups = async () => {
      const { logGroups } = await clients.logs.send(new DescribeLogGroupsCommand({ logGroupNamePrefix: logGroupName }));
      return (logGroups ?? []).map((one) => one.logGroupName);
    };
    await clients.logs.send(new CreateLogGroupCommand({ logGroupName }));
    await deploy(type, { name: logGroupName, retentionInDays: 7 });
    await (await reconciler()).removeEverything();
    expect(await groups()).toEqual([logGroupName]);
    await clients.logs.send(new DeleteLogGroupCommand({ logGroupName }));
    await deploy(type, { name: logGroupName, retentionInDays: 7 });
    await (await reconciler()).removeEverything();
    expect(await groups()).toEqual([]);
  });
});
