import { isTmcError, type TmcError } from '@tmc/kernel/errors.ts';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Api } from '../kube/api.ts';
import { json, type ScriptedServer, startScriptedServer, text } from '../kube/scripted-server.ts';
import { createKubeCredentials } from './kube-credentials.ts';

const keys = { accessKeyId: 'id', secretAccessKey: 'key' };
const url = 'https://127.0.0.1:6443';

/** Secrets Manager and Systems Manager with these values; a number is the status of a refusal. */
function world(values: Record<string, string | { code: string }>) {
  const asked: string[] = [];
  /** The address of each call, and the region it was signed for. */
  const sent: string[] = [];
  let nowMs = 0;
  const fetch = async (to: string, { headers, body }: { headers: Record<string, string>; body: string }) => {
    sent.push(`${to} ${/\d{8}\/([^/]+)\//.exec(headers['authorization'] ?? '')?.[1]}`);
    const action = headers['x-amz-target'] ?? '';
    const { SecretId, Name = SecretId, ...rest } = JSON.parse(body) as Record<string, string>;
    asked.push([action, Name, ...Object.entries(rest).flat()].join(' '));
    const value = values[Name ?? ''] ?? {
      code: action.startsWith('Amazon') ? 'ParameterNotFound' : 'ResourceNotFoundException',
    };
    if (typeof value !== 'string')
      return new Response(JSON.stringify({ __type: value.code, message: 'says AWS' }), { status: 400 });
    return Response.json(action.startsWith('Amazon') ? { Parameter: { Value: value } } : { SecretString: value });
  };
  const credentials = createKubeCredentials({
    env: { AWS_REGION: 'eu-central-1' },
    credentials: async () => keys,
    clock: () => nowMs,
    sleep: async () => undefined,
    random: () => 0,
    fetch: fetch as unknown as typeof globalThis.fetch,
  });
  return { ...credentials, asked, sent, values, pass: (ms: number) => (nowMs += ms) };
}

async function failure(promise: unknown): Promise<TmcError> {
  const error = await Promise.resolve(promise).catch((reason: unknown) => reason);
  if (!isTmcError(error)) throw new Error(`no TmcError: ${String(error)}`);
  return error;
}

