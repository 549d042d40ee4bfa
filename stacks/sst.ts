import { readFleet } from './fleet.ts';
import type { Deployment } from './outputs.ts';
import { createAlarms } from './sst/alarms.ts';
import { createFunctions } from './sst/functions.ts';
import { createInvocations } from './sst/invocations.ts';
import { createQueues } from './sst/queues.ts';
import { createRelay } from './sst/relay.ts';
import { createRoles } from './sst/roles.ts';
import { createSecrets, createTable } from './sst/storage.ts';
import { topology } from './topology.ts';

/**
 * Turns the topology of a stage into components of SST. What it gives back has the fields of a {@link Deployment}; their values are
 * known once the resources are.
 */
export async function deploy(stage: string, fleetPath: string): Promise<Record<keyof Deployment, unknown>> {
  const spec = topology(stage, readFleet(fleetPath), $app.name);
  const { region } = await aws.getRegion();
  const table = createTable(spec);
  createSecrets(spec);
  const queues = createQueues(spec);
  const functions = createFunctions(spec, { table, queues });
  const apiUrl = createInvocations(spec, queues, functions);
  createAlarms(spec, queues, functions);
  const roles = createRoles(spec, { table, queues });
  createRelay(spec, { table, queues }, roles);
  const urlsOf = (which: (name: string) => boolean) =>
    [...queues].filter(([name]) => which(name)).map(([name, { live, dead }]) => [name, live, dead] as const);
  const isCommands = (name: string) => name.startsWith('commands-');
  return {
    stage,
    region,
    table: table.name,
    queues: Object.fromEntries(
      urlsOf((name) => !isCommands(name)).map(([name, live, dead]) => [
        name,
        { url: live.url, deadLetterUrl: dead.url },
      ]),
    ),
    commandQueues: Object.fromEntries(
      urlsOf(isCommands).map(([name, live, dead]) => [
        name.slice('commands-'.length),
        { url: live.url, deadLetterUrl: dead.url },
      ]),
    ),
    functions: Object.fromEntries([...functions].map(([name, { component }]) => [name, component.name])),
    roles: Object.fromEntries([...roles].map(([name, role]) => [name, role.arn])),
    apiUrl,
  };
}
