import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import type { ApiTransport } from './api.ts';
import { Transport } from './http.ts';
import { json, type ScriptedServer, startScriptedServer } from './scripted-server.ts';
import { startTcpLink, type TcpLink } from './tcp-link.ts';
import { createWatchSource } from './watch.ts';

const PODS = { group: '', resource: 'pods' };
const SHORT_PING = { everyMs: 50, deadlineMs: 50 };

let server: ScriptedServer;
let closing: (() => void | Promise<void>)[];

beforeEach(async () => {
  server = await startScriptedServer(json({}));
  closing = [() => server.close()];
});
afterEach(async () => {
  for (const close of closing.reverse()) await close();
});

function event(type: string, rv: number, pad = ''): string {
  const object = { apiVersion: 'v1', kind: 'Pod', metadata: { name: `p${rv}`, resourceVersion: String(rv) }, pad };
  return `${JSON.stringify({ type, object })}\n`;
}

async function linked(options: { cutAfterBytes?: number } = {}): Promise<TcpLink> {
  const link = await startTcpLink(Number(new URL(server.connection.url).port), options);
  closing.push(() => link.close());
  return link;
}

function sourceAt(url: string, options: Partial<Parameters<typeof createWatchSource>[0]> = {}) {
  const source = createWatchSource({ connection: { url }, ...options });
  closing.push(() => source.close());
  return source;
}

/** What a watch gave and the error it ended with. */
async function read(source: ReturnType<typeof sourceAt>): Promise<{ names: string[]; error?: unknown }> {
  const names: string[] = [];
  try {
    const watch = { resourceVersion: '5', timeoutSeconds: 300, signal: new AbortController().signal };
    for await (const { object } of source.watch(PODS, watch)) names.push(object.metadata.name);
    return { names };
  } catch (error) {
    return { names, error };
  }
}

it('finds a connection half-open by an unanswered PING, while a watch is open and before', async () => {
  server.reply = (stream) => {
    stream.respond({ ':status': 200 });
    stream.write(event('ADDED', 1));
  };
  const link = await linked();
  const source = sourceAt(`http://127.0.0.1:${link.port}`, { ping: SHORT_PING });
  const reading = read(source);
  await vi.waitFor(() => expect(link.received().includes('p1')).toBe(true));
  const stalledAtMs = Date.now();
  link.stall();
  const halfOpen = { kind: 'retry', message: expect.stringContaining('half-open'), facts: { type: 'SyncTimeout' } };
  expect(await reading).toMatchObject({ names: ['p1'], error: halfOpen });
  expect(Date.now() - stalledAtMs).toBeLessThan(5_000);
  server.reply = () => undefined;
  const mute = await linked();
  const opening = read(sourceAt(`http://127.0.0.1:${mute.port}`, { ping: SHORT_PING }));
  await vi.waitFor(() => expect(server.sessions).toHaveLength(2));
  mute.stall();
  expect(await opening).toMatchObject({ names: [], error: halfOpen });
});

it('given up just when the server accepted it, a watch ends and is closed', async () => {
  const closed = Promise.withResolvers<void>();
  server.reply = (stream) => {
    stream.respond({ ':status': 200 });
    stream.once('close', closed.resolve);
  };
  const givenUp = new AbortController();
  const transport = new Transport(server.connection);
  const abortsAtOnce: ApiTransport = {
    request: (ask) => transport.request(ask),
    open: async (ask) => {
      const answer = await transport.open(ask);
      givenUp.abort();
      return answer;
    },
    close: () => transport.close(),
  };
  const source = sourceAt(server.connection.url, { transport: abortsAtOnce });
  const options = { resourceVersion: '5', timeoutSeconds: 300, signal: givenUp.signal };
  for await (const _ of source.watch(PODS, options)) throw new Error('nothing was to come');
  await closed.promise;
});

