import { describe, expect, it } from 'vitest';
import { type Answer, classify, classifyWatchError, FORBIDDEN_GRACE_MS, type Question } from './classify.ts';
import type { Status } from './status.ts';

const key = { workspace: 'ws', group: 'apps', resource: 'deployments', namespace: 'shop', name: 'web' };
const get: Question = { method: 'GET', about: 'ws|apps/deployments|shop/web', key };
const patch: Question = { ...get, method: 'PATCH' };
const post: Question = { ...get, method: 'POST' };

function answer(status: number, statusBody?: Omit<Status, 'kind'>, extra: Partial<Answer> = {}): Answer {
  const contentType = statusBody ? 'application/json' : 'text/plain';
  return { status, contentType, ...(statusBody && { statusBody: { kind: 'Status', ...statusBody } }), ...extra };
}

const gone = { reason: 'NotFound', details: { name: 'web', group: 'apps', kind: 'deployments' } };
const noNamespace = { reason: 'NotFound', details: { name: 'shop', kind: 'namespaces' } };

describe('classify', () => {
  it.each<[string, Answer, Question, string]>([
    ['a 200 is ok', answer(200), get, 'ok'],
    ['a 201 is ok', answer(201), patch, 'ok'],
    ['a Status NotFound that names the object is proof', answer(404, gone), get, 'notFound'],
    [
      'also without kind in its details',
      answer(404, { reason: 'NotFound', details: { name: 'web' } }),
      get,
      'notFound',
    ],
    ['and for a patch', answer(404, gone), patch, 'notFound'],
    [
      'one that names another object proves nothing',
      answer(404, { ...gone, details: { ...gone.details, name: 'db' } }),
      get,
      'retry ResourceNotFound',
    ],
    [
      'one about another kind of that name neither',
      answer(404, { reason: 'NotFound', details: { name: 'web', kind: 'apibindings', group: 'apis.kcp.io' } }),
      get,
      'retry ResourceNotFound',
    ],
    ['404 as text neither: kcp restarting, a path nothing is mounted at', answer(404), get, 'retry ResourceNotFound'],
    [
      'a resource that is not served neither',
      answer(404, { reason: 'NotFound', details: {} }),
      get,
      'retry ResourceNotFound',
    ],
    ['a missing namespace is told apart', answer(404, noNamespace), patch, 'terminal ResourceNotFound'],
    ['also at creation', answer(404, noNamespace), post, 'terminal ResourceNotFound'],
    [
      'a 401 is tried again with fresh credentials',
      answer(401, { reason: 'Unauthorized' }),
      get,
      'retry ClusterAuthentication',
    ],
    ['a first 403 is tried again', answer(403, { reason: 'Forbidden' }), get, 'retry ResourcePermission'],
    [
      'a 403 for half a minute is tried again',
      answer(403, { reason: 'Forbidden' }),
      { ...get, forbiddenForMs: FORBIDDEN_GRACE_MS },
      'retry ResourcePermission',
    ],
    [
      'a longer one is final',
      answer(403, { reason: 'Forbidden' }),
      { ...get, forbiddenForMs: FORBIDDEN_GRACE_MS + 1 },
      'terminal ResourcePermission',
    ],
    [
      'a namespace being deleted is never final',
      answer(403, { reason: 'Forbidden', details: { causes: [{ reason: 'NamespaceTerminating' }] } }),
      { ...post, forbiddenForMs: FORBIDDEN_GRACE_MS * 2 },
      'retry ResourceConflict',
    ],
    ['a 409 is a conflict', answer(409, { reason: 'Conflict' }), patch, 'conflict ResourceConflict'],
    ['existing already is a conflict', answer(409, { reason: 'AlreadyExists' }), post, 'conflict ResourceConflict'],
    [
      'a 422 about the uid is a conflict',
      answer(422, { reason: 'Invalid', details: { causes: [{ field: 'metadata.uid' }] } }),
      patch,
      'conflict ResourceConflict',
    ],
    ['any other 422 is final', answer(422, { reason: 'Invalid' }), patch, 'terminal ResourceValidation'],
    ['a 400 is final', answer(400, { reason: 'BadRequest' }), patch, 'terminal ResourceValidation'],
    ['a 415 is final', answer(415), patch, 'terminal ResourceValidation'],
    ['a 410 asks for a list', answer(410, { reason: 'Expired' }), get, 'expired ResourceConflict'],
    ['a 429 waits', answer(429), get, 'retry ClusterUnavailable'],
    ['a 408 is tried again', answer(408), get, 'retry ClusterUnreachable'],
    ['a 500 as text is tried again', answer(500), get, 'retry ClusterUnavailable'],
    ['a 503 is tried again', answer(503, { reason: 'ServiceUnavailable' }), get, 'retry ClusterUnavailable'],
    ['a redirect is a wrong URL', answer(302), get, 'terminal ConfigurationError'],
  ])('%s', (_sentence, given, question, expected) => {
    const verdict = classify(given, question);
    const actual = verdict.kind === 'error' ? `${verdict.error.kind} ${verdict.error.facts.type}` : verdict.kind;
    expect(actual).toBe(expected);
  });

  it('gives the key of the namespace to create', () => {
    const verdict = classify(answer(404, noNamespace), patch);
    expect(verdict).toMatchObject({ error: { facts: { key: 'ws|/namespaces|/shop' } } });
  });

  it.each([
    ['in the header', answer(429, undefined, { retryAfter: '7' }), 7_000],
    ['in the Status', answer(429, { details: { retryAfterSeconds: 3 } }), 3_000],
    ['nowhere', answer(429), 1_000],
    ['as a date nobody asked for', answer(429, undefined, { retryAfter: 'Wed, 21 Oct 2026 07:28:00 GMT' }), 1_000],
    ['of a server that is overloaded', answer(503, undefined, { retryAfter: '2' }), 2_000],
    ['for five minutes at most', answer(429, undefined, { retryAfter: '301' }), 300_000],
    ['of days in a Status no longer', answer(503, { details: { retryAfterSeconds: 1e9 } }), 300_000],
  ])('obeys the wait %s', (_where, given, retryAfterMs) => {
    expect(classify(given, get)).toMatchObject({ error: { facts: { retryAfterMs } } });
  });

  it.each([
    ['', 'RULE'],
    ['pods is forbidden: User "x" cannot list resource "pods" in API group "" at the cluster scope', 'RULE'],
    ['configmaps is forbidden: User "x" cannot get resource "configmaps" in API group "": access denied', 'RULE'],
    ['pods "a" is forbidden: exceeded quota: small', 'policy of its own'],
    ['services "a" is forbidden: violates the rules of the house', 'policy of its own'],
  ])('a 403 that says %j is answered by %s', (message, hint) => {
    const verdict = classify(answer(403, { reason: 'Forbidden', message }), { ...get, rightsHint: 'RULE' });
    expect(verdict).toMatchObject({ error: { kind: 'retry', facts: { hint: expect.stringContaining(hint) } } });
  });

  it('says what was attempted, on what and why, but nothing a server quotes of a Secret', () => {
    const said = {
      reason: 'Invalid',
      message: 'data[token]: Invalid value: "hunter2"',
      details: { causes: [{ field: 'data[token]' }] },
    };
    const secret = {
      method: 'PATCH',
      about: 'ws|/secrets|shop/db',
      key: { ...key, group: '', resource: 'secrets', name: 'db' },
    };
    const texts = [patch, secret].map((question) => {
      const verdict = classify(answer(422, said), question);
      return verdict.kind === 'error' ? verdict.error.message : '';
    });
    expect(texts).toEqual([
      'PATCH ws|apps/deployments|shop/web: 422 Invalid: data[token]: Invalid value: "hunter2"',
      'PATCH ws|/secrets|shop/db: 422 Invalid: data[token]',
    ]);
  });

  it.each(['secrets', '/clusters/*secrets'])('quotes nothing of a list or watch of %s that failed', (about) => {
    const said = { reason: 'InternalError', message: 'unable to decode {"data":{"token":"hunter2"}}' };
    const verdict = classify(answer(500, said), { method: 'GET', about });
    const event = classifyWatchError({ kind: 'Status', code: 500, ...said }, about);
    const texts = [verdict.kind === 'error' ? verdict.error.message : '', event.message];
    expect(texts).toEqual([`GET ${about}: 500 InternalError`, `WATCH ${about}: 500 InternalError`]);
  });
});

describe('classifyWatchError', () => {
  it.each([
    [{ kind: 'Status', code: 410, reason: 'Expired' } as const, 'expired'],
    [{ kind: 'Status', code: 500, reason: 'InternalError' } as const, 'retry'],
    [{ kind: 'Status', code: 200 } as const, 'retry'],
    [undefined, 'retry'],
  ])('%j is %s', (statusBody, kind) => {
    expect(classifyWatchError(statusBody, 'configmaps').kind).toBe(kind);
  });
});
