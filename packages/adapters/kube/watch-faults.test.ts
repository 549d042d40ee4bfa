import { afterEach, beforeEach, expect, it, vi } from 'vitest';
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
