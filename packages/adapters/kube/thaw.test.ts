import { constants } from 'node:http2';
import type { Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Transport } from './http.ts';
import { json, type ScriptedServer, startScriptedServer } from './scripted-server.ts';
import { startTcpLink, type TcpLink } from './tcp-link.ts';

/** What a process finds that did not run for a while, as a function is frozen between its invocations. */
describe('connections after a pause of the process', () => {
  /** Of each request, unless it says otherwise: one that waited for the regular PINGs would have no answer in it. */
  const DEADLINE_MS = 8_000;
  /** Short: the regular PINGs would not have noticed yet. */
  const PAUSE_MS = 5_000;
  let server: ScriptedServer;
  let link: TcpLink;
  let transport: Transport;
  let nowMs: number;
  /** Methods the server got, in order. */
  let asked: string[];

  beforeEach(async () => {
    asked = [];
    nowMs = 0;
    server = await startScriptedServer((stream, headers) => {
      asked.push(String(headers[':method']));
      json({})(stream, headers);
    });
    link = await startTcpLink(Number(new URL(server.connection.url).port));
    transport = new Transport(
      { url: `http://127.0.0.1:${link.port}` },
      { clock: () => nowMs, deadlineMs: DEADLINE_MS },
    );
  });

  afterEach(async () => {
    transport.close();
    await link.close();
    await server.close();
  });

  const get = (options: { signal?: AbortSignal; deadlineMs?: number } = {}) =>
    transport.request({ method: 'GET', path: '/x', ...options });
  const post = () => transport.request({ method: 'POST', path: '/x', body: '{}' });

  it('are used again when the server still answers on them', async () => {
    await get();
    nowMs += PAUSE_MS;
    await post();
    expect(server.sessions).toHaveLength(1);
  });

  it.each([
    ['reads', get],
    ['writes', post],
  ])(
    'that are half-open are replaced before a regular PING could tell, and %s reach the server once',
    async (_, send) => {
      await get();
      link.stall();
      nowMs += PAUSE_MS;
      asked = [];
      expect((await Promise.all([send(), send()])).map(({ status }) => status)).toEqual([200, 200]);
      expect(asked).toHaveLength(2);
      expect(server.sessions).toHaveLength(2);
    },
  );

  it.each([
    ['reads', get],
    ['writes', post],
  ])('that the server closed are replaced at once, and %s reach the server once', async (_, send) => {
    await get();
    // Closed in this very turn: nothing of it was read yet when the request is made.
    server.sessions[0]?.destroy();
    nowMs += PAUSE_MS;
    asked = [];
    expect((await send()).status).toBe(200);
    expect(asked).toHaveLength(1);
    expect(server.sessions).toHaveLength(2);
  });

  it('that close just after they answered are no failure for reads', async () => {
    await get();
    server.sessions[0]?.destroy();
    asked = [];
    expect((await get()).status).toBe(200);
    expect(asked).toEqual(['GET']);
  });

  it.each([
    ['reads are tried twice and no more', get, ['GET', 'GET']],
    ['writes are not sent again, for their outcome is unknown', post, ['POST']],
  ])('that break at each request: %s', async (_, send, expected) => {
    const sockets: Socket[] = [];
    server.server.on('connection', (socket: Socket) => sockets.push(socket));
    await get();
    server.reply = (_stream, headers) => {
      asked.push(String(headers[':method']));
      for (const socket of sockets) socket.destroy();
    };
    asked = [];
    await expect(send()).rejects.toMatchObject({ kind: 'retry', facts: { type: 'ClusterUnreachable' } });
    expect(asked).toEqual(expected);
  });

  it('that are refused by GOAWAY before a write was looked at lead to one write elsewhere', async () => {
    await get();
    const { reply } = server;
    let isLeaving = true;
    server.reply = (stream, headers) => {
      if (!isLeaving) return reply(stream, headers);
      isLeaving = false;
      stream.session?.goaway(constants.NGHTTP2_NO_ERROR, (stream.id ?? 0) - 2);
    };
    asked = [];
    expect((await post()).status).toBe(200);
    expect(asked).toEqual(['POST']);
    expect(server.sessions).toHaveLength(2);
  });

  it('leave what still runs on them to its own deadline, for a server may only be slow', async () => {
    const { reply } = server;
    server.reply = () => undefined;
    const slow = get({ deadlineMs: 1_500 });
    const outcome = expect(slow).rejects.toMatchObject({ message: expect.stringContaining('none within 1500 ms') });
    await vi.waitFor(() => expect(link.received().length).toBeGreaterThan(0));
    link.stall();
    nowMs += PAUSE_MS;
    server.reply = reply;
    expect((await get()).status).toBe(200);
    await outcome;
  });

  describe('whose time only the test lets go by', () => {
    const GIVEN = { deadlineMs: 1_500 };
    const turn = () => new Promise<void>((resolve) => setImmediate(resolve));
    let outcome: Promise<string>;

    /** What came of the request, after everything that needs no time. */
    async function outcomeNow(): Promise<string> {
      for (let turns = 0; turns < 50; turns += 1) await turn();
      return Promise.race([outcome, turn().then(() => 'pending')]);
    }

    /** Sends a read that the server gets and does not answer. */
    function send(signal?: AbortSignal): void {
      server.reply = (_stream, headers) => void asked.push(String(headers[':method']));
      outcome = get({ ...GIVEN, ...(signal && { signal }) }).then(
        () => 'answered',
        (error: Error) => error.message,
      );
    }

    beforeEach(async () => {
      await get();
      asked = [];
      vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] });
    });
    afterEach(() => vi.useRealTimers());

    it('are proved within the time of the request', async () => {
      link.stall();
      nowMs += PAUSE_MS;
      send();
      expect(await outcomeNow()).toBe('pending');
      await vi.advanceTimersByTimeAsync(1_000);
      while (asked.length === 0) await turn();
      await vi.advanceTimersByTimeAsync(499);
      expect(await outcomeNow()).toBe('pending');
      await vi.advanceTimersByTimeAsync(1);
      expect(await outcomeNow()).toContain('none within 1500 ms');
    });

    it('leave a second attempt what the first one left', async () => {
      send();
      while (asked.length === 0) await turn();
      await vi.advanceTimersByTimeAsync(1_000);
      server.sessions[0]?.destroy();
      while (asked.length === 1) await turn();
      await vi.advanceTimersByTimeAsync(499);
      expect(await outcomeNow()).toBe('pending');
      await vi.advanceTimersByTimeAsync(1);
      expect(await outcomeNow()).toContain('none within 1500 ms');
    });

    it('hold nobody up who has given up while they are proved', async () => {
      link.stall();
      nowMs += PAUSE_MS;
      const caller = new AbortController();
      send(caller.signal);
      expect(await outcomeNow()).toBe('pending');
      caller.abort();
      expect(await outcomeNow()).toContain('given up by the caller');
      expect(asked).toEqual([]);
    });
  });

  it('are not proved at every request of a process that runs', async () => {
    const pings: Buffer[] = [];
    server.server.on('session', (session) => session.on('ping', (payload: Buffer) => pings.push(payload)));
    await get();
    for (let at = 0; at < 20; at += 1) {
      nowMs += 50;
      await get();
    }
    expect(pings).toHaveLength(0);
    nowMs += PAUSE_MS;
    await Promise.all([get(), get(), get()]);
    expect(pings).toHaveLength(1);
  });
});
