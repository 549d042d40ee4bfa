import { paginateDescribeAlarms } from '@aws-sdk/client-cloudwatch';
import { paginateDescribeLogGroups } from '@aws-sdk/client-cloudwatch-logs';
import { ListTablesCommand } from '@aws-sdk/client-dynamodb';
import { ListRolesCommand } from '@aws-sdk/client-iam';
import { paginateListEventSourceMappings, paginateListFunctions } from '@aws-sdk/client-lambda';
import { ListBucketsCommand } from '@aws-sdk/client-s3';
import { ListSchedulesCommand } from '@aws-sdk/client-scheduler';
import { ListSecretsCommand } from '@aws-sdk/client-secrets-manager';
import { ListTopicsCommand } from '@aws-sdk/client-sns';
import { ListQueuesCommand } from '@aws-sdk/client-sqs';
import type { Clients } from './clients.ts';

/** What there is at an endpoint, by kind: names or ARNs. */
export type Inventory = Readonly<Record<string, readonly string[]>>;

/** Lists every kind of resource a deployment makes, whoever made it. */
export async function inventory(clients: Clients): Promise<Inventory> {
  const lists: Record<string, Promise<readonly (string | undefined)[]>> = {
    queues: clients.queues.send(new ListQueuesCommand({ MaxResults: 1000 })).then((a) => a.QueueUrls ?? []),
    tables: clients.table.send(new ListTablesCommand({})).then((a) => a.TableNames ?? []),
    functions: every(paginateListFunctions({ client: clients.functions }, {}), (a) => a.Functions).then((all) =>
      all.map((one) => one.FunctionName),
    ),
    mappings: every(
      paginateListEventSourceMappings({ client: clients.functions }, {}),
      (a) => a.EventSourceMappings,
    ).then((all) => all.map((one) => one.EventSourceArn)),
    roles: clients.roles
      .send(new ListRolesCommand({ MaxItems: 1000 }))
      .then((a) => (a.Roles ?? []).map((one) => one.RoleName)),
    secrets: clients.secrets.send(new ListSecretsCommand({})).then((a) => (a.SecretList ?? []).map((one) => one.Name)),
    logGroups: every(paginateDescribeLogGroups({ client: clients.logs }, {}), (a) => a.logGroups).then((all) =>
      all.map((one) => one.logGroupName),
    ),
    schedules: clients.schedules
      .send(new ListSchedulesCommand({}))
      .then((a) => (a.Schedules ?? []).map((one) => one.Name)),
    alarms: every(paginateDescribeAlarms({ client: clients.alarms }, {}), (a) => a.MetricAlarms).then((all) =>
      all.map((one) => one.AlarmName),
    ),
    buckets: clients.buckets.send(new ListBucketsCommand({})).then((a) => (a.Buckets ?? []).map((one) => one.Name)),
    topics: clients.topics.send(new ListTopicsCommand({})).then((a) => (a.Topics ?? []).map((one) => one.TopicArn)),
  };
  const read = async ([kind, list]: (typeof entries)[number]) =>
    [kind, (await list).filter((name) => name !== undefined).sort()] as const;
  const entries = Object.entries(lists);
  return Object.fromEntries(await Promise.all(entries.map(read)));
}

/** What all pages hold: some services list no more than 50 at once. */
async function every<P, T>(pages: AsyncIterable<P>, of: (page: P) => readonly T[] | undefined): Promise<T[]> {
  const all: T[] = [];
  for await (const page of pages) all.push(...(of(page) ?? []));
  return all;
}

/** Of an inventory, what carries the prefix in its name: `functions: tmcab12-dev-place`. */
export function named(all: Inventory, prefix: string): string[] {
  return Object.entries(all).flatMap(([kind, names]) =>
    names.filter((name) => name.includes(prefix)).map((name) => `${kind}: ${name}`),
  );
}

/** What is in the second and not in the first. */
export function added(before: Inventory, after: Inventory): string[] {
  return Object.entries(after).flatMap(([kind, names]) =>
    names.filter((name) => !before[kind]?.includes(name)).map((name) => `${kind}: ${name}`),
  );
}
