import { once } from 'node:events';
import { createSecureServer } from 'node:http2';
import type { AddressInfo } from 'node:net';
import { isTmcError, type TmcError } from '@tmc/kernel/errors.ts';
import { generate } from 'selfsigned';
import { describe, expect, it } from 'vitest';
import { Api } from './api.ts';
import { describeIdentity } from './identity.ts';
import { json, startScriptedServer } from './scripted-server.ts';

const url = 'https://host:6443';
const authorization = () => 'Bearer hunter2';
const DAY_MS = 86_400_000;
const NOW_MS = Date.now();

/** A certificate and its key, valid from and to so many days from now. */
async function certificate(name: string, fromDays: number, toDays: number): Promise<{ cert: string; key: string }> {
  const made = await generate([{ name: 'commonName', value: name }], {
    keyType: 'ec',
    notBeforeDate: new Date(NOW_MS + fromDays * DAY_MS),
    notAfterDate: new Date(NOW_MS + toDays * DAY_MS),
    extensions: [
      { name: 'basicConstraints', cA: true },
      { name: 'subjectAltName', altNames: [{ type: 7, ip: '127.0.0.1' }] },
    ],
  });
  return { cert: made.cert, key: made.private };
}

async function failure(call: Promise<unknown>): Promise<TmcError> {
  const error = await call.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  if (isTmcError(error)) return error;
  throw new Error(`a TmcError was expected, not ${error}`);
}

describe('describeIdentity', () => {
  it.each([
    ['nothing', { url }, 'no credentials', /name a user/],
    ['a token', { url, authorization }, 'the bearer token of the configuration', /kubectl create token/],
    [
      'a token file',
      { url, authorization, credentials: { kind: 'token-file', path: '/var/run/token' } as const },
      'the token in file /var/run/token',
      /to \/var\/run\/token/,
    ],
    [
      'a plugin',
      { url, authorization, credentials: { kind: 'plugin', name: 'aws' } as const },
      'a token of the credential plugin aws',
      /run aws/,
    ],
    [
      'a password',
      { url, authorization, credentials: { kind: 'password' } as const },
      'a user name and password',
      /no passwords/,
    ],
    ['a broken certificate', { url, cert: 'hunter2' }, 'a client certificate that cannot be read', /authority/],
  ])('names %s, never its content', (_name, connection, text, hint) => {
    const note = describeIdentity(connection, NOW_MS);
    expect(note).toEqual({ text, hint: expect.stringMatching(hint) });
    expect(JSON.stringify(note)).not.toContain('hunter2');
  });

  it('names a client certificate and whether the clock speaks against it', async () => {
    const { cert } = await certificate('relay', -1, 1);
    const names = { text: 'the client certificate of CN=relay' };
    expect(describeIdentity({ url, cert }, NOW_MS)).toMatchObject({
      ...names,
      hint: expect.stringContaining('signed by an authority'),
    });
    const late = NOW_MS + 2 * DAY_MS;
    expect(describeIdentity({ url, cert }, late)).toMatchObject({
      ...names,
      hint: expect.stringContaining(`this machine's clock (${new Date(late).toISOString()})`),
    });
  });
});

describe('a 401', () => {
  it('says which credentials were refused and what to do', async () => {
    const server = await startScriptedServer(json({ kind: 'Status', reason: 'Unauthorized' }, 401));
    const credentials = { kind: 'token-file', path: '/etc/tmc/token' } as const;
    const api = new Api({ connection: { ...server.connection, authorization, credentials } });
    const error = await failure(api.find({ method: 'GET', path: '/version' }));
    expect(error).toMatchObject({ kind: 'retry', facts: { type: 'ClusterAuthentication' } });
    expect(error.message).toContain('the token in file /etc/tmc/token');
    expect(error.facts.hint).toContain('/etc/tmc/token');
    expect(JSON.stringify(error)).not.toContain('hunter2');
    api.close();
    await server.close();
  });
});

describe('a server certificate', () => {
  it.each([
    ['expired', -10, -1, 'has expired'],
    ['comes from the future', 1, 10, 'is not valid yet'],
  ])('that %s is told with the clock of this machine', async (_name, fromDays, toDays, said) => {
    const { cert, key } = await certificate('server', fromDays, toDays);
    const server = createSecureServer({ cert, key }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const connection = { url: `https://127.0.0.1:${(server.address() as AddressInfo).port}`, ca: cert };
    const api = new Api({ connection, clock: () => NOW_MS });
    const error = await failure(api.find({ method: 'GET', path: '/version' }));
    expect(error).toMatchObject({
      kind: 'retry',
      facts: { type: 'ClusterAuthentication', hint: expect.stringContaining('clock') },
    });
    expect(error.message).toContain(said);
    expect(error.message).toContain(new Date(NOW_MS).toISOString());
    api.close();
    server.close();
    await once(server, 'close');
  });
});

describe('the clock of a server', () => {
  it.each([
    ['ahead', 7_200_000],
    ['behind', -7_200_000],
  ])('that is %s shows in its answers', async (_name, skewMs) => {
    let nowMs = Date.UTC(2026, 0, 1);
    const date = () => new Date(nowMs + skewMs).toUTCString();
    const server = await startScriptedServer((stream, headers) => json({}, 200, { date: date() })(stream, headers));
    const api = new Api({ connection: server.connection, clock: () => nowMs });
    expect(api.clockSkewMs()).toBeUndefined();
    await api.find({ method: 'GET', path: '/version' });
    nowMs += 3_600_000;
    expect(api.clockSkewMs()).toBe(skewMs);
    api.close();
    await server.close();
  });
});
