import type { RelaySpec, Topology } from '../topology.ts';
import { deployedName } from './names.ts';
import { arn, assumedBy, type Granted, policyOf, type Statement } from './statements.ts';

/** Queues that the hub relay sends to, in the words of its command line. */
const QUEUES = ['placement', 'sync', 'recovery'] as const;
const ECR = /^(?<account>\d{12})\.dkr\.ecr\.(?<region>[a-z0-9-]+)\.amazonaws\.com\/(?<repository>[^:@]+)/;

/** The hub relay as a service on Fargate, where the fleet asks for one: in a network of its own, open to nobody, with one role. */
export function createRelay(
  { relay, data }: Topology,
  granted: Granted,
  roles: ReadonlyMap<string, aws.iam.Role>,
): void {
  const role = roles.get('hub-relay');
  if (!relay || !role) return;
  const logs = `/${$app.name}/${$app.stage}/hub-relay`;
  const vpc = new sst.aws.Vpc('RelayNetwork', { az: 2, transform: { securityGroup: { ingress: [] } } });
  const cluster = new sst.aws.Cluster('RelayCluster', { vpc });
  new sst.aws.Service('HubRelay', {
    cluster,
    image: relay.image,
    entrypoint: ['node', '--max-semi-space-size=2', '--max-old-space-size=192', '/relay.mjs'],
    command: ['--config', 'env:TMC_RELAY_CONFIG', ...addresses(granted)],
    ssm: { TMC_RELAY_CONFIG: relay.configSecret },
    architecture: 'arm64',
    cpu: relay.cpu,
    memory: relay.memory,
    scaling: { min: relay.replicas, max: relay.replicas },
    logging: { name: logs, retention: data.logRetention },
    taskRole: role.name,
    dev: false,
    transform: {
      // SST's own role may read all secrets of the account.
      executionRole: {
        name: deployedName('hub-relay-start'),
        assumeRolePolicy: assumedBy('ecs-tasks.amazonaws.com'),
        managedPolicyArns: [],
        inlinePolicies: [{ name: 'inline', policy: policyOf(startStatements(relay, logs)) }],
      },
      // A shell in the container would need permissions that the relay does not.
      service: { enableExecuteCommand: false },
      taskDefinition: (args) => {
        args.containerDefinitions = $util.output(args.containerDefinitions).apply(hardened);
        return undefined;
      },
    },
  });
}

function addresses({ table, queues }: Granted): $util.Input<string>[] {
  const urls = QUEUES.flatMap((name) => {
    const queue = queues.get(name);
    return queue ? ['--queue-url', $interpolate`${name}=${queue.live.url}`] : [];
  });
  return [...urls, '--table', table.name, '--region', aws.getRegionOutput().region];
}

/** What ECS needs to start the relay: its image, its configuration, its log. */
function startStatements({ image, configSecret }: RelaySpec, logs: string): Statement[] {
  const { account, region, repository } = ECR.exec(image)?.groups ?? {};
  return [
    { actions: ['secretsmanager:GetSecretValue'], resources: [configSecret] },
    { actions: ['logs:CreateLogStream', 'logs:PutLogEvents'], resources: [arn('logs', `log-group:${logs}:*`)] },
    ...(repository === undefined
      ? []
      : [
          // A token is for the registry as a whole: this action knows no resource.
          { actions: ['ecr:GetAuthorizationToken'], resources: ['*'] },
          {
            actions: ['ecr:BatchGetImage', 'ecr:GetDownloadUrlForLayer'],
            resources: [
              $interpolate`arn:${aws.getPartitionOutput().partition}:ecr:${region}:${account}:repository/${repository}`,
            ],
          },
        ]),
  ];
}

/** It listens for nobody outside, writes no file, and is not root. */
function hardened(definitions: string): string {
  const containers = JSON.parse(definitions) as Record<string, unknown>[];
  return JSON.stringify(
    containers.map((container) => ({
      ...container,
      portMappings: [],
      pseudoTerminal: false,
      readonlyRootFilesystem: true,
      user: '65532:65532',
    })),
  );
}
