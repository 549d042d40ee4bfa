import { createHash, createHmac } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { SignatureV4 } from '@smithy/signature-v4';
import { describe, expect, it } from 'vitest';
import { type AwsCallOptions, awsEndpoint, createAwsCall, Sha256 } from './aws-call.ts';
import { eksToken } from './eks-token.ts';

/** The keys of the test vectors AWS published for signature version 4. */
const keys = { accessKeyId: 'AKIDEXAMPLE', secretAccessKey: 'wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY' };
const NOW = Date.UTC(2015, 7, 30, 12, 36);

function optionsWith(given: Partial<AwsCallOptions> = {}): AwsCallOptions & { readonly slept: number[] } {
  const slept: number[] = [];
  const sleep = async (ms: number) => void slept.push(ms);
  const env = { AWS_REGION: 'us-east-1' };
  return { env, credentials: async () => keys, clock: () => NOW, sleep, random: () => 1, slept, ...given };
}

const sha256 = (text: string) => createHash('sha256').update(text).digest('hex');
const hmac = (key: string | Buffer, text: string) => createHmac('sha256', key).update(text).digest();

type Signed = {
  method: string;
  path: string;
  query: string;
  headers: [string, string][];
  body: string;
  service: string;
};

/** The signature as AWS describes it, by other code than what is tested. */
function signatureOf({ method, path, query, headers, body, service }: Signed): string {
  const names = headers.map(([name]) => name).join(';');
  const lines = headers.map(([name, value]) => `${name}:${value}\n`).join('');
  const canonical = [method, path, query, lines, names, sha256(body)].join('\n');
  const scope = `20150830/us-east-1/${service}/aws4_request`;
  const key = scope.split('/').reduce<string | Buffer>((made, part) => hmac(made, part), `AWS4${keys.secretAccessKey}`);
  return hmac(key, `AWS4-HMAC-SHA256\n20150830T123600Z\n${scope}\n${sha256(canonical)}`).toString('hex');
}

