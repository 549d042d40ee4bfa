import { retryError } from '@tmc/kernel/errors.ts';
import type { Context, LambdaFunctionURLEvent } from 'aws-lambda';
import { describe, expect, it } from 'vitest';
import { type HttpRoute, httpFunction } from './http-function.ts';

const routes: HttpRoute[] = [
  { path: '/healthz', read: async () => ({ status: 'ok' }) },
  { path: '/v1/things/{thing}/parts/{part}', read: async (parameters) => parameters },
  { path: '/v1/busy', read: () => Promise.reject(retryError('table throttled', { type: 'NetworkConnectivity' })) },
  { path: '/v1/broken', read: () => Promise.reject(new Error('a bug')) },
];

async function ask(path: string, method = 'GET') {
  const logged: { level: string; fields: Record<string, unknown> }[] = [];
  const note = (level: string) => (fields: Record<string, unknown>) => void logged.push({ level, fields });
  const log = { debug: note('debug'), info: note('info'), warn: note('warn'), error: note('error') };
  let nowMs = 0;
  const invoke = httpFunction({ routes, log, clock: () => (nowMs += 5) });
  const event = { rawPath: path, requestContext: { http: { method } } } as LambdaFunctionURLEvent;
  const { statusCode, headers, body } = await invoke(event, {} as Context);
  return { status: statusCode, headers, body: JSON.parse(body ?? '') as unknown, logged };
}

describe('a function behind a URL', () => {
  it.each([
    ['/healthz', { status: 'ok' }],
    ['/healthz/', { status: 'ok' }],
    ['/v1/things/root%3Atmc/parts/b', { thing: 'root:tmc', part: 'b' }],
    ['/v1/things/root:tmc/parts/b', { thing: 'root:tmc', part: 'b' }],
  ])('answers %s', async (path, body) => {
    expect(await ask(path)).toMatchObject({ status: 200, headers: { 'content-type': 'application/json' }, body });
  });

  it.each(['/', '/v1', '/healthz/more', '/v1/things//parts/b', '/v1/things/%E0/parts/b'])(
    'finds nothing at %s',
    async (path) => {
      expect(await ask(path)).toMatchObject({ status: 404, body: { error: 'there is nothing under this path' } });
    },
  );

  it.each(['POST', 'PUT', 'DELETE', 'HEAD'])('does not do %s', async (method) => {
    expect(await ask('/healthz', method)).toMatchObject({ status: 405, headers: { allow: 'GET' } });
  });

  it('says when to try again, and nothing of a bug but that its log does', async () => {
    expect(await ask('/v1/busy')).toMatchObject({ status: 503, headers: { 'retry-after': '1' } });
    const { status, body, logged } = await ask('/v1/broken');
    expect([status, body]).toEqual([500, { error: 'internal error: the log of this function says more' }]);
    expect(logged).toMatchObject([
      { level: 'error', fields: { error: 'a bug', stack: expect.stringContaining('a bug') } },
    ]);
  });

  it('logs the route, never what stands in for its parameters', async () => {
    const { logged } = await ask('/v1/things/secret/parts/b');
    const route = '/v1/things/{thing}/parts/{part}';
    expect(logged).toEqual([{ level: 'info', fields: { method: 'GET', route, status: 200, durationMs: 5 } }]);
  });
});
