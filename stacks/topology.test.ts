import { FUNCTION_NAMES, readEnvironment, variablesOf } from '@tmc/adapters/lambda/environment.ts';
import { MAX_RECEIVES } from '@tmc/adapters/queue/queue.ts';
import { leaseKey } from '@tmc/adapters/table/keys.ts';
import { QUEUES } from '@tmc/kernel/envelope.ts';
import { describe, expect, it } from 'vitest';
import { matchesText } from '../test/aws/policy/match.ts';
import { parseFleet } from './fleet.ts';
import type { Grant } from './permissions.ts';
import { policyCharacters } from './policy.ts';
import { STAGES, type StageName } from './stages.ts';
import { type EnvironmentValue, type FunctionSpec, type QueueSpec, type Topology, topology } from './topology.ts';

const members = (count: number, rest = '') =>
  Array.from(
    { length: count },
    (_, at) => `
  - name: member-${at}
    syncTarget: { workspace: root:locations, name: member-${at} }
    connection: { url: "https://member-${at}.example.com:6443", secret: tmc/member-${at}${rest} }`,
  ).join('');

const fleet = (membersText: string, hubRest = '') =>
  parseFleet(
    `
hub:
  kind: kcp
  export: { workspace: root:tmc, name: tmc.kcp.io }
  connection: { url: "https://kcp.example.com:6443", parameter: /tmc/hub${hubRest} }
members: ${membersText || '[]'}
`,
    'fleet.yaml',
  );

const stages = Object.keys(STAGES) as StageName[];
const each = stages.map((stage) => [stage, topology(stage, fleet(members(3)))] as const);

const consumerOf = ({ functions }: Topology, { consumer }: QueueSpec): FunctionSpec | undefined =>
  'function' in consumer ? functions.find(({ name }) => name === consumer.function) : undefined;

const mayUse = (grants: readonly Grant[], queue: string, action: string) =>
  grants.some((grant) => grant.on === 'queue' && grant.queue === queue && grant.actions.some((one) => one === action));

