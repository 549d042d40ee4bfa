import { createHash, createHmac, type Hmac } from 'node:crypto';
import { SignatureV4 } from '@smithy/signature-v4';
import type { Clock, Sleep } from '@tmc/kernel/clock.ts';
import { messageOf, retryError } from '@tmc/kernel/errors.ts';
import type { Random } from '@tmc/kernel/ids.ts';
import { type PostAnswer, type PostRequest, post } from '../aws/post.ts';

/**
 * Two calls of AWS that functions make so seldom that an SDK client for each would be the larger part of their bundles: JSON 1.1,
 * signed, to the endpoint the environment names.
 */
export type AwsCall = (service: Service, action: string, input: object, where?: Where) => Promise<AwsAnswer>;

/** Absent: the region of the environment. */
type Where = { readonly region?: string | undefined };

/** What AWS answered: the output, or its code and text for why there is none. */
export type AwsAnswer =
  | { readonly ok: true; readonly output: Readonly<Record<string, unknown>> }
  | { readonly ok: false; readonly code: string; readonly text: string };

type AwsKeys = {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string;
};

export type AwsCallOptions = {
  /** `AWS_REGION` and the endpoints, as SDKs read them. */
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly credentials: () => Promise<AwsKeys>;
  readonly clock: Clock;
  readonly sleep: Sleep;
  readonly random: Random;
  readonly fetch?: (url: string, request: PostRequest) => Promise<PostAnswer>;
};

const TARGETS = { secretsmanager: 'secretsmanager', ssm: 'AmazonSSM' } as const;
type Service = keyof typeof TARGETS;
/** Parts of the names of variables that move one service elsewhere. */
const ENDPOINTS = { secretsmanager: 'SECRETS_MANAGER', ssm: 'SSM', sts: 'STS' } as const;

const ATTEMPTS = 3;
/** Short: a call under way when a function was frozen hangs when it thaws. */
const ATTEMPT_MS = 2_000;
const BACKOFF_MS = 100;
const THROTTLED = /Throttl|TooManyRequests|RequestLimitExceeded|SlowDown/;

/** Makes the calls of one function. They throw TmcError `retry` when AWS did not answer or was overloaded in all attempts. */
export function createAwsCall(options: AwsCallOptions): AwsCall {
  return async (service, action, input, { region = regionOf(options.env) } = {}) => {
    for (let attempt = 1; ; attempt += 1) {
      const answer = await callOnce(options, { service, action, input, region });
      if (!('again' in answer)) return answer;
      if (attempt === ATTEMPTS) {
        throw retryError(`could not call ${service} ${action}: ${answer.again}`, {
          type: 'NetworkConnectivity',
          component: 'credentials',
        });
      }
      await options.sleep(BACKOFF_MS * 2 ** attempt * options.random(), new AbortController().signal);
    }
  };
}

type Asked = {
  readonly service: Service;
  readonly action: string;
  readonly input: object;
  readonly region: string;
};

/** `again` says why another attempt may succeed. */
async function callOnce(options: AwsCallOptions, asked: Asked): Promise<AwsAnswer | { readonly again: string }> {
  try {
    const { url, ...request } = await signedRequest(options, asked);
    const send = options.fetch ?? post;
    const response = await send(url, { ...request, signal: AbortSignal.timeout(ATTEMPT_MS) });
    const output = ((await response.json().catch(() => undefined)) ?? {}) as Record<string, unknown>;
    if (response.ok) return { ok: true, output };
    const code = String(output['__type'] ?? `status ${response.status}`).replace(/^.*#/, '');
    const text = String(output['message'] ?? output['Message'] ?? '');
    if (response.status >= 500 || response.status === 429 || THROTTLED.test(code)) return { again: `${code} ${text}` };
    return { ok: false, code, text };
  } catch (error) {
    const { cause } = error as Error;
    return { again: cause === undefined ? messageOf(error) : `${messageOf(error)}: ${messageOf(cause)}` };
  }
}

async function signedRequest({ env, credentials, clock }: AwsCallOptions, { service, action, input, region }: Asked) {
  const base = new URL(awsEndpoint(service, env, region));
  const path = `${base.pathname.replace(/\/$/, '')}/`;
  const body = JSON.stringify(input);
  const signer = new SignatureV4({ service, region, credentials, sha256: Sha256 });
  const { headers } = await signer.sign(
    {
      method: 'POST',
      protocol: base.protocol,
      hostname: base.hostname,
      path,
      headers: {
        host: base.host,
        'content-type': 'application/x-amz-json-1.1',
        'x-amz-target': `${TARGETS[service]}.${action}`,
      },
      body,
    },
    { signingDate: new Date(clock()) },
  );
  const { host: _host, ...sent } = headers;
  return { url: `${base.origin}${path}`, method: 'POST', headers: sent, body };
}

/** Where a service is: the endpoint of the environment, its own before the one of all, else that of the region. */
export function awsEndpoint(
  service: keyof typeof ENDPOINTS,
  env: AwsCallOptions['env'],
  region: string = regionOf(env),
): string {
  const named = env[`AWS_ENDPOINT_URL_${ENDPOINTS[service]}`] || env['AWS_ENDPOINT_URL'];
  return named || `https://${service}.${region}.amazonaws.com${region.startsWith('cn-') ? '.cn' : ''}`;
}

/** The region of the environment, as Lambda sets it. */
export const regionOf = (env: AwsCallOptions['env']): string => env['AWS_REGION'] || 'us-east-1';

/** SHA-256, with a key its HMAC, as the signer wants it. */
export class Sha256 {
  readonly #hash: Pick<Hmac, 'update' | 'digest'>;

  constructor(secret?: string | ArrayBuffer | ArrayBufferView) {
    this.#hash = secret === undefined ? createHash('sha256') : createHmac('sha256', bytesOf(secret));
  }

  update(data: string | ArrayBuffer | ArrayBufferView): void {
    this.#hash.update(bytesOf(data));
  }

  async digest(): Promise<Uint8Array> {
    return this.#hash.digest();
  }
}

function bytesOf(data: string | ArrayBuffer | ArrayBufferView): Uint8Array {
  if (typeof data === 'string') return Buffer.from(data);
  return ArrayBuffer.isView(data)
    ? new Uint8Array(data.buffer, data.byteOffset, data.byteLength)
    : new Uint8Array(data);
}
