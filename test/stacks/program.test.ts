import { beforeAll, describe, expect, it } from 'vitest';
import { ensureSstPlatform } from '../../scripts/sst-platform.ts';
import { readFleet } from '../../stacks/fleet.ts';
import { policyCharacters } from '../../stacks/policy.ts';
import { STAGES, type StageName } from '../../stacks/stages.ts';
import { type Topology, topology } from '../../stacks/topology.ts';
import { fleetFile, ofType, type Recorded, type Resource, record } from './recorded.ts';

const stages = Object.keys(STAGES) as StageName[];
const fleet = fleetFile('plain');
const programs = new Map<StageName, Recorded>();
/** The same stage once more, evaluated beside the first. */
let again: Recorded;

beforeAll(async () => {
  await ensureSstPlatform(() => undefined);
  const evaluations = stages.map(async (stage) => programs.set(stage, await record(stage, fleet)));
  [again] = await Promise.all([record('dev', fleet), ...evaluations]);
});

const programOf = (stage: StageName): Recorded => programs.get(stage)!;

/** The one of a type whose logical name is given. */
function named(program: Recorded, type: string, name: string): Resource['inputs'] {
  const found = ofType(program, type).filter((resource) => resource.name === name);
  expect(found, `${type} ${name}`).toHaveLength(1);
  return found[0]!.inputs;
}

const logical = (name: string) =>
  name.replace(/(^|-)([a-z])/g, (_all, _hyphen, letter: string) => letter.toUpperCase());
const queueName = (name: string) => (name.startsWith('commands-') ? `Commands-${name.slice(9)}` : logical(name));
/** Silence is the absence of data too. */
const SILENCE = { comparisonOperator: 'LessThanThreshold', threshold: 1, treatMissingData: 'breaching' };
const TOO_MUCH = { comparisonOperator: 'GreaterThanThreshold', treatMissingData: 'notBreaching' };
const arn = (service: string, rest: string) => `arn:aws:${service}:eu-central-1:123456789012:${rest}`;

