import { checkRelaySettings, type RelayProcessConfig } from '@tmc/host/relay/config.ts';
import { isRecord, type RelaySettings, readRelaySettings } from '@tmc/host/relay/config-source.ts';
import { readDeployment } from './deployment.ts';
import { endpointOfQueues, localCredentials } from './endpoint.ts';
import { givenSettings } from './relay-given.ts';
import type { RelayOptions } from './relay-options.ts';

type Env = Readonly<Record<string, string | undefined>>;
type Settings = Readonly<Record<string, unknown>>;

const DEFAULT_FILE = 'relay.yaml';
const HINT =
  'mend every line named: in the file of --config, by --deployment (queue URLs, table, region), or by options (--help shows them)';

/**
 * The settings of a relay from options, a deployment and a file: of what several name, the option counts, then the deployment, then
 * the file. A file is read unless options say what the relay reads.
 * @throws TmcError ConfigurationError naming every problem at once, without credentials and kubeconfigs.
 */
export function relaySettings(options: RelayOptions, env: Env): RelayProcessConfig {
  const { input: file, from } = fileSettings(options, env);
  if (file !== undefined && !isRecord(file)) return checkRelaySettings({ input: file, from });
  const { settings, issues, shown } = givenSettings(options, sideOf(options, file));
  const layers = [defaults(options, env), file, deploymentSettings(options), settings];
  const input = withEndpoints(layers.reduce<Settings>(overlay, {}), env);
  return checkRelaySettings({ input, from }, { issues, shown, hint: HINT });
}

function fileSettings({ config, hub, member }: RelayOptions, env: Env): RelaySettings {
  const isSaid = hub !== undefined || member !== undefined;
  if (config === undefined && isSaid) return { input: undefined, from: 'what the options say' };
  const { input, from } = readRelaySettings(config ?? DEFAULT_FILE, env);
  // An empty file.
  return { input: input ?? undefined, from };
}

/** Whose settings an option of both sides is about. */
function sideOf({ hub, workspace, export: exported, member }: RelayOptions, file: Settings | undefined) {
  if ([hub, workspace, exported].some((option) => option !== undefined)) return 'hub';
  return member === undefined && file?.['hub'] !== undefined ? 'hub' : 'member';
}

function defaults({ hub }: RelayOptions, env: Env): Settings {
  const region = env['AWS_REGION'] || env['AWS_DEFAULT_REGION'];
  return { ...(region && { aws: { region } }), ...(hub !== undefined && { hub: { kind: 'kubernetes' } }) };
}

function deploymentSettings({ deployment }: RelayOptions): Settings | undefined {
  if (deployment === undefined) return undefined;
  const { region, table, queues } = readDeployment(deployment);
  const urls = Object.fromEntries(Object.entries(queues).map(([name, { url }]) => [name, url]));
  return { aws: { region }, table: { name: table }, queues: { urls } };
}

/**
 * The endpoints of the environment, or the one that the queues' URLs name where they are not of AWS, for what has none; and
 * credentials for an endpoint on this machine. The SDK would ask the host of each queue's URL and, for the table, AWS.
 */
function withEndpoints(settings: Settings, env: Env): Settings {
  const [aws, queues, table] = ['aws', 'queues', 'table'].map((name) => group(settings, name));
  const urls = Object.values(group(queues, 'urls')).filter((url) => typeof url === 'string');
  const isTold = queues?.['endpoint'] !== undefined || table?.['endpoint'] !== undefined;
  const shared = env['AWS_ENDPOINT_URL'] || (isTold ? undefined : endpointOfQueues(urls));
  const ofQueues = queues?.['endpoint'] ?? (env['AWS_ENDPOINT_URL_SQS'] || shared);
  const ofTable = table?.['endpoint'] ?? (env['AWS_ENDPOINT_URL_DYNAMODB'] || shared);
  const credentials =
    aws?.['credentials'] ?? localCredentials(typeof ofQueues === 'string' ? ofQueues : undefined, env);
  return overlay(settings, { aws: { credentials }, queues: { endpoint: ofQueues }, table: { endpoint: ofTable } });
}

function group(settings: Settings | undefined, name: string): Settings {
  const value = settings?.[name];
  return isRecord(value) ? value : {};
}

/** `top` over `base`, group by group; what `top` leaves undefined stays as it is. */
function overlay(base: Settings, top: Settings | undefined): Settings {
  const merged: Record<string, unknown> = { ...base };
  for (const [name, value] of Object.entries(top ?? {})) {
    if (value === undefined) continue;
    const under = merged[name];
    // What stands where a group belongs is a mistake: it stays, to be told.
    if (isRecord(value)) merged[name] = under === undefined || isRecord(under) ? overlay(under ?? {}, value) : under;
    else merged[name] = value;
  }
  return merged;
}