describe.each(each)('the topology of %s', (_stage, spec) => {
  it('hides a message for six times as long as its function may run, and the window', () => {
    const checked = spec.mappings.map((mapping) => {
      const queue = spec.queues.find(({ name }) => name === mapping.queue)!;
      const { timeoutS } = spec.functions.find(({ name }) => name === mapping.function)!;
      expect(queue.visibilityS, mapping.queue).toBeGreaterThanOrEqual(6 * timeoutS + mapping.windowS);
      return mapping.queue;
    });
    expect(checked.sort()).toEqual([...QUEUES].sort());
  });

  // One that did would need a test of its own here: longer than the function runs, shorter than its message stays hidden.
  it('has no function that takes a lease', () => {
    const { pk } = leaseKey('any');
    const patterns = spec.functions.flatMap(({ grants }) =>
      grants.flatMap((one) => ('partitions' in one ? one.partitions : [])),
    );
    expect(patterns.length).toBeGreaterThan(5);
    expect(patterns.filter((pattern) => matchesText(pattern, pk))).toEqual([]);
    const relays = spec.roles.flatMap(({ grants }) =>
      grants.flatMap((one) => ('partitions' in one ? one.partitions : [])),
    );
    expect(relays.filter((pattern) => pattern.startsWith(pk.slice(0, 2))).length).toBe(spec.roles.length);
  });

  it('gives a message as many receives as the code counts on, at least five', () => {
    expect(MAX_RECEIVES).toBeGreaterThanOrEqual(5);
    expect(spec.queues.map(({ name, maxReceiveCount }) => [name, maxReceiveCount])).toEqual(
      spec.queues.map(({ name }) => [name, MAX_RECEIVES]),
    );
  });

  it('has one consumer for each queue, who may receive and delete', () => {
    for (const queue of spec.queues) {
      const consumer = consumerOf(spec, queue) ?? spec.roles.find(({ name }) => name === `relay-${relayOf(queue)}`);
      for (const action of ['sqs:ReceiveMessage', 'sqs:DeleteMessage', 'sqs:ChangeMessageVisibility']) {
        expect(mayUse(consumer?.grants ?? [], queue.name, action), `${queue.name}: ${action}`).toBe(true);
      }
      const mapped = spec.mappings.filter((mapping) => mapping.queue === queue.name).map((one) => one.function);
      expect(mapped, queue.name).toEqual('function' in queue.consumer ? [queue.consumer.function] : []);
    }
  });

  it('has an alarm on the dead letters and on the message age of each queue, on errors and throttles of each function', () => {
    const on = (letters: 'live' | 'dead', metric: string) =>
      spec.alarms.flatMap(({ metric: of }) =>
        'queue' in of && of.letters === letters && of.name === metric ? of.queue : [],
      );
    const names = spec.queues.map(({ name }) => name);
    expect(on('dead', 'ApproximateNumberOfMessagesVisible')).toEqual(names);
    expect(on('live', 'ApproximateAgeOfOldestMessage')).toEqual(names);
    for (const metric of ['Errors', 'Throttles']) {
      const watched = spec.alarms.flatMap(({ metric: of }) =>
        'function' in of && of.name === metric ? of.function : [],
      );
      expect(watched, metric).toEqual(spec.functions.map(({ name }) => name));
    }
    expect(new Set(spec.alarms.map(({ name }) => name)).size).toBe(spec.alarms.length);
  });

  it('has an alarm on the silence of what comes by itself: signs of life, and each schedule', () => {
    const silent = spec.alarms.filter(({ raised }) => raised === 'below');
    expect(silent.map(({ metric, statistic, threshold }) => ({ ...metric, statistic, threshold }))).toEqual([
      { queue: 'recovery', letters: 'live', name: 'NumberOfMessagesSent', statistic: 'Sum', threshold: 1 },
      ...spec.schedules.map((one) => ({ function: one.function, name: 'Invocations', statistic: 'Sum', threshold: 1 })),
    ]);
    // Of what comes each minute, several are missing.
    for (const { periodS, evaluations } of silent) expect(periodS * evaluations).toBeGreaterThanOrEqual(300);
  });

  it('says how large a message may be, as large as the code sends', () => {
    expect(new Set(spec.queues.map(({ maximumMessageBytes }) => maximumMessageBytes))).toEqual(new Set([1024 * 1024]));
  });

  // The age of a message counts from when it was first sent, in the queue of dead letters too.
  it('leaves days to look at a dead letter, though its message may have waited to the end', () => {
    for (const { name, visibilityS, retentionS, deadRetentionS } of spec.queues) {
      expect(retentionS, name).toBeGreaterThan(MAX_RECEIVES * visibilityS);
      expect(deadRetentionS, name).toBeGreaterThanOrEqual(retentionS + 7 * 24 * 3600);
      expect(deadRetentionS, name).toBeLessThanOrEqual(14 * 24 * 3600);
    }
  });

  it('allows recursion just where a function may send to the queue that feeds it', () => {
    for (const { name, grants, recursion } of spec.functions) {
      const fed = spec.mappings.filter((mapping) => mapping.function === name);
      const isLoop = fed.some(({ queue }) => mayUse(grants, queue, 'sqs:SendMessage'));
      expect(recursion, name).toBe(isLoop ? 'Allow' : 'Terminate');
    }
    expect(spec.functions.some(({ recursion }) => recursion === 'Allow')).toBe(true);
  });

  it('maps within the limits of Lambda, and answers for each record', () => {
    for (const { batchSize, windowS, maximumConcurrency, reportBatchItemFailures } of spec.mappings) {
      expect(windowS > 0 ? 10_000 : 10).toBeGreaterThanOrEqual(batchSize);
      expect(maximumConcurrency).toBeGreaterThanOrEqual(2);
      expect(maximumConcurrency).toBeLessThanOrEqual(1_000);
      expect(reportBatchItemFailures).toBe(true);
    }
  });

  it('sets just the variables that each function reads, with values that it takes', () => {
    expect(spec.functions.map(({ name }) => name).sort()).toEqual([...FUNCTION_NAMES].sort());
    for (const name of FUNCTION_NAMES) {
      const { environment } = spec.functions.find((one) => one.name === name)!;
      expect(Object.keys(environment).sort(), name).toEqual(variablesOf(name));
      expect(() => readEnvironment(name, resolved(environment)), name).not.toThrow();
    }
  });
});

