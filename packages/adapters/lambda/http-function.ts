import middy from '@middy/core';
import type { Clock } from '@tmc/kernel/clock.ts';
import { kindOf, messageOf } from '@tmc/kernel/errors.ts';
import type { APIGatewayProxyStructuredResultV2, LambdaFunctionURLEvent } from 'aws-lambda';
import type { LambdaHandler } from './start.ts';
import type { Log } from './telemetry.ts';

/** What can be read under a path. */
export type HttpRoute = {
  /** Segments in braces are parameters: `/v1/workspaces/{workspace}`. */
  readonly path: string;
  /** What is answered as JSON. */
  readonly read: (parameters: Readonly<Record<string, string>>) => Promise<object>;
};

export type HttpFunctionOptions = {
  readonly routes: readonly HttpRoute[];
  readonly log: Log;
  readonly clock: Clock;
  readonly middlewares?: readonly middy.MiddlewareObj[];
};

type Answer = APIGatewayProxyStructuredResultV2;
type Found = { readonly route: HttpRoute; readonly parameters: Readonly<Record<string, string>> };

/** A Lambda function behind a function URL (payload 2.0) that answers GET with JSON, and everything else with a JSON error. */
export function httpFunction(options: HttpFunctionOptions): LambdaHandler<LambdaFunctionURLEvent, Answer> {
  const { log, clock, middlewares = [] } = options;
  const handler = async (event: LambdaFunctionURLEvent): Promise<Answer> => {
    const startMs = clock();
    const { method } = event.requestContext.http;
    const found = find(options.routes, event.rawPath);
    const { log: facts, ...answer } = await answerTo(method, found);
    const fields = { method, route: found?.route.path, status: answer.statusCode, durationMs: clock() - startMs };
    if (facts) log.error({ ...fields, ...facts }, 'request failed');
    else log.info(fields, 'request answered');
    return answer;
  };
  return middy<LambdaFunctionURLEvent, Answer>({ timeoutEarlyInMillis: 0 })
    .use([...middlewares])
    .handler(handler) as unknown as LambdaHandler<LambdaFunctionURLEvent, Answer>;
}

async function answerTo(method: string, found: Found | undefined): Promise<Answer & { log?: Record<string, unknown> }> {
  if (!found) return json(404, { error: 'there is nothing under this path' });
  if (method !== 'GET')
    return json(405, { error: `${method} is not possible here: this API is read only` }, { allow: 'GET' });
  try {
    return json(200, await found.route.read(found.parameters));
  } catch (error) {
    const log = { error: messageOf(error), stack: error instanceof Error ? error.stack : undefined };
    if (kindOf(error) !== 'retry')
      return { ...json(500, { error: 'internal error: the log of this function says more' }), log };
    return { ...json(503, { error: 'not to be had just now, try again' }, { 'retry-after': '1' }), log };
  }
}

function json(statusCode: number, body: object, headers: Record<string, string> = {}): Answer {
  const common = { 'content-type': 'application/json', 'cache-control': 'no-store' };
  return { statusCode, headers: { ...common, ...headers }, body: JSON.stringify(body) };
}

function find(routes: readonly HttpRoute[], rawPath: string): Found | undefined {
  const given = rawPath.replace(/(?<=.)\/$/, '').split('/');
  for (const route of routes) {
    const parameters = match(route.path.split('/'), given);
    if (parameters) return { route, parameters };
  }
  return undefined;
}

function match(wanted: readonly string[], given: readonly string[]): Record<string, string> | undefined {
  if (wanted.length !== given.length) return undefined;
  const parameters: Record<string, string> = {};
  for (const [index, segment] of wanted.entries()) {
    const value = decoded(given[index] ?? '');
    const name = /^\{(.+)\}$/.exec(segment)?.[1];
    if (name === undefined ? segment !== value : !value) return undefined;
    if (name !== undefined && value) parameters[name] = value;
  }
  return parameters;
}

function decoded(segment: string): string | undefined {
  try {
    return decodeURIComponent(segment);
  } catch {
    return undefined;
  }
}
