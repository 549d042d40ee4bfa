import type { AlarmSpec } from '../../stacks/alarms.ts';
import type { Grant } from '../../stacks/permissions.ts';
import { STAGES, type StageData } from '../../stacks/stages.ts';
import type { FunctionSpec, QueueSpec, RoleSpec, Topology } from '../../stacks/topology.ts';

/** What the page about deploying says is deployed: Markdown tables made from a topology. */
export function deployedTables(spec: Topology): string {
  return [
    table(
      ['queue', 'received by', 'hidden for', 'kept for', 'given up after', 'dead letters kept for'],
      spec.queues.map(queueRow),
    ),
    table(
      ['function', 'does', 'memory', 'time', 'called by'],
      spec.functions.map((one) => functionRow(one, spec)),
    ),
    table(['alarms', 'raised when'], alarmRows(spec.alarms)),
    table(['role', 'taken on by', 'may'], spec.roles.map(roleRow)),
    `Besides: one table (\`${spec.table.hashKey}\`, \`${spec.table.rangeKey}\`, time to live in \`${spec.table.ttl}\`), paid by request; a log group for each function; a policy
on each queue that refuses plain HTTP; one topic for the alarms of a stage that notifies. What stages do differently:`,
    table(['', ...Object.keys(STAGES).map((stage) => `\`${stage}\``)], stageRows(Object.values(STAGES))),
  ].join('\n\n');
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;
  return [line(head), `|${'---|'.repeat(head.length)}`, ...rows.map(line)].join('\n');
}

const days = (seconds: number): string => `${seconds / 86_400} d`;

function queueRow({ name, consumer, visibilityS, retentionS, deadRetentionS, maxReceiveCount }: QueueSpec): string[] {
  const by = 'function' in consumer ? `\`${consumer.function}\`` : `the relay of \`${consumer.relay}\``;
  const receives = `${maxReceiveCount} receives`;
  return [`\`${name}\``, by, `${visibilityS} s`, days(retentionS), receives, days(deadRetentionS)];
}

function functionRow({ name, description, memoryMb, timeoutS, url }: FunctionSpec, spec: Topology): string[] {
  const mapping = spec.mappings.find((one) => one.function === name);
  const schedule = spec.schedules.find((one) => one.function === name);
  const callers = [
    ...(mapping
      ? [
          `queue \`${mapping.queue}\`, ${mapping.batchSize} at a time, up to ${mapping.maximumConcurrency} batches at once`,
        ]
      : []),
    ...(schedule ? [`a schedule, \`${schedule.rate}\``] : []),
    ...(url ? [`its URL, requests signed by \`${url.authorization}\``] : []),
  ];
  return [
    `\`${name}\``,
    description.split(';')[0] ?? '',
    `${memoryMb} MB`,
    `${timeoutS} s`,
    callers.join('; ') || 'operators',
  ];
}

/** Alarms of a kind differ by what they are on. */
function alarmRows(alarms: readonly AlarmSpec[]): string[][] {
  const kinds = Map.groupBy(alarms, ({ name }) => name.slice(name.lastIndexOf('-') + 1));
  return [...kinds.values()].map((ofKind) => {
    const when = new Set(ofKind.map(condition));
    return [ofKind.map(({ name }) => `\`${name}\``).join(', '), [...when].join('; ')];
  });
}

const condition = ({ metric, statistic, raised, threshold, periodS, evaluations }: AlarmSpec): string => {
  const of = 'letters' in metric ? (metric.letters === 'dead' ? ' of the dead letters' : '') : '';
  const often = evaluations === 1 ? `${periodS} s` : `${evaluations} times ${periodS} s in a row`;
  return `${statistic} of \`${metric.name}\`${of} ${raised} ${threshold} for ${often}${raised === 'below' ? ', or unknown' : ''}`;
};

function roleRow({ name, trust, grants }: RoleSpec): string[] {
  return [`\`${name}\``, trustText(trust), grants.map(grantText).join('; ')];
}

function trustText(trust: RoleSpec['trust']): string {
  switch (trust.kind) {
    case 'pod-identity':
      return 'pods of EKS';
    case 'ecs-task':
      return 'its task on Fargate';
    case 'principal':
      return `\`${trust.arn}\``;
    case 'oidc':
      return `\`${trust.subject}\``;
  }
}

function grantText(grant: Grant): string {
  const actions = grant.actions.map((action) => `\`${action}\``).join(', ');
  switch (grant.on) {
    case 'queue':
      return `${actions} on \`${grant.queue}\``;
    case 'dead-letters':
      return `${actions} on the dead letters of \`${grant.queue}\``;
    case 'table':
      return `${actions} on the table, partitions ${grant.partitions.map((partition) => `\`${partition}\``).join(', ')}`;
    default:
      return `${actions} on \`${grant.name}\``;
  }
}

function stageRows(stages: readonly StageData[]): string[][] {
  const row = (title: string, of: (stage: StageData) => string | number) => [
    title,
    ...stages.map((s) => String(of(s))),
  ];
  const yes = (value: boolean) => (value ? 'yes' : 'no');
  return [
    row('table and logs on removal', ({ removal }) => (removal === 'retain' ? 'stay' : 'go')),
    row('removal is refused', ({ protect }) => yes(protect)),
    row('point-in-time recovery', ({ pointInTimeRecovery }) => yes(pointInTimeRecovery)),
    row('logs kept for', ({ logRetention }) => logRetention),
    row('log level', ({ logLevel }) => logLevel),
    row('messages kept for', ({ queueRetentionDays }) => `${queueRetentionDays} d`),
    row('batches at once: placement, sync, status, recovery', ({ concurrency }) =>
      [concurrency.placement, concurrency.sync, concurrency.status, concurrency.recovery].join(', '),
    ),
    row('a message is too old after', ({ alarms }) => `${alarms.ageS} s, ${alarms.evaluations} min in a row`),
    row('alarms notify', ({ alarms }) => yes(alarms.notify)),
    row('versions and alias `live`', ({ versions }) => yes(versions)),
    row('replicas of a hub relay on Fargate', ({ relayReplicas }) => relayReplicas),
  ];
}