describe('the topology', () => {
  it('differs between stages in data only', () => {
    const [dev, staging, production] = each.map(([, spec]) => shapeOf(spec));
    expect(staging).toEqual(dev);
    expect(production).toEqual(dev);
  });

  it.each([
    { what: 'short names', app: 'tmc' },
    { what: 'a long name of the app', app: 'a-longer-name-of-an-app' },
    { what: 'members with authorities', app: 'tmc', ca: `, ca: "${'x'.repeat(300)}"` },
  ])('fits the 4 KB of a function, whatever the number of members, with $what', ({ app, ca }) => {
    const sizes = Array.from({ length: 40 }, (_, count) => {
      const { functions, secrets } = topology('production', fleet(members(count, ca)), app);
      const bytes = Math.max(...functions.map(({ environment }) => environmentBytes(environment, app)));
      return { count, bytes, isInSecret: secrets.length > 0 };
    });
    expect(sizes.filter(({ bytes }) => bytes > 4096)).toEqual([]);
    // As long as there is room for them the members are no secret, which would be a call at each start.
    const edge = sizes.findIndex(({ isInSecret }) => isInSecret);
    expect(edge).toBeGreaterThan(0);
    const [last, first] = [sizes[edge - 1]!, sizes[edge]!];
    const each = last.bytes - sizes[edge - 2]!.bytes;
    expect(last.bytes + each + 30).toBeGreaterThan(4096);
    expect(first.bytes).toBeLessThan(last.bytes);
  });

  it('keeps the members in a secret when they are too many, which both functions that need them may read', () => {
    const spec = topology('production', fleet(members(100)));
    expect(spec.secrets.map(({ name }) => name)).toEqual(['tmc/production/members']);
    expect(JSON.parse(spec.secrets[0]!.value)).toHaveLength(100);
    const readers = spec.functions.filter(({ grants }) =>
      grants.some((grant) => grant.on === 'secret' && grant.name === 'tmc/production/members'),
    );
    expect(readers.map(({ name }) => name)).toEqual(['sync-down', 'sync-up']);
    for (const { environment } of readers) {
      expect(environment['TMC_MEMBERS']).toEqual({ text: '{"secret":"tmc/production/members"}' });
    }
  });

  it('refuses what fits neither environment nor secret, and says what to leave out', () => {
    const ca = (bytes: number) => `, ca: "${'x'.repeat(bytes)}"`;
    expect(() => topology('dev', fleet('', ca(3_000)))).toThrow(
      /^the hub of the fleet takes 3\d{3} bytes as JSON, of which 3029 fit: /,
    );
    expect(() => topology('dev', fleet(members(60, ca(1_200))))).toThrow(
      /^the list of 60 members of the fleet takes \d+ bytes as JSON, of which 65536 fit: leave `ca` away/,
    );
  });

  it('refuses credentials of more members than the policy of a role can name, at the edge of what IAM takes', () => {
    const sizes = Array.from({ length: 60 }, (_, at) => {
      const count = 80 + at;
      try {
        const { functions } = topology('production', fleet(members(count)));
        return Math.max(...functions.map(({ grants }) => policyCharacters(grants, 'tmc-production')));
      } catch (error) {
        return (error as Error).message;
      }
    });
    const edge = sizes.findIndex((size) => typeof size === 'string');
    expect(sizes.slice(0, edge).every((size) => Number(size) <= 10_240)).toBe(true);
    expect(sizes[edge - 1]).toBeGreaterThan(10_240 - 200);
    for (const size of sizes.slice(edge)) {
      expect(size).toMatch(
        /^the policy of the role of sync-(down|up) takes up to 1\d{4} characters, of which IAM takes 10240: /,
      );
    }
    const admitted = members(300).replaceAll(/secret: \S+/g, 'eks: a-cluster');
    expect(topology('production', fleet(admitted)).secrets).toHaveLength(1);
  });

  it.each(['*', 'arn:aws:iam::111122223333:role/*', '111122223333'])('refuses that %s takes on a role', (arn) => {
    const relay = `    relay: { trust: { kind: principal, arn: "${arn}" } }`;
    expect(() => fleet(`${members(1)}\n${relay}`)).toThrow(
      'fleet.yaml is not a valid fleet:\n  members.0.relay.trust.arn: the ARN of a role, a user or an account',
    );
    expect(fleet(`${members(1)}\n${relay.replace(arn, 'arn:aws:iam::111122223333:role/relay')}`).members).toHaveLength(
      1,
    );
  });

  it('stays within the names that AWS takes, for the longest member', () => {
    const name = `m${'x'.repeat(39)}`;
    const spec = topology('production', fleet(members(1).replaceAll('member-0', name)));
    for (const role of spec.roles) expect(`tmc-production-${role.name}`.length).toBeLessThanOrEqual(64);
    expect(spec.roles.map((role) => role.name)).toContain(`relay-${name}`);
  });

  it('lets a relay of a member receive from its own commands alone, and send only to who hears of members', () => {
    const { roles } = topology('production', fleet(members(3)));
    for (const { name, grants } of roles.filter((role) => role.name !== 'hub-relay')) {
      const queues = grants.flatMap((grant) => (grant.on === 'queue' ? [[grant.queue, ...grant.actions]] : []));
      expect(queues).toEqual([
        [
          `commands-${name.slice('relay-'.length)}`,
          'sqs:ReceiveMessage',
          'sqs:DeleteMessage',
          'sqs:ChangeMessageVisibility',
        ],
        ['status', 'sqs:SendMessage'],
        ['recovery', 'sqs:SendMessage'],
      ]);
    }
    const partitions = roles.map(({ grants }) =>
      grants.flatMap((grant) => (grant.on === 'table' ? grant.partitions : [])),
    );
    expect(new Set(partitions.flat()).size).toBe(partitions.flat().length);
  });

  it('names the stages there are for one there is not', () => {
    expect(() => topology('test', fleet(''))).toThrow(
      'there is no stage "test": the stages are dev, staging, production',
    );
  });
});

