import { execFile, spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { DeleteTableCommand, DescribeTimeToLiveCommand } from '@aws-sdk/client-dynamodb';
import {
  DeleteEventSourceMappingCommand,
  GetAliasCommand,
  InvokeCommand,
  ListEventSourceMappingsCommand,
  UpdateFunctionConfigurationCommand,
} from '@aws-sdk/client-lambda';
import { DeleteObjectCommand, GetObjectCommand, ListObjectsV2Command, PutObjectCommand } from '@aws-sdk/client-s3';
import { DeleteQueueCommand, GetQueueAttributesCommand } from '@aws-sdk/client-sqs';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { CAPABILITIES } from '../emulators/aws-emulator.ts';
import { startMiniStack, whyNoMiniStack } from '../emulators/ministack.ts';
import { type Emulator, freePort } from '../emulators/server.ts';
import { until } from '../real/harness/process.ts';
import { type Clients, clientsOf } from './clients.ts';
import {
  type Change,
  type DeployAnswer,
  deployCommand,
  deployOrFail,
  forgetDeployment,
  type Installation,
} from './deploy-process.ts';
import { inventory, named } from './leftovers.ts';
import { type Target, targetFrom } from './target.ts';

/** What deploying to an endpoint promises for itself, whatever the functions do; the life of a whole system is in deployed.test.ts. */

const given = targetFrom(process.env);
const missing = given ? undefined : await whyNoMiniStack();
if (missing) console.warn(`SKIPPED: deployments to an endpoint: ${missing}`);
const ROOT = resolve(import.meta.dirname, '../..');

const FLEET = `
hub: { kind: kubernetes, workspace: root, connection: { url: 'https://127.0.0.1:1', secret: given/hub } }
members:
  - { name: west, syncTarget: { workspace: root, name: west }, connection: { url: 'https://127.0.0.1:2' } }
`;
const EAST = `  - { name: east, syncTarget: { workspace: root, name: east }, connection: { url: 'https://127.0.0.1:3' } }\n`;

const linesOf = ({ changes }: { changes: readonly Change[] }): string[] =>
  changes
    .filter(({ action }) => action !== 'none')
    .map(({ action, type, name, fields = [] }) => [action, type.split(':').at(-1), name, ...fields].join(' '))
    .sort();

describe.skipIf(missing !== undefined)('a deployment to an endpoint', () => {
  let emulator: Emulator | undefined;
  let target: Target;
  let clients: Clients;
  let folder: string;
  let installations: Installation[];

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
    folder = mkdtempSync(join(tmpdir(), 'tmc-apply-'));
    installations = [];
  });
  afterEach(async () => {
    for (const one of installations) {
      for (const stage of ['dev', 'staging']) await deployCommand(one, 'remove', ['--stage', stage]);
      forgetDeployment(one);
    }
    rmSync(folder, { recursive: true, force: true });
  });

  /** Of a name that no other has; removed after the test. */
  function installation(fleet = FLEET): Installation {
    const app = `apply${Math.random().toString(36).slice(2, 8)}`;
    const fleetPath = join(folder, `${app}.yaml`);
    writeFileSync(fleetPath, fleet);
    const one = { target, app, fleetPath };
    installations.push(one);
    return one;
  }
  const resourcesOf = async ({ app }: Installation): Promise<string[]> => named(await inventory(clients), app);
  const deploymentOf = ({ deployment }: DeployAnswer) => {
    if (!deployment) throw new Error('the command did not say what it deployed');
    return deployment;
  };

  it('sets what the topology says, and functions that answer', async () => {
    const { queues, table, functions } = deploymentOf(await deployOrFail(installation(), 'deploy'));
    const { Attributes } = await clients.queues.send(
      new GetQueueAttributesCommand({ QueueUrl: queues.sync.url, AttributeNames: ['All'] }),
    );
    expect(Attributes).toMatchObject({ VisibilityTimeout: '120', MaximumMessageSize: '1048576' });
    expect(JSON.parse(Attributes?.['RedrivePolicy'] ?? '{}')).toMatchObject({ maxReceiveCount: 5 });
    const ttl = await clients.table.send(new DescribeTimeToLiveCommand({ TableName: table }));
    expect(ttl.TimeToLiveDescription?.AttributeName).toBe('expires');
    const Payload = JSON.stringify({ queue: 'sync' });
    const answer = await clients.functions.send(
      new InvokeCommand({ FunctionName: functions['redrive'] ?? '', Payload }),
    );
    expect(answer.FunctionError, Buffer.from(answer.Payload ?? []).toString()).toBeUndefined();
  });

  it('makes again what was deleted by hand, puts back what was changed, and then has nothing to do', async () => {
    const one = installation();
    const { commandQueues, table, functions } = deploymentOf(await deployOrFail(one, 'deploy'));
    await clients.queues.send(new DeleteQueueCommand({ QueueUrl: commandQueues['west']?.url }));
    await clients.table.send(new DeleteTableCommand({ TableName: table }));
    const recover = await clients.functions.send(
      new ListEventSourceMappingsCommand({ FunctionName: functions['recover'] }),
    );
    const UUID = recover.EventSourceMappings?.[0]?.UUID;
    await clients.functions.send(new DeleteEventSourceMappingCommand({ UUID }));
    await clients.functions.send(
      new UpdateFunctionConfigurationCommand({
        FunctionName: functions['place'],
        Timeout: 3,
        Environment: { Variables: { TMC_HUB: 'elsewhere' } },
      }),
    );
    const changes = [
      'create EventSourceMapping RecoveryMapping',
      'create Queue Commands-westQueue',
      'create QueuePolicy Commands-westPolicy',
      'create Table StateTable',
      'update Function PlaceFunction timeout environment',
    ];
    expect(linesOf(await deployOrFail(one, 'deploy', ['--dry-run']))).toEqual(changes);
    expect(linesOf(await deployOrFail(one, 'deploy'))).toEqual(changes);
    expect(linesOf(await deployOrFail(one, 'deploy'))).toEqual([]);
  });

  it('follows the fleet, and leaves a second app beside it alone', async () => {
    const [first, second] = [installation(), installation(FLEET + EAST)];
    await Promise.all([deployOrFail(first, 'deploy'), deployOrFail(second, 'deploy')]);
    const before = await resourcesOf(first);
    writeFileSync(second.fleetPath, FLEET);
    const gone = linesOf(await deployOrFail(second, 'deploy')).filter((line) => line.startsWith('delete'));
    expect(gone).toEqual(
      expect.arrayContaining([
        'delete Queue Commands-eastDeadQueue',
        'delete Queue Commands-eastQueue',
        'delete Role Role-relay-east',
        'delete MetricAlarm Commands-east-ageAlarm',
      ]),
    );
    await deployOrFail(second, 'remove');
    expect(await resourcesOf(second)).toEqual([]);
    expect(await resourcesOf(first)).toEqual(before);
    expect(linesOf(await deployOrFail(first, 'deploy', ['--dry-run']))).toEqual([]);
  });

  it.each(['staging', 'production'])('plans stage %s where there is nothing yet, and makes nothing', async (stage) => {
    const one = installation();
    const plan = linesOf(await deployOrFail(one, 'deploy', ['--stage', stage, '--dry-run']));
    expect(plan).toEqual(expect.arrayContaining(['create Alias SweepLive', 'create Schedule SweepCronSchedule']));
    expect(plan.filter((line) => !line.startsWith('create'))).toEqual([]);
    expect(await resourcesOf(one)).toEqual([]);
  });

  it('publishes versions where the stage wants them, and moves the alias with them', async () => {
    const one = installation();
    const staging = ['--stage', 'staging'];
    const functionName = deploymentOf(await deployOrFail(one, 'deploy', staging)).functions['sync-down'];
    const versionOf = async () =>
      (await clients.functions.send(new GetAliasCommand({ FunctionName: functionName, Name: 'live' }))).FunctionVersion;
    expect(await versionOf()).toBe('1');
    writeFileSync(one.fleetPath, FLEET.replace('127.0.0.1:2', '127.0.0.1:4'));
    const plan = linesOf(await deployOrFail(one, 'deploy', [...staging, '--dry-run']));
    expect(plan).toEqual([
      'update Alias SyncDownLive version',
      'update Alias SyncUpLive version',
      'update Function SyncDownFunction environment',
      'update Function SyncUpFunction environment',
    ]);
    expect(linesOf(await deployOrFail(one, 'deploy', staging))).toEqual(plan);
    expect(await versionOf()).toBe('2');
    expect(linesOf(await deployOrFail(one, 'deploy', staging))).toEqual([]);
    await deployOrFail(one, 'remove', staging);
    expect(await resourcesOf(one)).toEqual([]);
  });

  it.each([
    ['queues', 3],
    ['mappings', 1],
  ])('that is killed when there are some %s is removed without leftovers', async (kind, count) => {
    const one = installation();
    await killedWhen(one, kind, count);
    expect((await resourcesOf(one)).length).toBeGreaterThan(count);
    await deployOrFail(one, 'remove');
    expect(await resourcesOf(one)).toEqual([]);
  });

  it('that is killed when there are some functions is continued', async () => {
    const one = installation();
    await killedWhen(one, 'functions', 2);
    const rest = await deployOrFail(one, 'deploy');
    expect(rest.changes.filter(({ action }) => action === 'none').length).toBeGreaterThan(2);
    expect(linesOf(await deployOrFail(one, 'deploy'))).toEqual([]);
    await deployOrFail(one, 'remove');
    expect(await resourcesOf(one)).toEqual([]);
  });

  it('refuses to go on from a record that somebody else took away', async () => {
    const one = installation();
    await deployOrFail(one, 'deploy');
    const bucket = (await inventory(clients))['buckets']?.find((name) => name.startsWith(one.app));
    const objects = await clients.buckets.send(new ListObjectsV2Command({ Bucket: bucket }));
    const record = objects.Contents?.find(({ Key }) => Key?.endsWith('.json'))?.Key;
    const kept = await clients.buckets.send(new GetObjectCommand({ Bucket: bucket, Key: record }));
    const text = (await kept.Body?.transformToString()) ?? '';
    await clients.buckets.send(new DeleteObjectCommand({ Bucket: bucket, Key: record }));
    const refused = await deployCommand(one, 'deploy');
    expect([refused.code, refused.output]).toEqual([
      1,
      expect.stringMatching(
        /exists already and was not made by this deployment\. Remove it, or choose another --app or --stage/,
      ),
    ]);
    expect(refused.output.trim().split('\n')).toHaveLength(1);
    await clients.buckets.send(new PutObjectCommand({ Bucket: bucket, Key: record, Body: text }));
    expect(linesOf(await deployOrFail(one, 'deploy', ['--dry-run']))).toEqual([]);
  });

  it('says that there is no deployment to remove, and leaves the file of the one of that name in another region', async () => {
    const one = installation();
    const file = join(ROOT, '.tmc', 'deployments', `${one.app}-dev.json`);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, JSON.stringify({ endpoint: target.endpoint, region: 'us-east-1' }));
    const answer = await deployOrFail(one, 'remove', ['--region', 'eu-west-1']);
    expect(answer.output).toContain(
      `there is no deployment ${one.app}-dev at ${target.endpoint} in eu-west-1: nothing was removed`,
    );
    expect(existsSync(file)).toBe(true);
    await deployOrFail(one, 'remove');
    expect(existsSync(file)).toBe(false);
  });

  it('that is removed while it runs says so, as does the removal, and nothing is left', async () => {
    const one = installation();
    const overtaken = /another run (wrote|removed) deployment\.json [^\n]* run the command again$/;
    const running = deployCommand(one, 'deploy');
    await until('the deployment to be under way', () => whyNotYet(one.app, 'queues', 2), 60_000);
    const removals: DeployAnswer[] = [];
    do removals.push(await deployCommand(one, 'remove'));
    while (removals.at(-1)?.code !== 0);
    for (const { code, output } of [await running, ...removals]) {
      if (code !== 0) expect(output.trim()).toMatch(overtaken);
    }
    await deployOrFail(one, 'remove');
    expect(await resourcesOf(one)).toEqual([]);
  });

  it('that fails leaves no listener and no fault in the process that called it', async () => {
    const one = installation('hub: none');
    const args = ['--disable-warning=ExperimentalWarning', 'test/aws/failing-deployment.ts', target.endpoint, one.app];
    // Throws when the process ends by a fault that nobody handled.
    const { stdout } = await promisify(execFile)(process.execPath, [...args, one.fleetPath, join(folder, 'code')], {
      cwd: ROOT,
    });
    expect(JSON.parse(stdout)).toEqual({ outcome: expect.stringContaining('is not a valid fleet'), left: 0 });
  });

  it('says in one line that nothing answers, and how to start something', async () => {
    const endpoint = `http://127.0.0.1:${await freePort()}`;
    const answer = await deployCommand({ ...installation(), target: { ...target, endpoint } }, 'deploy');
    expect(answer.code).toBe(1);
    expect(answer.output.trim().split('\n')).toEqual([
      expect.stringContaining(`nothing answers at ${endpoint}. Start MiniStack`),
    ]);
  });

  /** undefined: there are so many resources of a kind. */
  async function whyNotYet(app: string, kind: string, count: number): Promise<string | undefined> {
    const all = named(await inventory(clients), app);
    if (all.filter((line) => line.startsWith(kind)).length >= count) return undefined;
    return `there is ${all.join(', ') || 'nothing'}`;
  }

  /** Begins to deploy, and kills the process when there are so many resources of a kind. */
  async function killedWhen({ app, fleetPath }: Installation, kind: string, count: number): Promise<void> {
    const options = ['--endpoint', target.endpoint, '--app', app, '--fleet', fleetPath];
    const args = ['--disable-warning=ExperimentalWarning', 'scripts/deploy-endpoint.ts', 'deploy', ...options];
    const child = spawn(process.execPath, args, { cwd: ROOT, stdio: 'ignore' });
    const ended = new Promise((settle) => child.once('close', settle));
    try {
      await until(
        'the deployment to be under way',
        async () => {
          if (child.exitCode !== null)
            throw new Error(`the deployment ended with ${child.exitCode} before it could be killed`);
          return whyNotYet(app, kind, count);
        },
        60_000,
      );
    } finally {
      child.kill('SIGKILL');
      await ended;
    }
  }
});