describe.each(stages)('the program on %s', (stage) => {
  let spec: Topology;
  let program: Recorded;
  beforeAll(() => {
    spec = topology(stage, readFleet(fleet));
    program = programOf(stage);
  });

  it('asks for what the topology has, and for nothing else', () => {
    const counts: Record<string, number> = {};
    for (const { type } of program.resources) counts[type] = (counts[type] ?? 0) + 1;
    const { functions, queues, mappings, alarms, roles, schedules, data } = spec;
    expect(counts).toEqual({
      'aws:dynamodb/table:Table': 1,
      'aws:sqs/queue:Queue': 2 * queues.length,
      'aws:sqs/queuePolicy:QueuePolicy': 2 * queues.length,
      'aws:lambda/function:Function': functions.length,
      'aws:s3/bucketObjectv2:BucketObjectv2': functions.length,
      'aws:cloudwatch/logGroup:LogGroup': functions.length,
      'aws:lambda/functionRecursionConfig:FunctionRecursionConfig': functions.length,
      'aws:lambda/eventSourceMapping:EventSourceMapping': mappings.length,
      'aws:lambda/functionUrl:FunctionUrl': 1,
      'aws:scheduler/schedule:Schedule': schedules.length,
      'aws:iam/role:Role': functions.length + schedules.length + roles.length,
      'aws:cloudwatch/metricAlarm:MetricAlarm': alarms.length,
      ...(data.versions && { 'aws:lambda/alias:Alias': functions.length }),
      ...(data.alarms.notify && { 'aws:sns/topic:Topic': 1 }),
    });
  });

  it('names everything after app and stage, each name once, as AWS takes them', () => {
    const byType = new Map<string, string[]>();
    for (const { type, name, inputs } of program.resources) {
      const physical = inputs['name'] as string | undefined;
      if (physical === undefined || type === 'aws:lambda/alias:Alias') continue;
      expect(physical, name).toMatch(new RegExp(`^(/aws/lambda/)?tmc-${stage}-[A-Za-z0-9-]+$`));
      expect(physical.replace('/aws/lambda/', '').length, name).toBeLessThanOrEqual(64);
      byType.set(type, [...(byType.get(type) ?? []), physical]);
    }
    for (const [type, names] of byType) expect(new Set(names).size, type).toBe(names.length);
    expect(byType.size).toBeGreaterThanOrEqual(7);
  });

  it('gives each queue its dead letters, and says what would else be a default', () => {
    for (const queue of spec.queues) {
      const name = queueName(queue.name);
      const live = named(program, 'sqs/queue:Queue', `${name}Queue`);
      const dead = named(program, 'sqs/queue:Queue', `${name}DeadQueue`);
      const both = { fifoQueue: false, maxMessageSize: 1024 * 1024, sqsManagedSseEnabled: true };
      expect(live).toMatchObject({
        ...both,
        visibilityTimeoutSeconds: queue.visibilityS,
        messageRetentionSeconds: spec.data.queueRetentionDays * 86_400,
      });
      expect(JSON.parse(live['redrivePolicy'])).toEqual({
        deadLetterTargetArn: arn('sqs', dead['name']),
        maxReceiveCount: 5,
      });
      expect(dead).toMatchObject({ ...both, messageRetentionSeconds: 14 * 86_400 });
      expect(dead).not.toHaveProperty('redrivePolicy');
    }
  });

  it('keeps one table, with expiry', () => {
    expect(named(program, 'dynamodb/table:Table', 'StateTable')).toMatchObject({
      billingMode: 'PAY_PER_REQUEST',
      hashKey: 'pk',
      rangeKey: 'sk',
      attributes: [
        { name: 'pk', type: 'S' },
        { name: 'sk', type: 'S' },
      ],
      ttl: { attributeName: 'expires', enabled: true },
      pointInTimeRecovery: { enabled: spec.data.pointInTimeRecovery },
      deletionProtectionEnabled: spec.data.removal === 'retain',
    });
  });

  it('runs each function on Node 24, with its own role, log and variables', () => {
    for (const { name, timeoutS, memoryMb, environment, recursion } of spec.functions) {
      const made = named(program, 'lambda/function:Function', `${logical(name)}Function`);
      expect(made, name).toMatchObject({
        runtime: 'nodejs24.x',
        architectures: ['arm64'],
        packageType: 'Zip',
        handler: `${name}.handler`,
        timeout: timeoutS,
        memorySize: memoryMb,
        publish: spec.data.versions,
        loggingConfig: { logFormat: 'Text', logGroup: `/aws/lambda/tmc-${stage}-${name}` },
        role: expect.stringContaining(`:role/tmc-${stage}-${logical(name)}Role-`),
        s3Key: expect.stringMatching(new RegExp(`^assets/${logical(name)}-code-[0-9a-f]{64}\\.zip$`)),
      });
      expect(Object.keys(made['environment'].variables).sort(), name).toEqual(Object.keys(environment).sort());
      expect(
        named(program, 'lambda/functionRecursionConfig:FunctionRecursionConfig', `${logical(name)}Recursion`),
      ).toEqual({
        functionName: made['name'],
        recursiveLoop: recursion,
      });
    }
  });

  it('writes policies as long as is counted before, or shorter', () => {
    const policies = [
      ...spec.functions.map(({ name, grants }) => ({ grants, role: `${logical(name)}Role` })),
      ...spec.roles.map(({ name, grants }) => ({ grants, role: `Role-${name}` })),
    ];
    for (const { grants, role } of policies) {
      const [{ policy }] = named(program, 'iam/role:Role', role)['inlinePolicies'] as [{ policy: string }];
      const counted = policyCharacters(grants, `tmc-${stage}`);
      expect(policy.length, role).toBeLessThanOrEqual(counted);
      expect(policy.length, role).toBeGreaterThan(0.6 * counted);
    }
  });

  it('tells functions their table and queues by their addresses', () => {
    const { variables } = named(program, 'lambda/function:Function', 'PlaceFunction')['environment'];
    expect(variables.TMC_TABLE).toBe(program.deployment.table);
    expect(JSON.parse(variables.TMC_QUEUES)).toEqual(program.deployment.queues);
  });

  it('maps queues to functions with an answer for each record', () => {
    for (const { queue, function: name, batchSize, windowS, maximumConcurrency } of spec.mappings) {
      expect(named(program, 'lambda/eventSourceMapping:EventSourceMapping', `${logical(queue)}Mapping`)).toEqual({
        eventSourceArn: arn('sqs', named(program, 'sqs/queue:Queue', `${logical(queue)}Queue`)['name']),
        functionName: target(name),
        batchSize,
        maximumBatchingWindowInSeconds: windowS,
        functionResponseTypes: ['ReportBatchItemFailures'],
        scalingConfig: { maximumConcurrency },
      });
    }
  });

  it('sweeps each minute, and answers signed requests', () => {
    expect(named(program, 'scheduler/schedule:Schedule', 'SweepCronSchedule')).toMatchObject({
      scheduleExpression: 'rate(1 minute)',
      state: 'ENABLED',
      target: { arn: target('sweep'), roleArn: expect.stringContaining(`:role/tmc-${stage}-SweepCronRole-`) },
    });
    expect(named(program, 'lambda/functionUrl:FunctionUrl', 'ApiUrl')).toEqual({
      functionName: program.deployment.functions['api'],
      authorizationType: 'AWS_IAM',
      ...(spec.data.versions && { qualifier: 'live' }),
    });
  });

  it('raises alarms on queues and functions that are there, to whom the stage says', () => {
    const queues = new Set(ofType(program, 'sqs/queue:Queue').map(({ inputs }) => inputs['name']));
    const functions = new Set(Object.values(program.deployment.functions));
    const topics = ofType(program, 'sns/topic:Topic').map(({ inputs }) => arn('sns', inputs['name']));
    expect(topics).toHaveLength(spec.data.alarms.notify ? 1 : 0);
    const watched = ofType(program, 'cloudwatch/metricAlarm:MetricAlarm').map(({ name, inputs }) => {
      const { QueueName: queue, FunctionName: run } = inputs['dimensions'];
      expect(queue === undefined ? functions.has(run) : queues.has(queue), name).toBe(true);
      expect(inputs, name).toMatchObject(name.endsWith('SilentAlarm') ? SILENCE : TOO_MUCH);
      expect(inputs, name).toMatchObject({
        namespace: queue === undefined ? 'AWS/Lambda' : 'AWS/SQS',
        alarmActions: topics,
      });
      return `${inputs['metricName']} ${queue ?? run}`;
    });
    expect(new Set(watched).size).toBe(spec.alarms.length);
  });

  it('tells relays, command line and tests where everything is', () => {
    const { deployment } = program;
    expect(deployment).toMatchObject({ stage, region: 'eu-central-1', apiUrl: 'https://abc.lambda-url.example.com/' });
    expect(Object.keys(deployment.queues)).toEqual(['placement', 'sync', 'status', 'recovery']);
    expect(Object.keys(deployment.commandQueues)).toEqual(['west']);
    expect(Object.keys(deployment.roles)).toEqual(['hub-relay', 'relay-west']);
    expect(Object.keys(deployment.functions).sort()).toEqual(spec.functions.map(({ name }) => name).sort());
    const urls = [...Object.values(deployment.queues), ...Object.values(deployment.commandQueues)];
    const known = ofType(program, 'sqs/queue:Queue').map(
      ({ inputs }) => `https://sqs.eu-central-1.amazonaws.com/123456789012/${inputs['name']}`,
    );
    expect(urls.flatMap(({ url, deadLetterUrl }) => [url, deadLetterUrl]).sort()).toEqual(known.sort());
  });

  /** What is called: the alias where the stage publishes versions. */
  function target(name: string): string {
    return arn('lambda', `function:${program.deployment.functions[name]}${spec.data.versions ? ':live' : ''}`);
  }
});