const relayOf = ({ consumer }: QueueSpec) => ('relay' in consumer ? consumer.relay : '');

/** As long as names get: the longest region and domain, and what SST puts behind a name. */
const url = (queue: string, app: string) =>
  `https://sqs.cn-northwest-1.amazonaws.com.cn/123456789012/${app}-production-${queue[0]?.toUpperCase()}${queue.slice(1)}Queue-abcdefgh`;

function resolved(environment: FunctionSpec['environment'], app = 'tmc'): Record<string, string> {
  return Object.fromEntries(Object.entries(environment).map(([name, value]) => [name, textOf(value, app)]));
}

function textOf(value: EnvironmentValue, app: string): string {
  if ('text' in value) return value.text;
  if (value.from === 'table') return `${app}-production-StateTable-abcdefgh`;
  return JSON.stringify(
    Object.fromEntries(QUEUES.map((name) => [name, { url: url(name, app), deadLetterUrl: url(`${name}Dead`, app) }])),
  );
}

/** As Lambda counts: the JSON of all variables, so that a quote in a value counts twice. */
const environmentBytes = (environment: FunctionSpec['environment'], app: string) =>
  Buffer.byteLength(JSON.stringify(resolved(environment, app)));

/** What a stage has, without the numbers and words that its data sets. */
function shapeOf({ table, queues, functions, mappings, schedules, alarms, roles, secrets }: Topology) {
  return {
    table: table.name,
    queues: queues.map(({ retentionS: _retention, ...rest }) => rest),
    functions: functions.map(({ environment, ...rest }) => ({ ...rest, variables: Object.keys(environment) })),
    mappings: mappings.map(({ maximumConcurrency: _concurrency, ...rest }) => rest),
    schedules,
    alarms: alarms.map(({ name, metric, statistic, raised, periodS }) => ({
      name,
      metric,
      statistic,
      raised,
      periodS,
    })),
    roles,
    secrets,
  };
}
