import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { connectionFrom } from './kubeconfig.ts';

const base64 = (text: string) => Buffer.from(text).toString('base64');

/** A kubeconfig of one context `main` with this user, plus a context `broken` without a cluster. */
function kubeconfig(user: object | undefined, cluster: object = {}): string {
  return JSON.stringify({
    apiVersion: 'v1',
    kind: 'Config',
    'current-context': 'main',
    contexts: [
      { name: 'main', context: { cluster: 'c', ...(user ? { user: 'u' } : {}) } },
      { name: 'broken', context: { cluster: 'absent', user: 'u' } },
    ],
    clusters: [
      { name: 'c', cluster: { server: 'https://host:6443', 'certificate-authority-data': base64('CA'), ...cluster } },
    ],
    users: user ? [{ name: 'u', user }] : [],
  });
}

describe('connectionFrom', () => {
  let folder: string;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'kubeconfig-'));
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  it('takes server, authority and client certificate', async () => {
    const user = { 'client-certificate-data': base64('CERT'), 'client-key-data': base64('KEY') };
    expect(await connectionFrom({ text: kubeconfig(user) })).toEqual({
      url: 'https://host:6443',
      insecure: false,
      ca: 'CA',
      cert: 'CERT',
      key: 'KEY',
    });
  });

  it('takes a token', async () => {
    const { authorization, credentials } = await connectionFrom({ text: kubeconfig({ token: 'abc' }) });
    expect(credentials).toEqual({ kind: 'token' });
    expect(await authorization?.()).toBe('Bearer abc');
  });

  it('takes a token file beside the kubeconfig', async () => {
    writeFileSync(join(folder, 'token'), 'from-file\n');
    const path = join(folder, 'config');
    writeFileSync(path, kubeconfig({ tokenFile: 'token' }));
    const { authorization, credentials } = await connectionFrom({ path });
    expect(await authorization?.()).toBe('Bearer from-file');
    expect(credentials).toEqual({ kind: 'token-file', path: join(folder, 'token') });
  });

  it('takes authority, certificate and key from files beside the kubeconfig', async () => {
    for (const name of ['ca.crt', 'user.crt', 'user.key']) writeFileSync(join(folder, name), name.toUpperCase());
    const path = join(folder, 'with-files');
    const user = { 'client-certificate': 'user.crt', 'client-key': 'user.key' };
    writeFileSync(
      path,
      kubeconfig(user, { 'certificate-authority-data': undefined, 'certificate-authority': 'ca.crt' }),
    );
    expect(await connectionFrom({ path })).toMatchObject({ ca: 'CA.CRT', cert: 'USER.CRT', key: 'USER.KEY' });
  });

  it('takes a user name and password', async () => {
    const { authorization, credentials } = await connectionFrom({ text: kubeconfig({ username: 'u', password: 'p' }) });
    expect(credentials).toEqual({ kind: 'password' });
    expect(await authorization?.()).toBe(`Basic ${base64('u:p')}`);
  });

  it('takes what an exec plugin prints', async () => {
    const credential = {
      apiVersion: 'client.authentication.k8s.io/v1',
      kind: 'ExecCredential',
      status: { token: 'from-plugin' },
    };
    const exec = {
      apiVersion: 'client.authentication.k8s.io/v1',
      command: process.execPath,
      args: ['-e', `console.log(${JSON.stringify(JSON.stringify(credential))})`],
      interactiveMode: 'Never',
    };
    const { authorization } = await connectionFrom({ text: kubeconfig({ exec }) });
    expect(await authorization?.()).toBe('Bearer from-plugin');
  });

  it('shows nothing of what an exec plugin prints that is no credential', async () => {
    const exec = {
      apiVersion: 'client.authentication.k8s.io/v1',
      command: process.execPath,
      args: ['-e', 'console.log("SECRETTOKEN9".toLowerCase())'],
      interactiveMode: 'Never',
    };
    const refused = connectionFrom({ text: kubeconfig({ exec }) });
    await expect(refused).rejects.toThrow(/^kubeconfig cannot be used: what the credential plugin printed is no JSON$/);
  });

  it('asks an exec plugin again once its token has expired', async () => {
    const times = join(folder, 'times');
    const plugin = `
      const { appendFileSync, readFileSync } = require('node:fs');
      appendFileSync(${JSON.stringify(times)}, '.');
      const nth = readFileSync(${JSON.stringify(times)}, 'utf8').length;
      const expirationTimestamp = nth < 3 ? '2020-01-01T00:00:00Z' : '2999-01-01T00:00:00Z';
      const status = { token: 'token-' + nth, expirationTimestamp };
      console.log(JSON.stringify({ apiVersion: 'client.authentication.k8s.io/v1', kind: 'ExecCredential', status }));`;
    const exec = {
      apiVersion: 'client.authentication.k8s.io/v1',
      command: process.execPath,
      args: ['-e', plugin],
      interactiveMode: 'Never',
    };
    const { authorization } = await connectionFrom({ text: kubeconfig({ exec }) });
    // The first token was printed while the connection was made.
    expect(await authorization?.()).toBe('Bearer token-2');
    expect(await authorization?.()).toBe('Bearer token-3');
    expect(await authorization?.()).toBe('Bearer token-3');
  });

  it('takes the id token of an OIDC user while it is valid', async () => {
    const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
    const idToken = `${part({ alg: 'none' })}.${part({ exp: Date.parse('2999-01-01') / 1000 })}.c2ln`;
    const config = { 'client-id': 'tmc', 'idp-issuer-url': 'https://127.0.0.1:1', 'id-token': idToken };
    const user = { 'auth-provider': { name: 'oidc', config } };
    const { authorization } = await connectionFrom({ text: kubeconfig(user) });
    expect(await authorization?.()).toBe(`Bearer ${idToken}`);
  });

  it('trusts the given authority also without a user', async () => {
    expect(await connectionFrom({ text: kubeconfig(undefined) })).toMatchObject({ ca: 'CA' });
  });

  it('takes the options of the server', async () => {
    const text = kubeconfig({ token: 't' }, { 'insecure-skip-tls-verify': true, 'tls-server-name': 'kcp' });
    expect(await connectionFrom({ text })).toMatchObject({ insecure: true, serverName: 'kcp' });
  });

  it.each([
    ['a file that is not there', { path: '/nowhere/config' }, 'no such file'],
    ['a context that is not there', { text: kubeconfig({ token: 't' }), context: 'x' }, 'no context x'],
    ['a context without its cluster', { text: kubeconfig({ token: 't' }), context: 'broken' }, 'names no cluster'],
    ['text that is no kubeconfig', { text: 'a: [' }, 'cannot be used'],
    ['a kubeconfig of the wrong form', { text: 'clusters: 5' }, 'expected array'],
    ['a cluster without a server', { text: kubeconfig(undefined, { server: 5 }) }, 'expected string'],
  ])('refuses %s', async (_name, source, reason) => {
    await expect(connectionFrom(source)).rejects.toMatchObject({
      kind: 'terminal',
      facts: { type: 'ConfigurationError' },
      message: expect.stringContaining(reason),
    });
  });

  it.each(['token: SECRETTOKEN9: x : y', 'token: "SECRETTOKEN9\\q"'])(
    'shows nothing of a file that is no YAML: %s',
    async (line) => {
      const error: Error = await connectionFrom({ text: `users:\n- ${line}` }).then(
        () => Promise.reject(new Error('it was accepted')),
        (refused) => refused,
      );
      expect(error.message).toContain('it is not YAML at line 2');
      expect(inspect(error, { depth: 10 }).replace(/\n\s+at .*/g, '')).not.toContain('SECRETTOKEN9');
    },
  );
});