describe('credentials by reference', () => {
  it.each([
    ['itself', 'abc\n'],
    ['as JSON', '{"token":"abc","expires":"never"}'],
  ])('a secret holds the token %s', async (_, value) => {
    const { connection, asked } = world({ 'tmc/hub': value });
    const { authorization, ...rest } = connection({ url, ca: 'pem', secret: 'tmc/hub' });
    expect(asked).toEqual([]);
    expect(rest).toMatchObject({ url, ca: 'pem', credentials: { kind: 'secret', name: 'tmc/hub' } });
    expect(await authorization?.()).toBe('Bearer abc');
    expect(asked).toEqual(['secretsmanager.GetSecretValue tmc/hub']);
  });

  it.each([
    ['tmc/hub', 'eu-central-1', 'amazonaws.com'],
    ['arn:aws:secretsmanager:us-west-2:111122223333:secret:tmc/hub-AbCdEf', 'us-west-2', 'amazonaws.com'],
    ['arn:aws-cn:secretsmanager:cn-north-1:111122223333:secret:tmc/hub-AbCdEf', 'cn-north-1', 'amazonaws.com.cn'],
  ])('the secret %s is asked for in %s', async (secret, region, domain) => {
    const { connection, sent } = world({ [secret]: 'abc' });
    expect(await connection({ url, secret }).authorization?.()).toBe('Bearer abc');
    expect(sent).toEqual([`https://secretsmanager.${region}.${domain}/ ${region}`]);
  });

  it('a parameter is decrypted', async () => {
    const { connection, asked } = world({ '/tmc/hub': 'abc' });
    expect(await connection({ url, parameter: '/tmc/hub' }).authorization?.()).toBe('Bearer abc');
    expect(asked).toEqual(['AmazonSSM.GetParameter /tmc/hub WithDecryption true']);
  });

  it('two connections by one secret read it once, those by another theirs', async () => {
    const { connection, asked } = world({ a: 'one', b: 'two' });
    const all = ['a', 'a', 'b'].map((secret) => connection({ url, secret }).authorization?.());
    expect(await Promise.all(all)).toEqual(['Bearer one', 'Bearer one', 'Bearer two']);
    expect(asked).toHaveLength(2);
  });

  it('an EKS cluster gets a token without any call', async () => {
    const { connection, asked } = world({});
    expect(await connection({ url, eks: 'west' }).authorization?.()).toMatch(/^Bearer k8s-aws-v1\./);
    expect(asked).toEqual([]);
  });

  it('a connection without any has no credentials', () => {
    expect(world({}).connection({ url })).toEqual({ url });
  });

  it('what does not exist is named with what to do', async () => {
    const { connection } = world({});
    const secret = await failure(connection({ url, secret: 'tmc/hub' }).authorization?.());
    expect(secret.message).toBe('secret tmc/hub does not exist');
    expect(secret.facts.hint).toContain('make secret tmc/hub');
    const parameter = await failure(connection({ url, parameter: '/tmc/hub' }).authorization?.());
    expect(parameter.message).toBe('parameter /tmc/hub does not exist');
  });

  it('a missing right is named', async () => {
    const { connection, secret } = world({
      a: { code: 'AccessDeniedException' },
      '/a': { code: 'AccessDeniedException' },
    });
    expect((await failure(secret('a'))).message).toBe(
      'secret a cannot be read: AccessDeniedException: says AWS; secretsmanager:GetSecretValue on it is needed',
    );
    const { facts } = await failure(connection({ url, parameter: '/a' }).authorization?.());
    expect(facts.hint).toBe(
      "allow the function's role ssm:GetParameter on parameter /a, and kms:Decrypt on its key where that is your own",
    );
  });

  it.each(['{"token":7,"hunter2":1}', '{"hunter2', 'two hunter2 words', ''])(
    'content that is no token (%j) is not shown',
    async (value) => {
      const { message, facts, cause } = await failure(
        world({ a: value }).connection({ url, secret: 'a' }).authorization?.(),
      );
      expect(message).toBe('secret a holds no bearer token');
      expect(JSON.stringify([facts, cause])).not.toContain('hunter2');
    },
  );
});

describe('a token that the API server refuses', () => {
  let server: ScriptedServer;
  const valid = { token: 'new' };
  const pod = { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'a' } };

  beforeEach(async () => {
    server = await startScriptedServer((stream, headers) => {
      const isValid = headers['authorization'] === `Bearer ${valid.token}`;
      (isValid ? json(pod) : text('Unauthorized', 401))(stream, headers);
    });
  });
  afterEach(() => server.close());

  it('is read again for the next attempt', async () => {
    const { connection, values, asked, pass } = world({ hub: 'old' });
    valid.token = 'old';
    const api = new Api({ connection: { ...connection({ url: server.connection.url, secret: 'hub' }) } });
    const get = () => api.find({ method: 'GET', path: '/api/v1/pods/a' });
    try {
      expect(await get()).toMatchObject(pod);
      pass(60_000);
      [valid.token, values['hub']] = ['new', 'new'];
      expect((await failure(get())).message).toContain('refused was the token in secret hub');
      expect(await get()).toMatchObject(pod);
      expect(asked).toHaveLength(2);
    } finally {
      api.close();
    }
  });

  it('that cannot be had is told with what to do', async () => {
    const api = new Api({ connection: world({}).connection({ url: server.connection.url, secret: 'hub' }) });
    try {
      const { message, facts } = await failure(api.find({ method: 'GET', path: '/api/v1/pods/a' }));
      expect(message).toBe(
        'GET /api/v1/pods/a: not asked, for want of the token in secret hub: secret hub does not exist',
      );
      expect(facts.hint).toContain('make secret hub');
    } finally {
      api.close();
    }
  });
});