describe('the program', () => {
  it('differs between stages in data only', () => {
    expect(differences('staging', 'production')).toEqual([
      'aws:cloudwatch/logGroup:LogGroup retentionInDays',
      'aws:cloudwatch/metricAlarm:MetricAlarm alarmDescription',
      'aws:cloudwatch/metricAlarm:MetricAlarm evaluationPeriods',
      'aws:cloudwatch/metricAlarm:MetricAlarm threshold',
      'aws:dynamodb/table:Table deletionProtectionEnabled',
      'aws:lambda/eventSourceMapping:EventSourceMapping scalingConfig',
    ]);
  });

  it('has neither versions nor a topic on dev, and what follows from that', () => {
    expect(differences('dev', 'staging')).toEqual([
      'aws:cloudwatch/logGroup:LogGroup retentionInDays',
      'aws:cloudwatch/metricAlarm:MetricAlarm alarmActions',
      'aws:cloudwatch/metricAlarm:MetricAlarm alarmDescription',
      'aws:cloudwatch/metricAlarm:MetricAlarm evaluationPeriods',
      'aws:cloudwatch/metricAlarm:MetricAlarm okActions',
      'aws:cloudwatch/metricAlarm:MetricAlarm threshold',
      'aws:dynamodb/table:Table pointInTimeRecovery',
      'aws:iam/role:Role inlinePolicies',
      'aws:lambda/alias:Alias',
      'aws:lambda/eventSourceMapping:EventSourceMapping functionName',
      'aws:lambda/eventSourceMapping:EventSourceMapping scalingConfig',
      'aws:lambda/function:Function environment',
      'aws:lambda/function:Function publish',
      'aws:lambda/functionUrl:FunctionUrl qualifier',
      'aws:scheduler/schedule:Schedule target',
      'aws:sns/topic:Topic',
      'aws:sqs/queue:Queue messageRetentionSeconds',
    ]);
  });

  it('asks for the same each time, down to the code', () => {
    expect(again).toEqual(programOf('dev'));
  });

  it('runs the hub relay as a service where the fleet asks for it, with nothing open and nothing writable', async () => {
    const program = await record('production', fleetFile('service'));
    const { containerDefinitions, ...task } = named(program, 'ecs/taskDefinition:TaskDefinition', 'HubRelayTask');
    expect(task).toMatchObject({ cpu: '256', memory: '512', taskRoleArn: program.deployment.roles['hub-relay'] });
    const [container, ...others] = JSON.parse(containerDefinitions as string) as Record<string, unknown>[];
    expect(others).toEqual([]);
    expect(container).toMatchObject({
      image: '123456789012.dkr.ecr.eu-central-1.amazonaws.com/tmc-relay:1.0.0',
      entrypoint: ['node', '--max-semi-space-size=2', '--max-old-space-size=192', '/relay.mjs'],
      command: [
        ...['--config', 'env:TMC_RELAY_CONFIG'],
        ...(['placement', 'sync', 'recovery'] as const).flatMap((name) => [
          '--queue-url',
          `${name}=${program.deployment.queues[name].url}`,
        ]),
        ...['--table', program.deployment.table, '--region', 'eu-central-1'],
      ],
      secrets: [
        {
          name: 'TMC_RELAY_CONFIG',
          valueFrom: 'arn:aws:secretsmanager:eu-central-1:123456789012:secret:tmc/hub-relay-AbCdEf',
        },
      ],
      readonlyRootFilesystem: true,
      user: '65532:65532',
      portMappings: [],
    });
    expect(named(program, 'ecs/service:Service', 'HubRelayService')).toMatchObject({
      desiredCount: 2,
      launchType: 'FARGATE',
      enableExecuteCommand: false,
      loadBalancers: [],
    });
    expect(
      ofType(program, 'ec2/defaultSecurityGroup:DefaultSecurityGroup').map(({ inputs }) => inputs['ingress']),
    ).toEqual([[]]);
    expect(ofType(program, 'ec2/natGateway:NatGateway')).toEqual([]);
  });

  it('says which resource could not be made, and what is wrong with a fleet', async () => {
    await expect(record('dev', fleet, 'SyncDownFunction')).rejects.toThrow('SyncDownFunction cannot be made');
    await expect(record('dev', fleetFile('none'))).rejects.toThrow(
      /cannot read the fleet file .*fleet-none\.yaml: .*; write one after/,
    );
  });
});

