import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { artifactsOf, forgetDeployment, writeDeployment } from '../stacks/endpoint/deployment-file.ts';
import { type Change, deployToEndpoint, type EndpointOptions, removeFromEndpoint } from '../stacks/endpoint.ts';
import { ensureSstPlatform } from './sst-platform.ts';

const USAGE = `usage: deploy-endpoint [deploy|remove] [options]
  --endpoint URL   AWS-compatible endpoint (AWS_ENDPOINT_URL, else http://127.0.0.1:4566)
  --app NAME       deployments of different apps do not touch each other (tmc)
  --stage NAME     dev, staging or production (dev)
  --fleet FILE     which clusters it serves (TMC_FLEET, else fleet.yaml)
  --region NAME    (AWS_REGION, else us-east-1)
  --dry-run        show the plan, change nothing
  --json           end with one line: {"changes":[…],"deployment":{…}}`;

const OPTIONS = {
  endpoint: { type: 'string' },
  app: { type: 'string', default: 'tmc' },
  stage: { type: 'string', default: 'dev' },
  fleet: { type: 'string' },
  region: { type: 'string' },
  'dry-run': { type: 'boolean', default: false },
  json: { type: 'boolean', default: false },
  help: { type: 'boolean', default: false },
} as const;

const SIGNS = { create: '+', update: '~', delete: '-', none: '=' } as const;
const FOLDER = resolve(import.meta.dirname, '..', '.tmc/deployments');

try {
  await main();
} catch (error) {
  console.error((error as Error).message);
  // Not only the exit code: what Pulumi left behind would otherwise keep the process, or end it in words of its own.
  process.exit(1);
}

async function main(): Promise<void> {
  const { values, positionals } = parseArgs({ options: OPTIONS, allowPositionals: true });
  const [command = 'deploy', ...rest] = positionals;
  if (values.help) return console.log(USAGE);
  if (rest.length > 0 || !['deploy', 'remove'].includes(command)) throw new Error(USAGE);
  const environment = process.env;
  const options: EndpointOptions = {
    endpoint: values.endpoint ?? environment['AWS_ENDPOINT_URL'] ?? 'http://127.0.0.1:4566',
    app: values.app,
    stage: values.stage,
    region: values.region ?? environment['AWS_REGION'] ?? 'us-east-1',
    environment,
    isDry: values['dry-run'],
    onChange: (change) => {
      if (isShown(change, values['dry-run'])) console.log(lineOf(change));
    },
  };
  const fleet = values.fleet ?? environment['TMC_FLEET'] ?? 'fleet.yaml';
  const result = command === 'remove' ? await remove(options) : await deploy(options, fleet);
  if (values.json) console.log(JSON.stringify(result));
}

/** In a pipe only what a plan is asked for, and what was left out. */
function isShown({ action, note }: Change, isPlan: boolean): boolean {
  if (note !== undefined) return true;
  return action !== 'none' && (isPlan || process.stdout.isTTY === true);
}

function lineOf({ action, type, name, fields, note }: Change): string {
  const kind = type.slice(type.lastIndexOf(':') + 1);
  const details = [action === 'update' && fields.length > 0 ? `(${fields.join(', ')})` : '', note ? `– ${note}` : ''];
  return [SIGNS[action], kind, name, ...details].filter(Boolean).join(' ');
}

async function deploy(options: EndpointOptions, fleet: string) {
  const { app, stage, endpoint, isDry } = options;
  if (!existsSync(fleet)) {
    throw new Error(`there is no ${fleet}: copy deploy/fleet.example.yaml there, or name another file with --fleet`);
  }
  await ensureSstPlatform((text) => console.error(text));
  const result = await deployToEndpoint({ ...options, fleet, artifacts: artifactsOf(FOLDER, options) });
  if (!isDry) writeDeployment(FOLDER, options, result.deployment);
  console.log(`${app}, stage ${stage}, at ${endpoint}: ${countsOf(result.changes, isDry)}`);
  return result;
}

async function remove(options: EndpointOptions) {
  const { app, stage, region, endpoint, isDry } = options;
  const { changes, found } = await removeFromEndpoint(options);
  if (!isDry) forgetDeployment(FOLDER, options);
  if (found) console.log(`${app}, stage ${stage}, at ${endpoint}: ${countsOf(changes, isDry)}`);
  else console.log(`there is no deployment ${app}-${stage} at ${endpoint} in ${region}: nothing was removed`);
  return { changes, found };
}

function countsOf(changes: readonly Change[], isDry: boolean): string {
  const count = (action: Change['action']): number => changes.filter((one) => one.action === action).length;
  const [created, updated, deleted, unchanged] = (['create', 'update', 'delete', 'none'] as const).map(count);
  const verb = isDry ? 'would be ' : '';
  return `${verb}+ ${created} created, ~ ${updated} updated, - ${deleted} deleted, = ${unchanged} unchanged`;
}