describe('signature', () => {
  const VANILLA = '5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31';

  it('is that of the published vector get-vanilla, by our hash and by the code that checks the other tests', async () => {
    const signer = new SignatureV4({
      service: 'service',
      region: 'us-east-1',
      credentials: keys,
      sha256: Sha256,
      applyChecksum: false,
    });
    const host = 'example.amazonaws.com';
    const request = { method: 'GET', protocol: 'https:', hostname: host, path: '/', headers: { host } };
    const { headers } = await signer.sign(request, { signingDate: new Date(NOW) });
    expect(headers['authorization']).toMatch(new RegExp(`Signature=${VANILLA}$`));
    const signed: [string, string][] = [
      ['host', host],
      ['x-amz-date', '20150830T123600Z'],
    ];
    expect(signatureOf({ method: 'GET', path: '/', query: '', headers: signed, body: '', service: 'service' })).toBe(
      VANILLA,
    );
  });

  it('of a call is right for what arrives, under the path of an endpoint and with a session token', async () => {
    let arrived: { message: IncomingMessage; body: string } | undefined;
    const server = createServer(async (message, response) => {
      const chunks: Buffer[] = [];
      for await (const chunk of message) chunks.push(chunk as Buffer);
      arrived = { message, body: Buffer.concat(chunks).toString() };
      response.end('{"SecretString":"ü"}');
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const env = { AWS_REGION: 'us-east-1', AWS_ENDPOINT_URL_SECRETS_MANAGER: `http://127.0.0.1:${port}/place` };
    try {
      const call = createAwsCall(optionsWith({ env, credentials: async () => ({ ...keys, sessionToken: 'session' }) }));
      const answer = await call('secretsmanager', 'GetSecretValue', { SecretId: 'tmc/hub' });
      expect(answer).toEqual({ ok: true, output: { SecretString: 'ü' } });
    } finally {
      server.close();
    }
    const { message, body } = arrived!;
    expect(message.url).toBe('/place/');
    expect(JSON.parse(body)).toEqual({ SecretId: 'tmc/hub' });
    expect(message.headers).toMatchObject({
      'x-amz-target': 'secretsmanager.GetSecretValue',
      'x-amz-security-token': 'session',
    });
    const authorization = String(message.headers.authorization);
    const names = /SignedHeaders=([^,]+)/.exec(authorization)?.[1]?.split(';') ?? [];
    expect(names).toEqual(expect.arrayContaining(['host', 'x-amz-date', 'x-amz-security-token', 'x-amz-target']));
    const headers = names.map((name): [string, string] => [name, String(message.headers[name])]);
    const expected = signatureOf({
      method: 'POST',
      path: '/place/',
      query: '',
      headers,
      body,
      service: 'secretsmanager',
    });
    expect(authorization).toMatch(new RegExp(`Signature=${expected}$`));
  });

  it('of an EKS token is that of the call it stands for, with the cluster in it', async () => {
    const token = await eksToken(
      'west',
      optionsWith({ credentials: async () => ({ ...keys, sessionToken: 'a+b/c=' }) }),
    );
    expect(token).toMatch(/^k8s-aws-v1\.[\w-]+$/);
    const url = new URL(Buffer.from(token.slice('k8s-aws-v1.'.length), 'base64url').toString());
    expect(url.origin + url.pathname).toBe('https://sts.us-east-1.amazonaws.com/');
    const asked = Object.fromEntries(url.searchParams);
    expect(asked).toMatchObject({
      Action: 'GetCallerIdentity',
      Version: '2011-06-15',
      'X-Amz-Date': '20150830T123600Z',
      'X-Amz-Expires': '60',
      'X-Amz-Security-Token': 'a+b/c=',
      'X-Amz-SignedHeaders': 'host;x-k8s-aws-id',
    });
    const { 'X-Amz-Signature': signature, ...rest } = asked;
    const pairs = Object.entries(rest).map(([name, value]) => `${name}=${encodeURIComponent(value)}`);
    const headers: [string, string][] = [
      ['host', url.host],
      ['x-k8s-aws-id', 'west'],
    ];
    const query = pairs.sort().join('&');
    expect(signature).toBe(signatureOf({ method: 'GET', path: '/', query, headers, body: '', service: 'sts' }));
  });
});

describe('calls of AWS', () => {
  const reply = (status: number, body: object) => new Response(JSON.stringify(body), { status });
  const ask = (replies: (Response | Error)[], options = optionsWith()) => {
    const fetch = async () => {
      const next = replies.shift();
      if (next instanceof Response) return next;
      throw next ?? new Error('asked too often');
    };
    return createAwsCall({ ...options, fetch })('ssm', 'GetParameter', { Name: '/a' });
  };

  it('are tried again when AWS is overloaded or not reached', async () => {
    const options = optionsWith();
    const lost = Object.assign(new TypeError('fetch failed'), { cause: new Error('connect ECONNREFUSED') });
    const throttled = reply(400, { __type: 'com.amazonaws#ThrottlingException', message: 'slower' });
    expect(await ask([lost, throttled, reply(200, { Parameter: {} })], options)).toMatchObject({ ok: true });
    expect(options.slept).toEqual([200, 400]);
  });

  it('are a retry when AWS does not answer in all attempts, and say why', async () => {
    const overloaded = () => reply(503, { __type: 'ServiceUnavailable', message: 'later' });
    await expect(ask([overloaded(), overloaded(), overloaded()])).rejects.toMatchObject({
      kind: 'retry',
      message: 'could not call ssm GetParameter: ServiceUnavailable later',
    });
  });

  it('tell what AWS refused, at once', async () => {
    expect(await ask([reply(400, { __type: 'ParameterNotFound', Message: 'none' })])).toEqual({
      ok: false,
      code: 'ParameterNotFound',
      text: 'none',
    });
  });

  it.each([
    [{ AWS_REGION: 'eu-west-1' }, 'https://ssm.eu-west-1.amazonaws.com'],
    [{ AWS_REGION: 'cn-north-1' }, 'https://ssm.cn-north-1.amazonaws.com.cn'],
    [{ AWS_ENDPOINT_URL: 'http://all' }, 'http://all'],
    [{ AWS_ENDPOINT_URL: 'http://all', AWS_ENDPOINT_URL_SSM: 'http://own' }, 'http://own'],
  ])('go where %j says', (env, endpoint) => {
    expect(awsEndpoint('ssm', env)).toBe(endpoint);
  });
});
