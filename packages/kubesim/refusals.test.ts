import { request as httpsRequest } from 'node:https';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Kubesim, startKubesim } from './index.ts';

/** What the README says is refused, and whom a caller may be taken for. */
describe('a plain simulator', () => {
  let kubesim: Kubesim;

  beforeAll(async () => {
    kubesim = await startKubesim({ kind: 'kube', tokens: [{ token: 'plain', user: 'plain' }] });
  });
  afterAll(() => kubesim.close());

  function call(method: string, path: string, headers: Record<string, string> = {}): Promise<[number, string]> {
    const authorization = `Bearer ${kubesim.adminToken}`;
    const options = { method, ca: kubesim.caPem, headers: { authorization, ...headers } };
    return new Promise((resolve, reject) => {
      const request = httpsRequest(`${kubesim.url}${path}`, options, (response) => {
        let text = '';
        response.on('data', (chunk) => {
          text += chunk;
        });
        response.on('end', () => resolve([response.statusCode ?? 0, text]));
      });
      request.on('error', reject);
      request.end(method === 'POST' ? '{}' : undefined);
    });
  }

  it.each([
    ['GET', '/api/v1/namespaces/default/pods/x/log'],
    ['POST', '/api/v1/namespaces/default/pods/x/exec'],
    ['GET', '/api/v1/namespaces/default/pods/x/proxy'],
    ['POST', '/api/v1/namespaces/default/pods/x/eviction'],
    ['POST', '/apis/events.k8s.io/v1/namespaces/default/events'],
  ])('refuses %s %s with 501 and a Status', async (method, path) => {
    const [status, text] = await call(method, path, { 'content-type': 'application/json' });
    expect(status).toBe(501);
    expect(JSON.parse(text)).toMatchObject({ kind: 'Status', reason: 'NotImplemented', code: 501 });
  });

  it('answers no protobuf, and 404 for kinds it does not have', async () => {
    const accept = 'application/vnd.kubernetes.protobuf';
    expect((await call('GET', '/api/v1/namespaces', { accept }))[0]).toBe(406);
    expect((await call('GET', '/apis/storage.k8s.io/v1/storageclasses'))[0]).toBe(404);
  });

  it('takes a caller for another only with the right to impersonate', async () => {
    const path = '/api/v1/namespaces/default/configmaps';
    const robot = { 'impersonate-user': 'system:serviceaccount:default:robot' };
    expect((await call('GET', path, robot))[1]).toContain('User \\"system:serviceaccount:default:robot\\" cannot list');
    const masters = { 'impersonate-user': 'somebody', 'impersonate-group': 'system:masters' };
    expect((await call('GET', path, masters))[0]).toBe(200);
    const [status, text] = await call('GET', path, { ...masters, authorization: 'Bearer plain' });
    expect([status, text]).toEqual([403, expect.stringContaining('cannot impersonate resource')]);
  });
});
