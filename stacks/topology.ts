import { QUEUES, type QueueName } from '@tmc/kernel/envelope.ts';
import { type AlarmSpec, alarmsOf } from './alarms.ts';
import { type DeployedMember, type FleetFile, fleetEnvironment, type Trust } from './fleet.ts';
import { credentialGrants, type Grant, grantsOf, hubRelayGrants, memberRelayGrants } from './permissions.ts';
import { checkPolicy } from './policy.ts';
import { STAGES, type StageData, type StageName } from './stages.ts';

/**
 * Everything that is deployed, as plain data: what AWS gets, what a local endpoint gets, and what the documentation says all
 * derive from here. `topology.test.ts` proves the relations between the numbers.
 */
export type Topology = {
  readonly stage: StageName;
  readonly data: StageData;
  readonly table: TableSpec;
  readonly queues: readonly QueueSpec[];
  readonly functions: readonly FunctionSpec[];
  readonly mappings: readonly MappingSpec[];
  readonly schedules: readonly ScheduleSpec[];
  readonly alarms: readonly AlarmSpec[];
  readonly roles: readonly RoleSpec[];
  /** Values too large for an environment, kept as secrets though they hold none: references, addresses and authorities. */
  readonly secrets: readonly { readonly name: string; readonly value: string }[];
  /** The hub relay as a service of this account; absent where the installation runs it elsewhere. */
  readonly relay?: RelaySpec;
};

/** One table for everything: string keys `pk` and `sk`, items that expire by `expires` (seconds since 1970). */
type TableSpec = {
  readonly name: string;
  readonly hashKey: 'pk';
  readonly rangeKey: 'sk';
  readonly ttl: 'expires';
  readonly pointInTimeRecovery: boolean;
  readonly deletionProtection: boolean;
};

/** A standard queue and its dead letters; `commands-<member>` queues belong to one member each. */
export type QueueSpec = {
  readonly name: string;
  readonly visibilityS: number;
  readonly retentionS: number;
  readonly deadRetentionS: number;
  /** Said explicitly: the default depends on how a queue is made. */
  readonly maximumMessageBytes: number;
  readonly maxReceiveCount: number;
  /** Who receives from it: a function, or the relay of a member. */
  readonly consumer: { readonly function: string } | { readonly relay: string };
};

/** Where the value of an environment variable comes from. */
export type EnvironmentValue =
  | { readonly text: string }
  | { readonly from: 'table' }
  /** JSON: `{ "<queue>": { "url", "deadLetterUrl" } }` of all queues that functions consume. */
  | { readonly from: 'queues' };

export type FunctionSpec = {
  readonly name: string;
  readonly description: string;
  /** File and export, from the root of the repository. */
  readonly handler: string;
  readonly memoryMb: number;
  readonly timeoutS: number;
  readonly environment: Readonly<Record<string, EnvironmentValue>>;
  readonly grants: readonly Grant[];
  /** Allow where the function sends to the queue that feeds it: Lambda otherwise cuts such a loop after some 16 turns. */
  readonly recursion: 'Allow' | 'Terminate';
  /** Signed requests only. */
  readonly url?: { readonly authorization: 'AWS_IAM' };
};

type MappingSpec = {
  readonly queue: QueueName;
  readonly function: string;
  readonly batchSize: number;
  readonly windowS: number;
  /** 2–1,000. */
  readonly maximumConcurrency: number;
  readonly reportBatchItemFailures: true;
};

export type ScheduleSpec = { readonly name: string; readonly rate: string; readonly function: string };

/** A role for who runs outside of Lambda: the hub relay, or the relay of one member. */
export type RoleSpec = {
  readonly name: string;
  readonly trust: Trust | { readonly kind: 'ecs-task' };
  readonly grants: readonly Grant[];
};

export type RelaySpec = {
  readonly image: string;
  readonly replicas: number;
  readonly cpu: '0.25 vCPU';
  readonly memory: '0.5 GB';
  /** ARN of the secret that holds the relay's configuration with its kubeconfig. */
  readonly configSecret: string;
};

const TIMEOUT_S = 20;
/** Batches come at once: a window is a floor under the latency. */
const WINDOW_S = 0;
/** Six times the function's timeout and the window: AWS asks for it, so that a throttled batch does not come twice. */
const VISIBILITY_S = 6 * TIMEOUT_S + WINDOW_S;
const COMMANDS_VISIBILITY_S = 60;
const DAY_S = 24 * 3600;
const RECEIVES = 5;
const MEMORY_MB = 512;

const CONSUMERS = {
  placement: { function: 'place', what: 'Decides where workloads run' },
  sync: { function: 'sync-down', what: 'Carries workloads to member clusters' },
  status: { function: 'sync-up', what: 'Brings status back and has drift repaired' },
  recovery: { function: 'recover', what: 'Judges the health of targets' },
} as const satisfies Record<QueueName, { function: string; what: string }>;

const SCHEDULES: readonly ScheduleSpec[] = [{ name: 'sweep', rate: 'rate(1 minute)', function: 'sweep' }];