it('a line longer than the limit is told apart from a line that is no JSON', async () => {
  const source = sourceAt(server.connection.url, { maxLineBytes: 1_000 });
  const answer = (line: string) => (stream: Parameters<typeof server.reply>[0]) => {
    stream.respond({ ':status': 200 });
    stream.end(event('ADDED', 1) + line + event('ADDED', 2));
  };
  server.reply = answer(event('ADDED', 9, 'x'.repeat(1_000)));
  const component = 'watch-line-limit';
  const tooLong = { kind: 'malformed', message: expect.stringContaining('1000 bytes'), facts: { component } };
  expect(await read(source)).toMatchObject({ names: ['p1'], error: tooLong });
  server.reply = answer('{"type":\n');
  const { names, error } = await read(source);
  expect({ names, error }).toMatchObject({ names: ['p1'], error: { kind: 'malformed' } });
  expect((error as { facts: unknown }).facts).not.toHaveProperty('component');
});

/** Names of the whole lines in what came of a body, by the frames of RFC 9113: 3 bytes length, type (0 is DATA), flags, stream. */
function wholeLines(bytes: Buffer): string[] {
  const bodies: Buffer[] = [];
  for (let at = 0; at + 9 <= bytes.length; ) {
    const length = bytes.readUIntBE(at, 3);
    if (bytes[at + 3] === 0) bodies.push(bytes.subarray(at + 9, at + 9 + length));
    at += 9 + length;
  }
  const lines = Buffer.concat(bodies).toString('utf8').split('\n').slice(0, -1);
  return lines.map((line) => (JSON.parse(line) as { object: { metadata: { name: string } } }).object.metadata.name);
}

const CUT = { kind: 'retry', facts: { type: 'ClusterUnreachable' } };
const SHORT_STREAM = [event('ADDED', 1), event('MODIFIED', 2, 'é€😀'), event('DELETED', 3)];

/** Answers a watch with a few events, each written on its own, and leaves it open. */
const shortStream: typeof server.reply = (stream) => {
  stream.respond({ ':status': 200 });
  for (const line of SHORT_STREAM) stream.write(line);
};

it('a connection cut after any byte gives every whole line before the cut, and the cut', async () => {
  server.reply = shortStream;
  const whole = await linked();
  const all = read(sourceAt(`http://127.0.0.1:${whole.port}`));
  await vi.waitFor(() => expect(wholeLines(whole.received())).toHaveLength(3));
  const totalBytes = whole.received().length;
  await whole.close();
  expect(await all).toMatchObject({ names: ['p1', 'p2', 'p3'], error: CUT });
  const counts = new Set<number>();
  const cutAt = async (cutAfterBytes: number) => {
    const link = await startTcpLink(Number(new URL(server.connection.url).port), { cutAfterBytes });
    const source = createWatchSource({ connection: { url: `http://127.0.0.1:${link.port}` } });
    const { names, error } = await read(source);
    source.close();
    await link.close();
    expect(error, `cut after ${cutAfterBytes}`).toMatchObject(CUT);
    expect(names, `cut after ${cutAfterBytes}`).toEqual(wholeLines(link.received()));
    counts.add(names.length);
  };
  const places = Array.from({ length: totalBytes }, (_, index) => index + 1);
  for (let from = 0; from < places.length; from += 20) await Promise.all(places.slice(from, from + 20).map(cutAt));
  expect([...counts].sort()).toEqual([0, 1, 2, 3]);
}, 30_000);

it('a reader that was busy when the connection was cut still gets every line that came before', async () => {
  const lines = Array.from({ length: 100 }, (_, index) => event('ADDED', index, 'x'.repeat(500)));
  server.reply = (stream) => {
    stream.respond({ ':status': 200 });
    for (const line of lines) stream.write(line);
  };
  const link = await linked();
  const source = sourceAt(`http://127.0.0.1:${link.port}`);
  const signal = new AbortController().signal;
  const names: string[] = [];
  const reading = (async () => {
    for await (const { object } of source.watch(PODS, { timeoutSeconds: 300, signal })) {
      if (names.length === 0) {
        await vi.waitFor(() => expect(wholeLines(link.received())).toHaveLength(100));
        server.sessions[0]?.destroy();
        await vi.waitFor(() => expect(link.held()).toBe(0));
      }
      names.push(object.metadata.name);
    }
  })();
  await expect(reading).rejects.toMatchObject(CUT);
  expect(names).toEqual(lines.map((_, index) => `p${index}`));
});

