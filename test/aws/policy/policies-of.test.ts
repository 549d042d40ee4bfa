import {
  AttachRolePolicyCommand,
  CreatePolicyCommand,
  CreateRoleCommand,
  PutRolePolicyCommand,
} from '@aws-sdk/client-iam';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Deployment } from '../../../stacks/outputs.ts';
import { type AwsEmulator, REGION } from '../../emulators/aws-emulator.ts';
import { startMiniStack, whyNoMiniStack } from '../../emulators/ministack.ts';
import { type Clients, clientsOf } from '../clients.ts';
import { deploy, queueFor } from '../emulators/deployed.ts';
import { callsByLambda } from './by-lambda.ts';
import { judge } from './evaluate.ts';
import { policiesOf } from './policies-of.ts';

const missing = await whyNoMiniStack();
if (missing) console.warn(`SKIPPED: policies of a deployment: ${missing}`);

const BASIC = 'arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole';
const policy = (Action: string | string[], Resource: string) =>
  JSON.stringify({ Version: '2012-10-17', Statement: [{ Effect: 'Allow', Action, Resource }] });

describe.skipIf(missing !== undefined)('policies of a deployment', () => {
  let emulator: AwsEmulator;
  let clients: Clients;
  let queueArn: string;
  const RELAY = 'arn:aws:iam::000000000000:role/relay';
  const deployment = {
    region: REGION,
    functions: { place: 'place' },
    roles: { 'hub-relay': RELAY },
  } as unknown as Deployment;

  beforeAll(async () => {
    emulator = await startMiniStack();
    clients = clientsOf(emulator.endpoint);
    await deploy(clients, 'place');
    queueArn = (await queueFor(clients, 'place', false)).arn;
    await attach('place');
    await clients.roles.send(new CreateRoleCommand({ RoleName: 'relay', AssumeRolePolicyDocument: '{}' }));
  }, 60_000);
  afterAll(async () => {
    clients?.close();
    await emulator?.stop();
  });

  /** An inline policy, one that the account has and one that AWS has. */
  async function attach(RoleName: string): Promise<void> {
    const polling = ['sqs:ReceiveMessage', 'sqs:DeleteMessage', 'sqs:GetQueueAttributes'];
    const inline = { PolicyName: 'inline', PolicyDocument: policy(polling, queueArn) };
    await clients.roles.send(new PutRolePolicyCommand({ RoleName, ...inline }));
    const own = { PolicyName: 'own', PolicyDocument: policy('sqs:SendMessage', queueArn) };
    const { Policy } = await clients.roles.send(new CreatePolicyCommand(own));
    for (const PolicyArn of [Policy?.Arn, BASIC]) {
      await clients.roles.send(new AttachRolePolicyCommand({ RoleName, PolicyArn }));
    }
  }

  it('are those of the roles: inline, of the account and of AWS', async () => {
    const { place = [], 'hub-relay': relay } = await policiesOf(clients, deployment);
    const actions = place.map(({ Statement: all }) => all.flatMap(({ Action }) => Action).length);
    expect(actions.sort()).toEqual([1, 3, 3]);
    expect(relay).toEqual([]);
  });

  it('allow what Lambda does in the name of the function, and are used up by it', async () => {
    const calls = await callsByLambda(clients, deployment);
    const policies = await policiesOf(clients, deployment);
    const { denied, unused } = judge({ policies, calls });
    expect(denied).toEqual([]);
    expect(unused).toMatchObject([
      { element: 'action', value: 'sqs:SendMessage' },
      { element: 'resource', value: queueArn, actions: ['sqs:SendMessage'] },
      // The policy of AWS lets a function make its log group, which a deployment does.
      { element: 'action', value: 'logs:CreateLogGroup' },
    ]);
    expect(judge({ policies: { place: [] }, calls }).denied).toHaveLength(calls.length);
  });

  it('that are not understood fail with their name and role', async () => {
    const PolicyDocument = policy('sqs:SendMessage', '*').replace('"Action"', '"NotAction"');
    await clients.roles.send(new CreateRoleCommand({ RoleName: 'odd', AssumeRolePolicyDocument: '{}' }));
    await clients.roles.send(new PutRolePolicyCommand({ RoleName: 'odd', PolicyName: 'x', PolicyDocument }));
    const roles = { odd: 'arn:aws:iam::000000000000:role/odd' };
    await expect(policiesOf(clients, { ...deployment, functions: {}, roles })).rejects.toThrow(
      'the policy x of role odd',
    );
  });
});
