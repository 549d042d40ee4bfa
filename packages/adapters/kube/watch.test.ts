import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { LineSplitter } from './lines.ts';
import { json, type Reply, type ScriptedServer, startScriptedServer } from './scripted-server.ts';
import { createWatchSource } from './watch.ts';

const PODS = { group: '', resource: 'pods' };

function event(type: string, rv: number, pad = ''): string {
  const object = { apiVersion: 'v1', kind: 'Pod', metadata: { name: `p${rv}`, resourceVersion: String(rv) }, pad };
  return `${JSON.stringify({ type, object })}\n`;
}

/** Answers a watch with these chunks, then ends it. */
function chunks(...parts: (string | Buffer)[]): Reply {
  return (stream) => {
    stream.respond({ ':status': 200, 'content-type': 'application/json' });
    for (const part of parts) stream.write(part);
    stream.end();
  };
}

describe('watch', () => {
  let server: ScriptedServer;
  let source: ReturnType<typeof createWatchSource>;

  beforeEach(async () => {
    server = await startScriptedServer(json({}));
    source = createWatchSource({ connection: server.connection, prefix: '/clusters/*' });
  });

  afterEach(async () => {
    source.close();
    await server.close();
  });

  const watch = (signal = new AbortController().signal) =>
    source.watch(PODS, { resourceVersion: '5', labelSelector: 'a=b', timeoutSeconds: 300, signal });
  const names = async () => {
    const seen: string[] = [];
    for await (const { type, object } of watch()) seen.push(`${type} ${object.metadata.name}`);
    return seen;
  };

  it('asks for bookmarks from the revision on, in all workspaces', async () => {
    let path = '';
    server.reply = (stream, headers) => {
      path = String(headers[':path']);
      chunks()(stream, headers);
    };
    await names();
    const url = new URL(path, 'http://x');
    expect(url.pathname).toBe('/clusters/*/api/v1/pods');
    expect(Object.fromEntries(url.searchParams)).toEqual({
      watch: 'true',
      allowWatchBookmarks: 'true',
      timeoutSeconds: '300',
      resourceVersion: '5',
      labelSelector: 'a=b',
    });
  });

  it('puts lines together from any chunks and ends with the stream', async () => {
    const bytes = Buffer.from(event('ADDED', 1) + event('MODIFIED', 2, 'é€😀') + event('DELETED', 3));
    const parts = Array.from({ length: Math.ceil(bytes.length / 7) }, (_, i) => bytes.subarray(i * 7, i * 7 + 7));
    server.reply = chunks(...parts);
    expect(await names()).toEqual(['ADDED p1', 'MODIFIED p2', 'DELETED p3']);
  });

  it.each([
    ['a line that is no JSON', '{"type":"ADD\n', 'malformed'],
    ['a line that is no event', '{"type":"SOMETHING","object":{}}\n', 'malformed'],
    ['an event without an object', '{"type":"ADDED"}\n', 'malformed'],
    ['a line longer than any object', Buffer.alloc(9 * 1024 * 1024, 0x61), 'malformed'],
    ['a stream that ends within a line', '{"type":"ADDED","object":{', 'retry'],
    [
      'an ERROR that says 410',
      `${JSON.stringify({ type: 'ERROR', object: { kind: 'Status', code: 410 } })}\n`,
      'expired',
    ],
    [
      'an ERROR that says 500',
      `${JSON.stringify({ type: 'ERROR', object: { kind: 'Status', code: 500 } })}\n`,
      'retry',
    ],
  ])('throws for %s, after what came before', async (_name, part, kind) => {
    server.reply = chunks(event('ADDED', 1), part);
    const seen: string[] = [];
    const reading = (async () => {
      for await (const { object } of watch()) seen.push(object.metadata.name);
    })();
    await expect(reading).rejects.toMatchObject({ kind });
    expect(seen).toEqual(['p1']);
  });

  it('does not quote a line, for it may be a Secret', async () => {
    server.reply = chunks('{"type":"ADDED","object":{"data":"hunter2"\n');
    await expect(names()).rejects.toThrow(/^((?!hunter2).)*$/s);
  });

  it.each([
    [410, 'expired', { kind: 'Status', code: 410, reason: 'Expired' }],
    [403, 'retry', { kind: 'Status', code: 403, reason: 'Forbidden' }],
    [404, 'retry', { kind: 'Status', code: 404, reason: 'NotFound', details: {} }],
    [429, 'retry', { kind: 'Status', code: 429 }],
  ])('judges a refusal %i like any answer: %s', async (status, kind, body) => {
    server.reply = json(body, status);
    await expect(names()).rejects.toMatchObject({ kind });
  });

  it('throws when the connection is cut', async () => {
    server.reply = (stream) => {
      stream.respond({ ':status': 200 });
      stream.write(event('ADDED', 1), () => stream.session?.destroy());
    };
    await expect(names()).rejects.toMatchObject({ kind: 'retry', facts: { type: 'ClusterUnreachable' } });
  });

  it('ends quietly when given up before, while waiting and between events', async () => {
    server.reply = (stream) => {
      stream.respond({ ':status': 200 });
      stream.write(event('ADDED', 1));
    };
    for await (const _ of watch(AbortSignal.abort())) throw new Error('nothing was to come');
    const between = new AbortController();
    for await (const _ of watch(between.signal)) between.abort();
    let opened = 0;
    server.reply = () => {
      opened += 1;
    };
    const waiting = new AbortController();
    const reading = (async () => {
      for await (const _ of watch(waiting.signal)) throw new Error('nothing was to come');
    })();
    await vi.waitFor(() => expect(opened).toBe(1));
    waiting.abort();
    await reading;
  });

  it('closes the stream when its reader leaves', async () => {
    let closed = false;
    server.reply = (stream) => {
      stream.respond({ ':status': 200 });
      stream.on('close', () => {
        closed = true;
      });
      stream.write(event('ADDED', 1));
    };
    for await (const _ of watch()) break;
    await vi.waitFor(() => expect(closed).toBe(true));
  });

  it('reads no further than its reader takes', async () => {
    const line = event('ADDED', 1, 'x'.repeat(10_000));
    let written = 0;
    server.reply = (stream) => {
      stream.respond({ ':status': 200 });
      const fill = () => {
        while (written < 20_000_000 && !stream.destroyed) {
          written += line.length;
          if (!stream.write(line)) {
            stream.once('drain', fill);
            return;
          }
        }
      };
      fill();
    };
    const events = watch()[Symbol.asyncIterator]();
    await events.next();
    const settled = async () => {
      const before = written;
      await new Promise((resolve) => setImmediate(() => setImmediate(resolve)));
      return before === written;
    };
    await vi.waitFor(async () => expect(await settled()).toBe(true));
    // The stream's window, the buffers of both ends and the socket; never the 20 MB on offer.
    expect(written).toBeLessThan(3_000_000);
    await events.return?.(undefined);
  });
});

describe('LineSplitter', () => {
  it('leaves out empty lines and counts what is unfinished', () => {
    const splitter = new LineSplitter(10);
    expect(splitter.push(Buffer.from('a\n\nbc\nd'))).toEqual(['a', 'bc']);
    expect(splitter.pendingBytes).toBe(1);
    expect(splitter.push(Buffer.from('e\n'))).toEqual(['de']);
    expect(splitter.pendingBytes).toBe(0);
  });

  it.each([
    ['in one piece', ['ab\n12345678901\ncd\n'], [['ab']]],
    ['in pieces', ['ab\n123456', '78901', '\ncd\n'], [['ab'], [], []]],
    ['without an end', ['ab\n12345678901'], [['ab']]],
  ])('stops before a line that is too long, %s', (_name, parts, lines) => {
    const splitter = new LineSplitter(10);
    expect(parts.map((part) => splitter.push(Buffer.from(part)))).toEqual(lines);
    expect(splitter.isTooLong).toBe(true);
  });

  it('takes a line that is just as long as allowed', () => {
    const splitter = new LineSplitter(10);
    expect(splitter.push(Buffer.from('1234567890\n'))).toEqual(['1234567890']);
    expect(splitter.isTooLong).toBe(false);
  });
});
