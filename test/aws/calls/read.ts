import { ACCOUNT, type Body, bytesOf, type Exchange, type Reading, type ServiceCall, textOf } from './call.ts';
import { readDynamo } from './dynamodb.ts';
import { readSqs } from './sqs.ts';

/** Services of the JSON protocols by the first part of `X-Amz-Target`. */
const JSON_SERVICES: Readonly<Record<string, (call: ServiceCall) => Reading[]>> = {
  AmazonSQS: readSqs,
  DynamoDB_20120810: readDynamo,
  AmazonSSM: readParameters,
  secretsmanager: readSecrets,
};

/**
 * The calls in one exchange, as IAM names them. What cannot be read is one call of the service `unknown`, of which the action says
 * what was seen and why: a policy never allows it, so that nothing goes by unjudged.
 */
export function readCalls(exchange: Exchange): Reading[] {
  const { method, path, target, body } = exchange;
  try {
    return readKnown(exchange);
  } catch (error) {
    const seen = `${target ?? `${method} ${path}`}: ${(error as Error).message}`;
    return [{ service: 'unknown', action: `unknown:${seen}`, resource: '*', items: 0, bytes: bytesOf(body) }];
  }
}

function readKnown({ target, contentType, ...exchange }: Exchange): Reading[] {
  const { region, service } = scopeOf(exchange.authorization);
  if (target !== undefined) {
    const [prefix = '', operation = ''] = target.split('.');
    const read = JSON_SERVICES[prefix];
    if (!read) throw new Error('no reader for this service');
    return read({
      operation,
      region,
      status: exchange.status,
      input: parsed(exchange.body),
      output: parsed(exchange.answer),
    });
  }
  if (contentType?.startsWith('application/x-www-form-urlencoded')) return readForm(service, exchange.body);
  if (service === 'lambda') return [readLambda(exchange, region)];
  throw new Error('no reader for this protocol');
}

/** Answers to failed calls may be of any shape: what is not JSON says nothing. */
function parsed(text: string): Body {
  try {
    return text === '' ? {} : (JSON.parse(text) as Body);
  } catch {
    return {};
  }
}

/** Region and service out of the scope that a request was signed for. */
function scopeOf(authorization = ''): { region: string; service: string } {
  const [, region = 'us-east-1', service = ''] =
    /Credential=[^/]*\/\d{8}\/([^/]+)\/([^/]+)\//.exec(authorization) ?? [];
  return { region, service };
}

function readParameters({ operation, region, input }: ServiceCall): Reading[] {
  const names = operation === 'GetParameters' ? (input['Names'] as string[]) : [textOf(input, 'Name')];
  return names.map((name) => ({
    service: 'ssm',
    action: `ssm:${operation}`,
    resource: name.startsWith('arn:') ? name : `arn:aws:ssm:${region}:${ACCOUNT}:parameter/${name.replace(/^\//, '')}`,
    items: 1,
    bytes: 0,
  }));
}

/** The ARN of a secret ends in characters that only the answer tells. */
function readSecrets({ operation, region, input, output }: ServiceCall): Reading[] {
  const id = textOf(input, 'SecretId');
  const named = id.startsWith('arn:') ? id : `arn:aws:secretsmanager:${region}:${ACCOUNT}:secret:${id}`;
  const { ARN: told } = output;
  const resource = typeof told === 'string' ? told : named;
  return [{ service: 'secretsmanager', action: `secretsmanager:${operation}`, resource, items: 1, bytes: 0 }];
}

/** Some calls of STS are not signed: the version of its API tells them. */
const STS_VERSION = '2011-06-15';

function readForm(service: string, body: string): Reading[] {
  const form = new URLSearchParams(body);
  const action = form.get('Action');
  if (form.get('Version') !== STS_VERSION) throw new Error(`no reader for ${action} of ${service}`);
  const resource = form.get('RoleArn') ?? '*';
  return [{ service: 'sts', action: `sts:${action}`, resource, items: 1, bytes: bytesOf(body) }];
}

/** The part of Lambda's API that a function or a person may call here, by method and what follows the function's name. */
const LAMBDA: Readonly<Record<string, string>> = {
  'POST invocations': 'InvokeFunction',
  'GET configuration': 'GetFunctionConfiguration',
  'GET ': 'GetFunction',
};

function readLambda({ method, path, body }: Exchange, region: string): Reading {
  const { pathname } = new URL(path, 'http://emulator');
  const [, , functions, name = '', rest = ''] = pathname.split('/');
  const action = LAMBDA[`${method} ${rest}`];
  if (functions !== 'functions' || name === '' || action === undefined) throw new Error('no reader for this path');
  const decoded = decodeURIComponent(name);
  const resource = decoded.startsWith('arn:') ? decoded : `arn:aws:lambda:${region}:${ACCOUNT}:function:${decoded}`;
  return { service: 'lambda', action: `lambda:${action}`, resource, items: 1, bytes: bytesOf(body) };
}
