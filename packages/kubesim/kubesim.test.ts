import { type ClientHttp2Session, connect } from 'node:http2';
import { request as httpsRequest } from 'node:https';
import { afterEach, describe, expect, it } from 'vitest';
import { type Kubesim, type KubesimOptions, startKubesim } from './index.ts';

interface Reply {
  status: number;
  text: string;
  headers: Record<string, unknown>;
  // biome-ignore lint/suspicious/noExplicitAny: answers are read field by field in assertions
  body: any;
}

const running: { kubesim: Kubesim; session: ClientHttp2Session }[] = [];

async function start(options: KubesimOptions) {
  const kubesim = await startKubesim(options);
  const session = connect(kubesim.url, { ca: kubesim.caPem });
  session.on('error', () => {});
  running.push({ kubesim, session });
  return {
    kubesim,
    call: (method: string, path: string, body?: unknown, type?: string) =>
      call(kubesim, { method, path, body, type }, session),
  };
}

function call(
  kubesim: Kubesim,
  {
    method,
    path,
    body,
    type = 'application/json',
  }: { method: string; path: string; body?: unknown; type?: string | undefined },
  session: ClientHttp2Session,
): Promise<Reply> {
  const headers = {
    ':method': method,
    ':path': path,
    authorization: `Bearer ${kubesim.adminToken}`,
    'content-type': type,
  };
  return new Promise((resolve, reject) => {
    const stream = session.request(headers);
    let text = '';
    let answered: Record<string, unknown> = {};
    stream.setEncoding('utf8');
    stream.on('response', (sent) => {
      answered = sent;
    });
    stream.on('data', (chunk: string) => {
      text += chunk;
    });
    stream.on('error', reject);
    stream.on('close', () => {
      const status = Number(answered[':status'] ?? 0);
      resolve({ status, text, headers: answered, body: parse(text) });
    });
    stream.end(body === undefined ? undefined : JSON.stringify(body));
  });
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

async function until<T>(what: string, read: () => Promise<T>, holds: (value: T) => boolean): Promise<T> {
  const end = performance.now() + 5000;
  for (;;) {
    const value = await read();
    if (holds(value)) return value;
    if (performance.now() > end) throw new Error(`${what}: not within 5 s, last ${JSON.stringify(value)}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

afterEach(async () => {
  for (const { kubesim, session } of running.splice(0)) {
    session.destroy();
    await kubesim.close();
  }
});

const CONFIGMAPS = '/api/v1/namespaces/default/configmaps';
const deployment = (replicas: number) => ({
  metadata: { name: 'web' },
  spec: {
    replicas,
    selector: { matchLabels: { app: 'web' } },
    template: { metadata: { labels: { app: 'web' } }, spec: { containers: [{ name: 'c', image: 'nginx:1' }] } },
  },
});
const DEPLOYMENTS = '/apis/apps/v1/namespaces/default/deployments';

describe('faker', () => {
  it('moves the status of a Deployment to ready, follows its size and clears up after it', async () => {
    const { call: ask } = await start({ kind: 'kube', faker: { delayMs: 1 } });
    const created = await ask('POST', DEPLOYMENTS, deployment(3));
    expect(created.body.status).toEqual({});
    const ready = await until(
      '3 ready',
      () => ask('GET', `${DEPLOYMENTS}/web`),
      ({ body }) => body.status.availableReplicas === 3,
    );
    expect(ready.body.status).toMatchObject({
      observedGeneration: 1,
      replicas: 3,
      updatedReplicas: 3,
      readyReplicas: 3,
    });
    expect(ready.body.status.conditions.map((c: { type: string; status: string }) => `${c.type}=${c.status}`)).toEqual([
      'Available=True',
      'Progressing=True',
    ]);
    await ask('PATCH', `${DEPLOYMENTS}/web`, { spec: { replicas: 1 } }, 'application/merge-patch+json');
    const pods = () => ask('GET', '/api/v1/namespaces/default/pods');
    await until('1 pod', pods, ({ body }) => body.items.length === 1);
    await ask('DELETE', `${DEPLOYMENTS}/web`);
    await until('no pods', pods, ({ body }) => body.items.length === 0);
  });

  it('keeps pods waiting for the reason a test names', async () => {
    const { call: ask } = await start({ kind: 'kube', faker: { delayMs: 1, failure: () => 'ImagePullBackOff' } });
    await ask('POST', DEPLOYMENTS, deployment(1));
    const status = await until(
      'unavailable',
      () => ask('GET', `${DEPLOYMENTS}/web`),
      ({ body }) => body.status.unavailableReplicas === 1 && body.status.conditions,
    );
    expect(status.body.status.conditions[0]).toMatchObject({ type: 'Available', status: 'False' });
    const pods = await until(
      'waiting',
      () => ask('GET', '/api/v1/namespaces/default/pods'),
      ({ body }) => body.items[0]?.status.containerStatuses,
    );
    expect(pods.body.items[0].status.containerStatuses[0].state).toEqual({ waiting: { reason: 'ImagePullBackOff' } });
  });

  it('is not counted among the writes of a test', async () => {
    const { kubesim, call: ask } = await start({ kind: 'kube', faker: { delayMs: 1 } });
    await ask('POST', DEPLOYMENTS, deployment(1));
    await until(
      'ready',
      () => ask('GET', `${DEPLOYMENTS}/web`),
      ({ body }) => body.status.readyReplicas === 1,
    );
    expect(kubesim.requests.all()).toEqual({ 'create deployments': 1 });
    expect(kubesim.requests.total('deployments')).toBe(1);
  });
});

describe('faults', () => {
  it('answers with a status and Retry-After as often as told, then serves', async () => {
    const { kubesim, call: ask } = await start({ kind: 'kube' });
    kubesim.faults.add({
      method: 'GET',
      path: '/configmaps',
      times: 2,
      fault: { kind: 'status', code: 429, retryAfterSeconds: 1 },
    });
    const answers = [await ask('GET', CONFIGMAPS), await ask('GET', CONFIGMAPS), await ask('GET', CONFIGMAPS)];
    expect(answers.map(({ status }) => status)).toEqual([429, 429, 200]);
    expect(answers[0]?.headers['retry-after']).toBe('1');
    expect(answers[0]?.body.reason).toBe('TooManyRequests');
  });

  it('loses an answer after the write was done, and a request before it', async () => {
    const { kubesim, call: ask } = await start({ kind: 'kube' });
    kubesim.faults.add({ method: 'POST', fault: { kind: 'drop', when: 'after' } });
    await expect(ask('POST', CONFIGMAPS, { metadata: { name: 'a' } })).rejects.toThrow();
    kubesim.faults.add({ method: 'POST', fault: { kind: 'drop', when: 'before' } });
    await expect(ask('POST', CONFIGMAPS, { metadata: { name: 'b' } })).rejects.toThrow();
    expect(
      (await ask('GET', CONFIGMAPS)).body.items.map((item: { metadata: { name: string } }) => item.metadata.name),
    ).toEqual(['a']);
  });

  it('cuts the body of a 201 in the middle', async () => {
    const { kubesim, call: ask } = await start({ kind: 'kube' });
    kubesim.faults.add({ method: 'POST', fault: { kind: 'cut-body' } });
    const answer = await ask('POST', CONFIGMAPS, { metadata: { name: 'a' } }).catch((error: Error) => error);
    expect(answer instanceof Error || (answer.status === 201 && answer.body === undefined)).toBe(true);
    expect((await ask('GET', `${CONFIGMAPS}/a`)).status).toBe(200);
  });

  it('shows an older list that was true once', async () => {
    const { kubesim, call: ask } = await start({ kind: 'kube' });
    await ask('POST', CONFIGMAPS, { metadata: { name: 'a' } });
    await ask('POST', CONFIGMAPS, { metadata: { name: 'b' } });
    kubesim.faults.add({ path: '/configmaps', fault: { kind: 'stale-list', revisionsAgo: 1 } });
    expect((await ask('GET', CONFIGMAPS)).body.items).toHaveLength(1);
    expect((await ask('GET', CONFIGMAPS)).body.items).toHaveLength(2);
  });

  it('sends each event twice, cuts a stream, and says 410', async () => {
    const { kubesim, call: ask } = await start({ kind: 'kube' });
    await ask('POST', CONFIGMAPS, { metadata: { name: 'a' } });
    const watch = `${CONFIGMAPS}?watch=true&timeoutSeconds=1`;
    kubesim.faults.add({ path: 'watch=true', fault: { kind: 'duplicate-events' } });
    const doubled = (await ask('GET', watch)).text.trim().split('\n');
    expect(doubled).toHaveLength(2);
    expect(doubled[0]).toBe(doubled[1]);
    kubesim.faults.add({ path: 'watch=true', fault: { kind: 'expired' } });
    expect((await ask('GET', watch)).body).toMatchObject({ type: 'ERROR', object: { code: 410, reason: 'Expired' } });
    kubesim.faults.add({ path: 'watch=true', fault: { kind: 'cut-stream', afterBytes: 20 } });
    const cut = await ask('GET', watch).catch((error: Error) => error);
    expect(cut instanceof Error || cut.text.length <= 20).toBe(true);
  });
});

const apiSchema = (version: string, plural: string) => ({
  metadata: { name: `${version}.${plural}.x.dev` },
  spec: {
    group: 'x.dev',
    scope: 'Cluster',
    names: { plural, singular: plural.slice(0, -1), kind: plural, listKind: `${plural}List` },
    versions: [{ name: 'v1', served: true, storage: true, schema: { type: 'object' } }],
  },
});
const exported = (name: string, version: string) => ({
  group: 'x.dev',
  name,
  schema: `${version}.${name}.x.dev`,
  storage: { crd: {} },
});

describe('kcp', () => {
  it('answers a resume after a restart with 410, and before it is ready with 403, 500 and 404 text', async () => {
    const { kubesim, call: ask } = await start({ kind: 'kcp' });
    const workspace = await kubesim.createWorkspace('root:tmc');
    const path = `/clusters/${workspace}/api/v1/namespaces/default/configmaps`;
    const rv = (await ask('GET', path)).body.metadata.resourceVersion;
    await kubesim.restart({ troubles: true });
    const session = connect(kubesim.url, { ca: kubesim.caPem });
    session.on('error', () => {});
    running.push({ kubesim, session });
    const again = (method: string, url: string) => call(kubesim, { method, path: url }, session);
    const resumed = await again('GET', `${path}?watch=true&resourceVersion=${rv}`);
    expect(resumed.status).toBe(200);
    expect(resumed.body).toMatchObject({ type: 'ERROR', object: { code: 410 } });
    const answers: string[] = [];
    for (let at = 0; at < 5; at++) {
      const { status, headers } = await again('GET', `/services/apiexport/${workspace}/x/clusters/*/apis/a/v1/b`);
      answers.push(`${status} ${headers['content-type']}`);
    }
    const text = 'text/plain; charset=utf-8';
    expect(answers).toEqual([
      '403 application/json',
      '403 application/json',
      `500 ${text}`,
      `404 ${text}`,
      `404 ${text}`,
    ]);
  });

  it('ends the watches of a resource cleanly when its export switches the schema, and no others', async () => {
    const { kubesim, call: ask } = await start({ kind: 'kcp' });
    const workspace = await kubesim.createWorkspace('root:tmc');
    const base = `/clusters/${workspace}/apis/apis.kcp.io`;
    for (const [version, plural] of [
      ['v1', 'ones'],
      ['v2', 'ones'],
      ['v1', 'twos'],
    ] as const)
      expect((await ask('POST', `${base}/v1alpha1/apiresourceschemas`, apiSchema(version, plural))).status).toBe(201);
    const resources = (ones: string) => [exported('ones', ones), exported('twos', 'v1')];
    const made = { metadata: { name: 'x.dev' }, spec: { resources: resources('v1') } };
    expect((await ask('POST', `${base}/v1alpha2/apiexports`, made)).status).toBe(201);
    const binding = { metadata: { name: 'x' }, spec: { reference: { export: { path: 'root:tmc', name: 'x.dev' } } } };
    await ask('POST', `${base}/v1alpha2/apibindings`, binding);
    const wildcard = (plural: string) => `/services/apiexport/${workspace}/x.dev/clusters/*/apis/x.dev/v1/${plural}`;
    for (const plural of ['ones', 'twos'])
      await until(
        `${plural} served`,
        () => ask('GET', wildcard(plural)),
        ({ status }) => status === 200,
      );
    const ended: string[] = [];
    const watches = ['ones', 'twos'].map((plural) => ask('GET', `${wildcard(plural)}?watch=true&timeoutSeconds=2`));
    watches.forEach((watch, at) => void watch.then(() => ended.push(at === 0 ? 'ones' : 'twos')));
    await ask('GET', wildcard('ones'));
    const patch = { spec: { resources: resources('v2') } };
    await ask('PATCH', `${base}/v1alpha2/apiexports/x.dev`, patch, 'application/merge-patch+json');
    expect((await watches[0])?.status).toBe(200);
    expect(ended).toEqual(['ones']);
    expect((await ask('GET', wildcard('ones'))).status).toBe(200);
  });

  it('makes nested workspaces and refuses paths outside root', async () => {
    const { kubesim, call: ask } = await start({ kind: 'kcp' });
    const id = await kubesim.createWorkspace('root:a:b');
    expect(await kubesim.createWorkspace('root:a:b')).toBe(id);
    const found = await ask('GET', '/clusters/root:a:b/apis/core.kcp.io/v1alpha1/logicalclusters/cluster');
    expect(found.body.metadata.annotations).toMatchObject({ 'kcp.io/cluster': id, 'kcp.io/path': 'root:a:b' });
    await expect(kubesim.createWorkspace('other:a')).rejects.toThrow(/begins with "root"/);
  });
});

describe('transport', () => {
  it('speaks HTTP/1.1 to those who do not know HTTP/2', async () => {
    const { kubesim } = await start({ kind: 'kube' });
    const version = await new Promise<string>((resolve, reject) => {
      const request = httpsRequest(`${kubesim.url}/version`, { ca: kubesim.caPem }, (response) => {
        response.resume();
        response.on('end', () => resolve(`${response.httpVersion} ${response.statusCode}`));
      });
      request.on('error', reject);
      request.end();
    });
    expect(version).toBe('1.1 200');
  });

  it('serves at most 100 streams of one session; the next one waits', async () => {
    const { kubesim } = await start({ kind: 'kube' });
    const session = connect(kubesim.url, { ca: kubesim.caPem });
    session.on('error', () => {});
    running.push({ kubesim, session });
    await new Promise((resolve) => session.once('remoteSettings', resolve));
    expect(session.remoteSettings.maxConcurrentStreams).toBe(100);
  });
});