/** Inputs that differ between two stages by type and field, apart from the stage's name; types that only one of them has. */
function differences(one: StageName, other: StageName): string[] {
  const [left, right] = [one, other].map(
    (stage) => new Map(neutral(programOf(stage), stage).map((r) => [`${r.type} ${r.name}`, r])),
  );
  const found = new Set<string>();
  for (const key of new Set([...left!.keys(), ...right!.keys()])) {
    const [a, b] = [left!.get(key), right!.get(key)];
    if (!a || !b) {
      found.add((a ?? b)!.type);
      continue;
    }
    for (const field of new Set([...Object.keys(a.inputs), ...Object.keys(b.inputs)])) {
      if (JSON.stringify(a.inputs[field]) !== JSON.stringify(b.inputs[field])) found.add(`${a.type} ${field}`);
    }
  }
  return [...found].sort();
}

/** Without what the stage's name is part of: names end in a hash of it, and paths are of the run. */
function neutral({ resources }: Recorded, stage: string): Resource[] {
  const text = JSON.stringify(resources.filter(({ type }) => type !== 'aws:s3/bucketObjectv2:BucketObjectv2'));
  const plain = text
    .replaceAll(new RegExp(`(tmc-${stage}-[A-Za-z0-9]+)-[a-z]{8}(?![a-z])`, 'g'), '$1')
    .replaceAll(`tmc-${stage}-`, 'tmc-STAGE-');
  return JSON.parse(plain) as Resource[];
}
