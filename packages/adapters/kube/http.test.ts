import { mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { constants } from 'node:http2';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { kindOf } from '@tmc/kernel/errors.ts';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Api } from './api.ts';
import { tokenFile } from './connection.ts';
import { Transport } from './http.ts';
import { json, type Reply, type ScriptedServer, startScriptedServer, text } from './scripted-server.ts';
import { Session } from './session.ts';
import { startTcpLink } from './tcp-link.ts';

const key = { workspace: 'ws', group: '', resource: 'configmaps', namespace: 'ns', name: 'web' };
const call = { method: 'GET', path: '/api/v1/namespaces/ns/configmaps/web', key };
const found = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'web' } };

describe('transport', () => {
  let server: ScriptedServer;
  let transport: Transport;
  let api: Api;

  beforeEach(async () => {
    server = await startScriptedServer(json(found));
    transport = new Transport(server.connection);
    api = new Api({ connection: server.connection });
  });

  afterEach(async () => {
    transport.close();
    api.close();
    await server.close();
  });

  it('shares one connection between requests', async () => {
    await Promise.all(Array.from({ length: 50 }, () => api.find(call)));
    await api.find(call);
    expect(server.sessions).toHaveLength(1);
  });

  it('opens another connection beyond ninety streams', async () => {
    const waiting: (() => void)[] = [];
    server.reply = (stream, headers) => void waiting.push(() => json(found)(stream, headers));
    const answers = Promise.all(Array.from({ length: 95 }, () => api.find(call)));
    await vi.waitFor(() => expect(waiting).toHaveLength(95));
    expect(server.sessions).toHaveLength(2);
    for (const answer of waiting) answer();
    expect(await answers).toHaveLength(95);
  });

  it('keeps streams that stay open away from requests', async () => {
    server.reply = (stream) => stream.respond({ ':status': 200 });
    const { stream } = await transport.open({ method: 'GET', path: '/watch' });
    server.reply = json(found);
    await transport.request({ method: 'GET', path: '/get' });
    expect(server.sessions).toHaveLength(2);
    stream.close();
  });

  it('sends path prefix, authorization and body', async () => {
    const seen: Record<string, unknown>[] = [];
    const bodies: string[] = [];
    server.reply = (stream, headers) => {
      seen.push(headers);
      stream.on('data', (chunk) => bodies.push(String(chunk)));
      stream.on('end', () => json({})(stream, headers));
    };
    const connection = { url: `${server.connection.url}/clusters/root:tmc/`, authorization: async () => 'Bearer t' };
    const prefixed = new Transport(connection);
    await prefixed.request({
      method: 'PATCH',
      path: '/api?x=1',
      body: '{"a":1}',
      contentType: 'application/merge-patch+json',
    });
    prefixed.close();
    expect(seen[0]).toMatchObject({
      ':path': '/clusters/root:tmc/api?x=1',
      authorization: 'Bearer t',
      'content-type': 'application/merge-patch+json',
    });
    expect(bodies.join('')).toBe('{"a":1}');
  });

  it('sends a refused stream again, for it was not looked at', async () => {
    let refusals = 2;
    server.reply = (stream, headers) => {
      if (refusals-- > 0) stream.close(constants.NGHTTP2_REFUSED_STREAM);
      else json(found)(stream, headers);
    };
    expect(await api.find(call)).toEqual(found);
  });

  it('takes a new connection after GOAWAY and lets the old one finish', async () => {
    let finish: (() => void) | undefined;
    server.reply = (stream, headers) => {
      finish = () => json(found)(stream, headers);
    };
    const first = api.find(call);
    await vi.waitFor(() => expect(finish).toBeDefined());
    const finishFirst = finish;
    server.sessions[0]?.goaway(constants.NGHTTP2_NO_ERROR);
    server.reply = json(found);
    await vi.waitFor(async () => {
      await api.find(call);
      expect(server.sessions.length).toBeGreaterThan(1);
    });
    finishFirst?.();
    expect(await first).toEqual(found);
  });

  it.each<[string, Reply]>([
    [
      'a body cut by the end of the connection',
      (stream) => {
        stream.respond({ ':status': 201, 'content-type': 'application/json' });
        stream.write('{"kind":"Config');
        setImmediate(() => stream.session?.destroy());
      },
    ],
    [
      'a body shorter than announced',
      (stream) => {
        stream.respond({ ':status': 200, 'content-length': '1000' });
        stream.end('{}');
      },
    ],
    ['a body that is no JSON', text('{"kind":', 201)],
    ['a stream that is reset', (stream) => stream.close(constants.NGHTTP2_INTERNAL_ERROR)],
    ['a connection that is cut', (stream) => stream.session?.destroy()],
    ['the text 404 of a server that restarts', text('404 page not found', 404)],
    ['the text 500 of a server that restarts', text('internal error', 500)],
  ])('gives %s as an unknown outcome', async (_name, reply) => {
    server.reply = reply;
    await expect(api.find(call)).rejects.toMatchObject({ kind: 'retry' });
  });

  describe('an answer larger than is read', () => {
    const large: Reply = (stream) => {
      stream.respond({ ':status': 200, 'content-type': 'application/json' });
      stream.write(Buffer.alloc(64 * 1024, 0x61));
    };

    it.each<[string, Reply]>([
      ['that goes on', large],
      [
        'that announces its length',
        (stream) => stream.respond({ ':status': 200, 'content-length': String(10 * 1024 * 1024) }),
      ],
    ])('%s is cancelled, and asking again would not help', async (_name, reply) => {
      const closed = Promise.withResolvers<number | undefined>();
      server.reply = (stream, headers) => {
        stream.once('close', () => closed.resolve(stream.rstCode));
        reply(stream, headers);
      };
      const bounded = new Transport(server.connection, { maxAnswerBytes: 1024 });
      const asked = bounded.request({ method: 'GET', path: '/x?secret=1' });
      await expect(asked).rejects.toMatchObject({
        kind: 'terminal',
        message: 'GET /x: the answer has more than 1024 bytes',
        facts: { type: 'ResourceValidation', component: 'answer-limit', hint: expect.stringContaining('smaller') },
      });
      expect(await closed.promise).toBe(constants.NGHTTP2_CANCEL);
      bounded.close();
    });

    it('is bounded also when nobody says so', async () => {
      server.reply = (stream) => stream.respond({ ':status': 200, 'content-length': String(2 ** 24 + 1) });
      await expect(api.find(call)).rejects.toMatchObject({ facts: { component: 'answer-limit' } });
    });

    it('of a failure is a failure', async () => {
      server.reply = (stream) => stream.respond({ ':status': 503, 'content-length': '1025' });
      const bounded = new Transport(server.connection, { maxAnswerBytes: 1024 });
      await expect(bounded.request({ method: 'GET', path: '/x' })).rejects.toMatchObject({ kind: 'retry' });
      bounded.close();
    });

    it('of the allowed size is read, and one that cannot become a text is no uncaught error', async () => {
      const body = 'é'.repeat(512);
      server.reply = text(body, 200);
      const bounded = new Transport(server.connection, { maxAnswerBytes: 1024 });
      expect((await bounded.request({ method: 'GET', path: '/x' })).body).toBe(body);
      const { concat } = Buffer;
      const tooLong = vi.spyOn(Buffer, 'concat').mockImplementation((...args) => {
        const bytes = concat(...args);
        if (bytes.length !== 1024) return bytes;
        throw new Error('Cannot create a string longer than 0x1fffffe8 characters');
      });
      try {
        await expect(bounded.request({ method: 'GET', path: '/x' })).rejects.toMatchObject({
          kind: 'retry',
          message: expect.stringContaining('cannot be read'),
        });
      } finally {
        tooLong.mockRestore();
        bounded.close();
      }
    });
  });

  it('works again after the server was away', async () => {
    await api.find(call);
    server.sessions[0]?.destroy();
    await vi.waitFor(async () => expect(await api.find(call)).toEqual(found));
  });

  it('says that nobody listens', async () => {
    const nobody = new Api({ connection: { url: 'http://127.0.0.1:1' } });
    await expect(nobody.find(call)).rejects.toMatchObject({
      kind: 'retry',
      facts: { type: 'ClusterUnreachable' },
      message: expect.stringContaining('ECONNREFUSED'),
    });
  });

  it('gives up at the deadline and on the signal', async () => {
    server.reply = () => undefined;
    await expect(transport.request({ method: 'GET', path: '/x', deadlineMs: 50 })).rejects.toMatchObject({
      kind: 'retry',
      message: expect.stringContaining('within 50 ms'),
    });
    const givenUp = new AbortController();
    const asked = transport.request({ method: 'GET', path: '/x', signal: givenUp.signal });
    givenUp.abort();
    await expect(asked).rejects.toMatchObject({ kind: 'retry' });
    await expect(transport.request({ method: 'GET', path: '/x', signal: givenUp.signal })).rejects.toMatchObject({
      message: expect.stringContaining('given up'),
    });
  });

  describe('credentials of a plugin', () => {
    const credentials = { kind: 'plugin', name: 'aws-iam-authenticator' } as const;
    const never = new Promise<string>(() => undefined);
    let asked: number;
    let given: Promise<string>;
    let plugged: Transport;

    beforeEach(() => {
      asked = 0;
      given = never;
      const authorization = () => {
        asked += 1;
        return given;
      };
      plugged = new Transport({ ...server.connection, authorization, credentials });
    });
    afterEach(() => plugged.close());

    it('that hangs are given up at the deadline, by name, and asked for afresh', async () => {
      const ask = { method: 'GET', path: '/x', deadlineMs: 30 };
      const late = {
        kind: 'retry',
        message:
          'GET /x: not asked, for want of a token of the credential plugin aws-iam-authenticator: none within 30 ms',
        facts: { type: 'ClusterAuthentication', hint: expect.stringContaining('run aws-iam-authenticator') },
      };
      await expect(plugged.request(ask)).rejects.toMatchObject(late);
      await expect(plugged.open(ask)).rejects.toMatchObject(late);
      given = Promise.resolve('Bearer t');
      expect(await plugged.request(ask)).toMatchObject({ status: 200 });
      expect(asked).toBe(3);
    });

    it('that hang are not waited for by a caller who gave up', async () => {
      const givenUp = new AbortController();
      const request = plugged.request({ method: 'GET', path: '/x', signal: givenUp.signal });
      givenUp.abort();
      await expect(request).rejects.toMatchObject({ message: expect.stringContaining('given up') });
    });

    it('that come late are asked for once by all who wait', async () => {
      const late = Promise.withResolvers<string>();
      given = late.promise;
      const requests = Array.from({ length: 5 }, () => plugged.request({ method: 'GET', path: '/x' }));
      late.resolve('Bearer t');
      expect((await Promise.all(requests)).map(({ status }) => status)).toEqual([200, 200, 200, 200, 200]);
      expect(asked).toBe(1);
    });

    it('that cannot be made are what is missing, not the server', async () => {
      given = Promise.reject(new Error('no role'));
      await expect(plugged.request({ method: 'GET', path: '/x' })).rejects.toMatchObject({
        message: expect.stringContaining('aws-iam-authenticator: no role'),
        facts: { type: 'ClusterAuthentication' },
      });
    });
  });

  it('may be closed just when its connection is made', async () => {
    const port = Number(new URL(server.connection.url).port);
    const gone = Promise.withResolvers<void>();
    const dial = () => {
      const socket = connect(port, '127.0.0.1');
      // After the session's own listener, before the session tells of it.
      process.nextTick(() => socket.once('connect', () => session.destroy()));
      return socket;
    };
    const dialer = { origin: server.connection.url, dial };
    const session = new Session(dialer, { clock: Date.now, gone: () => gone.resolve() });
    await gone.promise;
    expect(session.hasRoom()).toBe(false);
  });

  it('cuts a connection whose PING is not answered', async () => {
    server.reply = () => undefined;
    const link = await startTcpLink(Number(new URL(server.connection.url).port));
    vi.useFakeTimers({ toFake: ['setInterval', 'setTimeout', 'clearTimeout', 'clearInterval'] });
    const silent = new Transport({ url: `http://127.0.0.1:${link.port}` });
    try {
      const asked = silent.request({ method: 'GET', path: '/x', deadlineMs: 3_600_000 });
      const outcome = expect(asked).rejects.toMatchObject({ message: expect.stringContaining('PING') });
      while (server.sessions.length === 0) await new Promise((resolve) => setImmediate(resolve));
      link.stall();
      await vi.advanceTimersByTimeAsync(10_000);
      await vi.advanceTimersByTimeAsync(10_000);
      await outcome;
    } finally {
      vi.useRealTimers();
      silent.close();
      await link.close();
    }
  });

  it('reads a token file again when it changed', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'token-'));
    const path = join(folder, 'token');
    let nowMs = 0;
    writeFileSync(path, 'first\n');
    const authorization = tokenFile(path, () => nowMs);
    expect(authorization()).toBe('Bearer first');
    writeFileSync(path, 'second\n');
    utimesSync(path, 10, 10);
    expect(authorization()).toBe('Bearer first');
    nowMs = 1_000;
    expect(authorization()).toBe('Bearer second');
    rmSync(folder, { recursive: true });
    nowMs = 5_000;
    expect(authorization()).toBe('Bearer second');
    expect(() => tokenFile(path)()).toThrow();
  });

  it('gives a server up that accepts connections and says nothing, and closes the socket', async () => {
    const sockets: Socket[] = [];
    const mute = createServer((socket) => void sockets.push(socket.on('error', () => undefined).resume()));
    const port = await new Promise<number>((settle) => {
      mute.listen(0, '127.0.0.1', () => settle((mute.address() as AddressInfo).port));
    });
    const connection = { ...server.connection, url: `https://127.0.0.1:${port}` };
    const patient = new Api({ connection, ping: { everyMs: 50, deadlineMs: 50 } });
    await expect(patient.find(call)).rejects.toThrow('no connection was made within 100 ms');
    await vi.waitFor(
      () => expect(sockets.map((socket) => socket.readableEnded || socket.destroyed)).toEqual([true]),
      5_000,
    );
    for (const socket of sockets) socket.destroy();
    mute.close();
  });

  it.each([
    ['without a break', [0, 15_000, 31_000], ['retry', 'retry', 'terminal']],
    ['until it is not', [0, 20_000, 'found', 31_000], ['retry', 'retry', 'ok', 'retry']],
    ['anew after an hour in which nothing was asked', [0, 3_600_000, 3_620_000], ['retry', 'retry', 'retry']],
    [
      'between the attempts of one message',
      [0, 1_000, 5_000, 21_000, 85_000],
      ['retry', 'retry', 'retry', 'retry', 'terminal'],
    ],
    ['that long after the hour too', [0, 3_600_000, 3_620_000, 3_631_000], ['retry', 'retry', 'retry', 'terminal']],
  ])('remembers how long a place is forbidden, %s', async (_, asked, expected) => {
    let nowMs = 0;
    const clocked = new Api({ connection: server.connection, clock: () => nowMs });
    const kinds: string[] = [];
    for (const at of asked) {
      if (typeof at === 'number') nowMs = at;
      server.reply = at === 'found' ? json(found) : json({ kind: 'Status', reason: 'Forbidden' }, 403);
      kinds.push(await clocked.find(call).then(() => 'ok', kindOf));
    }
    expect(kinds).toEqual(expected);
    clocked.close();
  });
});
