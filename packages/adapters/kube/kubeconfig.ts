import { existsSync, readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { messageOf, terminalError } from '@tmc/kernel/errors.ts';
import { stringify } from 'yaml';
import * as z from 'zod';
import { bearerToken, type Credentials, type KubeConnection, tokenFile } from './connection.ts';
import { parseUserYaml } from './user-yaml.ts';

/** Where a kubeconfig is: a file or its text; the current context unless one is named. */
export type KubeconfigSource = ({ readonly path: string } | { readonly text: string }) & { readonly context?: string };

const text = z.string().optional();
const cluster = z.object({
  server: z.string(),
  'certificate-authority': text,
  'certificate-authority-data': text,
  'insecure-skip-tls-verify': z.boolean().optional(),
  'tls-server-name': text,
});
const user = z.object({
  'client-certificate': text,
  'client-certificate-data': text,
  'client-key': text,
  'client-key-data': text,
  token: text,
  tokenFile: text,
  username: text,
  password: text,
  exec: z.looseObject({ command: text }).nullish(),
  'auth-provider': z.looseObject({ name: text }).nullish(),
});
const named = <Shape extends z.ZodRawShape>(shape: Shape) =>
  z.array(z.object({ name: z.string(), ...shape })).nullish();
const kubeconfig = z.object({
  'current-context': text,
  contexts: named({ context: z.object({ cluster: text, user: text }) }),
  clusters: named({ cluster: z.unknown() }),
  users: named({ user: z.unknown() }),
});

type Cluster = z.infer<typeof cluster>;
type User = z.infer<typeof user>;
/** Makes a path of the kubeconfig absolute: relative ones start at its folder. */
type Absolute = (path: string) => string;

/**
 * The connection a kubeconfig describes: server, authorities, client certificate, token, token file, password, exec plugin or OIDC.
 * @throws TmcError terminal ConfigurationError when it cannot be read or lacks the context.
 */
export async function connectionFrom(source: KubeconfigSource): Promise<KubeConnection> {
  const where = 'path' in source ? `kubeconfig ${source.path}` : 'kubeconfig';
  try {
    return await read(source);
  } catch (error) {
    throw terminalError(`${where} cannot be used: ${messageOf(error)}`, {
      type: 'ConfigurationError',
      hint: 'give a kubeconfig whose context names a cluster and a user',
      cause: error,
    });
  }
}

async function read(source: KubeconfigSource): Promise<KubeConnection> {
  const raw = parseUserYaml(textOf(source));
  const config = checked(kubeconfig, raw);
  const context = source.context ?? config['current-context'] ?? '';
  const chosen = config.contexts?.find(({ name }) => name === context)?.context;
  if (!chosen && source.context !== undefined) throw new Error(`it has no context ${context}`);
  const found = config.clusters?.find(({ name }) => name === chosen?.cluster)?.cluster;
  if (!found) throw new Error(`context ${context || '(none)'} names no cluster it holds`);
  const server = checked(cluster, found);
  const who = checked(user.nullish(), config.users?.find(({ name }) => name === chosen?.user)?.user);
  const absolute: Absolute = (path) => ('path' in source ? resolve(dirname(source.path), path) : path);
  return {
    ...serverOf(server, absolute),
    ...(who && certificateOf(who, absolute)),
    ...(who && (await authorizationOf(who, { raw, context, absolute }))),
  };
}

function checked<T>(schema: z.ZodType<T>, value: unknown): T {
  const parsed = schema.safeParse(value);
  if (!parsed.success) throw new Error(z.prettifyError(parsed.error).replaceAll('\n', ' '));
  return parsed.data;
}

function textOf(source: KubeconfigSource): string {
  if ('text' in source) return source.text;
  if (!existsSync(source.path)) throw new Error('there is no such file');
  return readFileSync(source.path, 'utf8');
}

function serverOf(server: Cluster, absolute: Absolute): KubeConnection {
  const ca = pem(server['certificate-authority-data'], server['certificate-authority'], absolute);
  const serverName = server['tls-server-name'];
  return {
    url: server.server,
    insecure: server['insecure-skip-tls-verify'] === true,
    ...(ca !== undefined && { ca }),
    ...(serverName && { serverName }),
  };
}

function certificateOf(who: User, absolute: Absolute): Pick<KubeConnection, 'cert' | 'key'> {
  const cert = pem(who['client-certificate-data'], who['client-certificate'], absolute);
  const key = pem(who['client-key-data'], who['client-key'], absolute);
  return { ...(cert !== undefined && { cert }), ...(key !== undefined && { key }) };
}

/** Data counts before a file, as everywhere in Kubernetes. */
function pem(data: string | undefined, file: string | undefined, absolute: Absolute): string | undefined {
  if (data) return Buffer.from(data, 'base64').toString('utf8');
  return file ? readFileSync(absolute(file), 'utf8') : undefined;
}

type Place = { readonly raw: unknown; readonly context: string; readonly absolute: Absolute };
type Authorization = Partial<Pick<KubeConnection, 'cert' | 'key' | 'authorization' | 'credentials'>>;

/** A token file counts before a token and both before plugins, as in client-go. */
async function authorizationOf(who: User, { raw, context, absolute }: Place): Promise<Authorization> {
  if (who.tokenFile) {
    const path = absolute(who.tokenFile);
    return { authorization: tokenFile(path), credentials: { kind: 'token-file', path } };
  }
  if (who.token) return { authorization: bearerToken(who.token), credentials: { kind: 'token' } };
  const plugin = pluginOf(who);
  if (plugin) {
    const { pluginCredentials } = await import('./kubeconfig-plugin.ts');
    const given = await pluginCredentials(stringify(withAbsolutePaths(raw, absolute)), context);
    return { ...given, ...(given.authorization && { credentials: plugin }) };
  }
  if (who.username === undefined) return {};
  const value = `Basic ${Buffer.from(`${who.username}:${who.password ?? ''}`).toString('base64')}`;
  return { authorization: () => value, credentials: { kind: 'password' } };
}

function pluginOf(who: User): Credentials | undefined {
  if (who.exec) return { kind: 'plugin', name: String(who.exec.command) };
  if (who['auth-provider']) return { kind: 'plugin', name: String(who['auth-provider'].name) };
  return undefined;
}

const PATHS: ReadonlySet<string> = new Set(['certificate-authority', 'client-certificate', 'client-key']);

/** The kubeconfig with every file path made absolute. A bare plugin command is found on PATH and stays; one with a slash is a path. */
function withAbsolutePaths(raw: unknown, absolute: Absolute): unknown {
  const isPath = (name: string, value: string) => PATHS.has(name) || (name === 'command' && value.includes('/'));
  return JSON.parse(
    JSON.stringify(raw, (name, value) => (typeof value === 'string' && isPath(name, value) ? absolute(value) : value)),
  );
}