/** What a stage deploys for a fleet; `app` is in the names of secrets. @throws Error naming the stage that does not exist, or what does not fit the limits of AWS. */
export function topology(stage: string, fleet: FleetFile, app = 'tmc'): Topology {
  const data = STAGES[stage as StageName];
  if (!data) throw new Error(`there is no stage "${stage}": the stages are ${Object.keys(STAGES).join(', ')}`);
  const environment = fleetEnvironment(fleet, `${app}/${stage}`);
  const functions = functionsOf(data, fleet, environment);
  const service = fleet.hub.relay?.service;
  const queues = [...QUEUES.map((name) => consumed(name, data)), ...fleet.members.map((m) => commandQueue(m, data))];
  const roles = rolesOf(fleet);
  for (const { name, grants } of [...functions, ...roles]) checkPolicy(name, grants, `${app}-${stage}`);
  return {
    stage: stage as StageName,
    data,
    table: {
      name: 'State',
      hashKey: 'pk',
      rangeKey: 'sk',
      ttl: 'expires',
      pointInTimeRecovery: data.pointInTimeRecovery,
      deletionProtection: data.removal === 'retain',
    },
    queues,
    functions,
    mappings: QUEUES.map((queue) => ({
      queue,
      function: CONSUMERS[queue].function,
      batchSize: 10,
      windowS: WINDOW_S,
      maximumConcurrency: data.concurrency[queue],
      reportBatchItemFailures: true,
    })),
    schedules: SCHEDULES,
    alarms: alarmsOf(queues, functions, SCHEDULES, data),
    roles,
    secrets: environment.secrets,
    ...(service && { relay: { ...service, replicas: data.relayReplicas, cpu: '0.25 vCPU', memory: '0.5 GB' } }),
  };
}

function rolesOf(fleet: FleetFile): RoleSpec[] {
  const { relay } = fleet.hub;
  const trust = relay?.service ? ({ kind: 'ecs-task' } as const) : trustOf(relay);
  const ofMembers = fleet.members.map((member) => ({
    name: `relay-${member.name}`,
    trust: trustOf(member.relay),
    grants: memberRelayGrants(member),
  }));
  return [{ name: 'hub-relay', trust, grants: hubRelayGrants(fleet) }, ...ofMembers];
}

/** Functions that read and write the hub, and those that reach members too. */
const REACHES: Readonly<Record<string, 'hub' | 'members'>> = {
  place: 'hub',
  'sync-down': 'members',
  'sync-up': 'members',
  recover: 'hub',
  sweep: 'hub',
};

function functionsOf(data: StageData, fleet: FleetFile, fleetOf: ReturnType<typeof fleetEnvironment>): FunctionSpec[] {
  const log = { POWERTOOLS_LOG_LEVEL: { text: data.logLevel } } as const;
  const table = { TMC_TABLE: { from: 'table' } } as const;
  const queues = { TMC_QUEUES: { from: 'queues' } } as const;
  const make = (name: string, description: string, environment: FunctionSpec['environment']): FunctionSpec => ({
    name,
    description,
    handler: `functions/${name}.handler`,
    memoryMb: MEMORY_MB,
    timeoutS: TIMEOUT_S,
    environment: { ...fleetVariables(name, fleetOf), ...environment, ...log },
    grants: [...grantsOf(name), ...fleetGrants(name, fleet, fleetOf)],
    recursion: feedsItself(name) ? 'Allow' : 'Terminate',
  });
  return [
    ...QUEUES.map((queue) =>
      make(CONSUMERS[queue].function, `${CONSUMERS[queue].what}; consumes ${queue}`, { ...table, ...queues }),
    ),
    make('sweep', 'Looks through all targets each minute, whether or not a relay ticks', table),
    make('redrive', 'Lists dead letters and sends them again', queues),
    {
      ...make('api', 'Answers what the fleet looks like, read only', { ...table, ...queues }),
      url: { authorization: 'AWS_IAM' },
    },
  ];
}

function fleetVariables(name: string, { variables }: ReturnType<typeof fleetEnvironment>): FunctionSpec['environment'] {
  const reach = REACHES[name];
  if (reach === undefined) return {};
  return reach === 'members' ? variables : { TMC_HUB: variables.TMC_HUB };
}

function fleetGrants(
  name: string,
  { hub, members }: FleetFile,
  { secrets }: ReturnType<typeof fleetEnvironment>,
): Grant[] {
  const reach = REACHES[name];
  if (reach === undefined) return [];
  if (reach === 'hub') return credentialGrants([hub.connection]);
  const lists = secrets.map(({ name: secret }) => ({ secret }));
  return credentialGrants([hub.connection, ...members.map(({ connection }) => connection), ...lists]);
}

/** True where a function sends to the queue it consumes: a sweep of a namespace sends one message for each object to the same queue. */
function feedsItself(name: string): boolean {
  const queue = QUEUES.find((one) => CONSUMERS[one].function === name);
  return grantsOf(name).some(
    (grant) => grant.on === 'queue' && grant.queue === queue && grant.actions.includes('sqs:SendMessage'),
  );
}

function consumed(name: QueueName, data: StageData): QueueSpec {
  return { ...queueSpec(name, data), visibilityS: VISIBILITY_S, consumer: { function: CONSUMERS[name].function } };
}

function commandQueue({ name }: DeployedMember, data: StageData): QueueSpec {
  return { ...queueSpec(`commands-${name}`, data), visibilityS: COMMANDS_VISIBILITY_S, consumer: { relay: name } };
}

function queueSpec(name: string, { queueRetentionDays }: StageData): Omit<QueueSpec, 'visibilityS' | 'consumer'> {
  return {
    name,
    retentionS: queueRetentionDays * DAY_S,
    // The longest SQS keeps a message, counted from when it was first sent: what is left of it is for a person to look.
    deadRetentionS: 14 * DAY_S,
    maximumMessageBytes: 1024 * 1024,
    maxReceiveCount: RECEIVES,
  };
}

function trustOf(relay: { readonly trust?: Trust | undefined } | undefined): Trust {
  return relay?.trust ?? { kind: 'pod-identity' };
}