it('a stream that the server resets gives what came before, and a cut', async () => {
  server.reply = (stream) => {
    stream.respond({ ':status': 200 });
    stream.write(event('ADDED', 1), () => stream.destroy(new Error('reset by the test')));
  };
  const link = await linked();
  const { names, error } = await read(sourceAt(`http://127.0.0.1:${link.port}`));
  expect(error).toMatchObject(CUT);
  expect(names).toEqual(wholeLines(link.received()));
  expect(names).toEqual(['p1']);
});

it('a stream that the server ends well ends quietly', async () => {
  server.reply = (stream) => {
    stream.respond({ ':status': 200 });
    for (const line of SHORT_STREAM) stream.write(line);
    stream.end();
  };
  expect(await read(sourceAt(server.connection.url))).toEqual({ names: ['p1', 'p2', 'p3'] });
});

it('GOAWAY lets a running watch go on and sends the next one elsewhere', async () => {
  let write = (_line: string) => undefined as unknown;
  server.reply = (stream) => {
    stream.respond({ ':status': 200 });
    write = (line) => stream.write(line);
    write(event('ADDED', 1));
  };
  const source = sourceAt(server.connection.url);
  const [going] = server.sessions;
  const ended = new AbortController();
  const watch = { resourceVersion: '5', timeoutSeconds: 300, signal: ended.signal };
  const events = source.watch(PODS, watch)[Symbol.asyncIterator]();
  expect(await events.next()).toMatchObject({ value: { type: 'ADDED' } });
  expect(going).toBeUndefined();
  server.sessions[0]?.goaway();
  write(event('MODIFIED', 2));
  expect(await events.next()).toMatchObject({ value: { type: 'MODIFIED' } });
  const others = source.watch(PODS, watch)[Symbol.asyncIterator]();
  expect(await others.next()).toMatchObject({ value: { type: 'ADDED' } });
  expect(server.sessions).toHaveLength(2);
  ended.abort();
  await Promise.all([events.next(), others.next()]);
});

it('a watch nobody reads bounds what is held, while PINGs are answered, other watches flow and calls go through', async () => {
  const line = event('ADDED', 1, 'x'.repeat(10_000));
  let written = 0;
  server.reply = (stream, headers) => {
    if (!String(headers[':path']).includes('watch=true')) {
      json({ apiVersion: 'v1', kind: 'PodList', metadata: { resourceVersion: '7' }, items: [] })(stream, headers);
      return;
    }
    if (String(headers[':path']).includes('namespaces')) return shortStream(stream, headers);
    stream.respond({ ':status': 200 });
    const fill = () => {
      while (written < 50_000_000 && !stream.destroyed) {
        written += line.length;
        if (!stream.write(line)) return void stream.once('drain', fill);
      }
    };
    fill();
  };
  const source = sourceAt(server.connection.url, { ping: SHORT_PING });
  const ended = new AbortController();
  const watch = { resourceVersion: '5', timeoutSeconds: 300, signal: ended.signal };
  const unread = source.watch(PODS, watch)[Symbol.asyncIterator]();
  await unread.next();
  let pings = 0;
  server.sessions[0]?.on('ping', () => {
    pings += 1;
  });
  // Three PINGs were answered in time: the connection lives although nobody reads.
  await vi.waitFor(() => expect(pings).toBeGreaterThan(3));
  expect(written).toBeLessThan(3_000_000);
  const other = source.watch({ group: '', resource: 'namespaces' }, watch)[Symbol.asyncIterator]();
  for (const type of ['ADDED', 'MODIFIED', 'DELETED']) expect(await other.next()).toMatchObject({ value: { type } });
  expect(await source.page(PODS, { signal: ended.signal })).toMatchObject({ items: [] });
  expect(await unread.next()).toMatchObject({ value: { type: 'ADDED' } });
  ended.abort();
  await Promise.all([unread.return?.(undefined), other.return?.(undefined)]);
});
