import { cpSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { DescribeLogGroupsCommand, paginateFilterLogEvents } from '@aws-sdk/client-cloudwatch-logs';
import type { Deployment } from '../../stacks/outputs.ts';
import type { Clients } from './clients.ts';
import { configurationOf } from './functions.ts';

/** What the deployed functions logged, and where a run leaves it for whoever has to find out why it failed. */

type Asked = Pick<Clients, 'functions' | 'logs'>;

/** Lines of one function, by its physical name; none where it never ran. */
export async function logOf({ functions, logs }: Asked, FunctionName: string): Promise<string[]> {
  const { LoggingConfig } = await configurationOf({ functions }, FunctionName);
  const lines: string[] = [];
  // LocalStack writes to the group of the default name, whichever is configured.
  for (const logGroupName of new Set([
    LoggingConfig?.LogGroup ?? `/aws/lambda/${FunctionName}`,
    `/aws/lambda/${FunctionName}`,
  ])) {
    const { logGroups = [] } = await logs.send(new DescribeLogGroupsCommand({ logGroupNamePrefix: logGroupName }));
    if (logGroups.every((group) => group.logGroupName !== logGroupName)) continue;
    for await (const { events = [] } of paginateFilterLogEvents({ client: logs }, { logGroupName })) {
      lines.push(...events.map(({ message = '' }) => message.trimEnd()));
    }
  }
  return lines;
}

/** Leaves the logs of functions and relays in `.cache/aws/<name>`; those of an earlier run go. */
export async function keepLogs(
  clients: Asked,
  deployment: Deployment,
  { name, relayLogs }: { readonly name: string; readonly relayLogs: string },
): Promise<void> {
  const folder = resolve(import.meta.dirname, '..', '..', '.cache', 'aws', name);
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  for (const [func, physical] of Object.entries(deployment.functions)) {
    writeFileSync(join(folder, `${func}.log`), `${(await logOf(clients, physical)).join('\n')}\n`);
  }
  for (const file of readdirSync(relayLogs))
    if (file.startsWith('relay-') && file.endsWith('.log')) cpSync(join(relayLogs, file), join(folder, file));
}
