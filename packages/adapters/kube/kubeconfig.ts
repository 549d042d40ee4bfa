import { existsSync, readFileSync } from 'node:fs';
import type { RequestOptions } from 'node:https';
import { dirname, resolve } from 'node:path';
import { bufferFromFileOrString, KubeConfig } from '@kubernetes/client-node';
import { messageOf, terminalError } from '@tmc/kernel/errors.ts';
import { parse } from 'yaml';
import { bearerToken, type Credentials, type KubeConnection, tokenFile } from './connection.ts';

/** Where a kubeconfig is: a file or its text; the current context unless one is named. */
export type KubeconfigSource = ({ readonly path: string } | { readonly text: string }) & { readonly context?: string };

/**
 * The connection a kubeconfig describes: server, authorities, client certificate, token, token file, exec plugin or OIDC.
 * The only place that knows the kubeconfig format, by way of the official client.
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
  const config = load(source);
  const cluster = config.getCurrentCluster();
  const user = config.getCurrentUser();
  if (!cluster) throw new Error(`context ${config.getCurrentContext() || '(none)'} names no cluster it holds`);
  const options: RequestOptions = {};
  await config.applyToHTTPSOptions(options);
  const file = tokenFileOf(source, user);
  const authorization = authorizationOf(config, { options, user, file });
  // Without a user the client sets no authorities at all.
  const ca = options.ca ?? bufferFromFileOrString(cluster.caFile, cluster.caData) ?? undefined;
  return {
    url: cluster.server,
    insecure: cluster.skipTLSVerify === true,
    ...(ca === undefined ? {} : { ca: pem(ca) }),
    ...(options.cert === undefined ? {} : { cert: pem(options.cert) }),
    ...(options.key === undefined ? {} : { key: pem(options.key) }),
    ...(cluster.tlsServerName ? { serverName: cluster.tlsServerName } : {}),
    ...(authorization === undefined ? {} : { authorization, credentials: credentialsOf(user, file) }),
  };
}

function load(source: KubeconfigSource): KubeConfig {
  const config = new KubeConfig();
  if ('path' in source) {
    if (!existsSync(source.path)) throw new Error('there is no such file');
    config.loadFromFile(source.path);
  } else {
    config.loadFromString(source.text);
  }
  if (source.context !== undefined) {
    if (!config.getContextObject(source.context)) throw new Error(`it has no context ${source.context}`);
    config.setCurrentContext(source.context);
  }
  return config;
}

type User = ReturnType<KubeConfig['getCurrentUser']>;
type Sources = { readonly options: RequestOptions; readonly user: User; readonly file: string | undefined };

/** Exec and OIDC plugins answer from their own cache until the token has expired, so they are asked for every request. */
function authorizationOf(config: KubeConfig, { options, user, file }: Sources): KubeConnection['authorization'] {
  if (!user) return undefined;
  if (file) return tokenFile(file);
  if (user.token) return bearerToken(user.token);
  const value = headerOf(options);
  if (value === undefined) return undefined;
  if (!user.exec && !user.authProvider) return () => value;
  return async () => {
    const fresh: RequestOptions = {};
    await config.applyToHTTPSOptions(fresh);
    return headerOf(fresh);
  };
}

function credentialsOf(user: User, file: string | undefined): Credentials {
  if (file) return { kind: 'token-file', path: file };
  if (user?.token) return { kind: 'token' };
  if (user?.exec) return { kind: 'plugin', name: String((user.exec as { command?: string }).command) };
  if (user?.authProvider) return { kind: 'plugin', name: String((user.authProvider as { name?: string }).name) };
  return { kind: 'password' };
}

type RawUsers = { users?: readonly { name?: string; user?: { tokenFile?: string } }[] };

/** `tokenFile` of the user, which the official client does not read; relative paths start at the kubeconfig's folder. */
function tokenFileOf(source: KubeconfigSource, user: User): string | undefined {
  const text = 'path' in source ? readFileSync(source.path, 'utf8') : source.text;
  const raw = parse(text) as RawUsers | undefined;
  const file = raw?.users?.find(({ name }) => name === user?.name)?.user?.tokenFile;
  if (!file) return undefined;
  return 'path' in source ? resolve(dirname(source.path), file) : file;
}

function headerOf({ headers, auth }: RequestOptions): string | undefined {
  const value = (headers as Record<string, string> | undefined)?.['Authorization'];
  if (value !== undefined) return value;
  return auth ? `Basic ${Buffer.from(auth).toString('base64')}` : undefined;
}

function pem(value: unknown): string {
  return Array.isArray(value) ? value.map(pem).join('\n') : String(value);
}
