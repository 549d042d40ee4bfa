import { terminalError } from '@tmc/kernel/errors.ts';
import { bearerToken, type KubeConnection, tokenFile } from '../kube/connection.ts';
import { type AwsAnswer, type AwsCallOptions, createAwsCall } from './aws-call.ts';
import { EKS_TOKEN_MS, eksToken } from './eks-token.ts';
import type { ConnectionSettings } from './environment.ts';
import { cachedToken } from './token-cache.ts';

/** So soon a token that was replaced is used; one that the API server refuses is read again at once. */
const SECRET_MS = 5 * 60_000;

type Authorization = Pick<KubeConnection, 'authorization' | 'refused' | 'credentials'>;

export type KubeCredentials = {
  /** The connection that settings describe; what they only name is fetched at the first request. */
  connection(settings: ConnectionSettings): KubeConnection;
  /** The value of a secret of Secrets Manager. @throws TmcError naming it and the right that is missing, or `retry`. */
  secret(name: string): Promise<string>;
};

/** Credentials of hub and members by reference; connections that name the same one share it. */
export function createKubeCredentials(options: AwsCallOptions): KubeCredentials {
  const call = createAwsCall(options);
  const shared = new Map<string, Authorization>();

  const secret = async (name: string): Promise<string> => {
    const answer = await call('secretsmanager', 'GetSecretValue', { SecretId: name }, { region: regionInArn(name) });
    return textOf(answer, { what: `secret ${name}`, right: 'secretsmanager:GetSecretValue', read: secretText });
  };
  const parameter = async (name: string): Promise<string> => {
    const answer = await call('ssm', 'GetParameter', { Name: name, WithDecryption: true });
    return textOf(answer, { what: `parameter ${name}`, right: 'ssm:GetParameter', read: parameterText });
  };
  const cached = (keepMs: number, load: () => Promise<string>) => cachedToken({ load, keepMs, clock: options.clock });
  const make = ({ token, tokenFile: path, secret: secretName, parameter: parameterName, eks }: ConnectionSettings) => {
    if (token !== undefined) return { authorization: bearerToken(token) };
    if (path !== undefined)
      return { authorization: tokenFile(path), credentials: { kind: 'token-file', path } as const };
    if (secretName !== undefined) {
      const load = async () => tokenOf(await secret(secretName), `secret ${secretName}`);
      return { ...cached(SECRET_MS, load), credentials: { kind: 'secret', name: secretName } as const };
    }
    if (parameterName !== undefined) {
      const load = async () => tokenOf(await parameter(parameterName), `parameter ${parameterName}`);
      return { ...cached(SECRET_MS, load), credentials: { kind: 'parameter', name: parameterName } as const };
    }
    if (eks === undefined) return {};
    const credentials = { kind: 'eks', cluster: eks } as const;
    return { ...cached(EKS_TOKEN_MS, () => eksToken(eks, options)), credentials };
  };

  return {
    secret,
    connection: ({ url, ca, ...source }) => {
      const key = JSON.stringify(source);
      const authorization = shared.get(key) ?? make({ url, ...source });
      shared.set(key, authorization);
      return { url, ...(ca === undefined ? {} : { ca }), ...authorization };
    },
  };
}

/** A secret is only known in its own region, which its ARN tells; a name says nothing. */
const regionInArn = (name: string): string | undefined => /^arn:[^:]+:secretsmanager:([^:]+):/.exec(name)?.[1];

type Wanted = { readonly what: string; readonly right: string; readonly read: (output: Output) => unknown };
type Output = Extract<AwsAnswer, { ok: true }>['output'];

const secretText = (output: Output) => output['SecretString'];
const parameterText = ({ Parameter: parameter }: Output) => (parameter as { Value?: unknown } | undefined)?.Value;

const ABSENT = new Set(['ResourceNotFoundException', 'ParameterNotFound']);

function textOf(answer: AwsAnswer, { what, right, read }: Wanted): string {
  if (answer.ok) {
    const text = read(answer.output);
    if (typeof text === 'string') return text;
    throw unusable(`${what} holds no text`, `store a bearer token as the text of ${what}`);
  }
  const { code, text } = answer;
  if (ABSENT.has(code)) {
    throw unusable(`${what} does not exist`, `make ${what} in the function's account and region, or correct its name`);
  }
  const hint = `allow the function's role ${right} on ${what}, and kms:Decrypt on its key where that is your own`;
  throw unusable(`${what} cannot be read: ${code}: ${text}; ${right} on it is needed`, hint);
}

/** A bearer token as secrets hold it: the token itself, or JSON with the key `token`. */
function tokenOf(text: string, what: string): string {
  const value = text.trim();
  const token = value.startsWith('{') ? tokenInJson(value) : value;
  // A line break or a space in a header would end the request with an error that quotes it.
  if (token !== undefined && /^[\x21-\x7e]+$/.test(token)) return token;
  throw unusable(`${what} holds no bearer token`, `store the token itself or {"token": "…"} in ${what}`);
}

function tokenInJson(text: string): string | undefined {
  try {
    const { token } = JSON.parse(text) as { token?: unknown };
    return typeof token === 'string' ? token.trim() : undefined;
  } catch {
    // The parser's own text quotes the secret.
    return undefined;
  }
}

const unusable = (message: string, hint: string) =>
  terminalError(message, { type: 'ConfigurationError', component: 'credentials', hint });
