/**
 * A generator that looks like an API server to a reader: paged lists, WatchList and watches over HTTP/2 (HTTP/1.1 for clients
 * that speak nothing else), as fast as the socket takes them. It checks nothing and holds no objects.
 */
import { createSecureServer, type Http2ServerRequest, type Http2ServerResponse } from 'node:http2';
import { createCertificates } from '@tmc/kubesim/server/tls.ts';
import {
  FIRST_REVISION,
  type LineTemplate,
  lineTemplate,
  type ObjectKind,
  smallItem,
  writeNumber,
} from './relay-objects.ts';

/** What the bench tells the generator. */
export type SourceOrder =
  /** From now on lists hold so many ConfigMaps, and lines are about so many objects of the kind. */
  | { readonly do: 'serve'; readonly kind: ObjectKind; readonly objects: number; readonly lines: number }
  /** Sends so many events on every open watch of the kind. */
  | { readonly do: 'stream'; readonly events: number }
  /** Tells every open watch that its revision is forgotten. */
  | { readonly do: 'expire' }
  /** From now on a bookmark on every watch each `everyMs`. */
  | { readonly do: 'bookmarks'; readonly everyMs: number };
/** What the generator tells. */
export type SourceNews =
  | {
      readonly is: 'serving' /** The same, speaking HTTP/1.1 only. */;
      readonly http1Url: string;
      readonly url: string;
      readonly caPem: string;
    }
  | { readonly is: 'watched'; readonly watches: number }
  | { readonly is: 'streamed' };

/** Lines that are written at once: some 300 KB of Deployments. */
const BLOCK = 64;

type Block = {
  readonly bytes: Buffer;
  readonly rvAt: readonly number[];
  readonly roundAt: readonly number[];
  readonly lines: number;
};
type Watcher = { readonly res: Http2ServerResponse; readonly plural: string };

const state = { kind: 'configmaps' as ObjectKind, objects: 0, revision: FIRST_REVISION, round: FIRST_REVISION };
let blocks: Block[] = [];
const watchers = new Set<Watcher>();

const { key, cert, caPem } = await createCertificates();
const urls = await Promise.all([listen([]), listen(['http/1.1'])]);
tell({ is: 'serving', url: urls[0] as string, http1Url: urls[1] as string, caPem });
process.on('message', (order: SourceOrder) => void obey(order));
process.on('disconnect', () => process.exit(0));

/** A port that speaks HTTP/2, or only what is given. */
function listen(protocols: readonly string[]): Promise<string> {
  const only = protocols.length > 0 ? { ALPNProtocols: [...protocols] } : {};
  const server = createSecureServer({ key, cert, allowHTTP1: true, settings: { maxConcurrentStreams: 250 }, ...only });
  server.on('sessionError', () => undefined);
  server.on('request', (req, res) => void answer(req, res));
  return new Promise((resolve) => {
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      resolve(`https://127.0.0.1:${typeof address === 'object' && address ? address.port : 0}`);
    });
  });
}

function tell(news: SourceNews): void {
  process.send?.(news);
}

async function obey(order: SourceOrder): Promise<void> {
  if (order.do === 'serve') {
    Object.assign(state, { kind: order.kind, objects: order.objects });
    blocks = makeBlocks(order.kind, order.lines);
    tell({ is: 'streamed' });
  } else if (order.do === 'stream') {
    const first = state.revision;
    await Promise.all(served().map(({ res }) => stream(res, order.events, first)));
    state.revision = first + order.events;
    tell({ is: 'streamed' });
  } else if (order.do === 'expire') {
    for (const { res } of served()) res.end(`${JSON.stringify({ type: 'ERROR', object: EXPIRED })}\n`);
  } else {
    setInterval(() => watchers.forEach(bookmark), order.everyMs).unref();
  }
}

const EXPIRED = {
  kind: 'Status',
  apiVersion: 'v1',
  status: 'Failure',
  reason: 'Expired',
  code: 410,
  message: 'too old resource version',
  metadata: {},
};

const served = (): Watcher[] => [...watchers].filter(({ plural }) => plural === state.kind);

function makeBlocks(kind: ObjectKind, lines: number): Block[] {
  const made: Block[] = [];
  for (let from = 0; from < lines; from += BLOCK) {
    const count = Math.min(BLOCK, lines - from);
    made.push(join(Array.from({ length: count }, (_, at) => lineTemplate(kind, from + at))));
  }
  return made;
}

function join(lines: readonly LineTemplate[]): Block {
  const rvAt: number[] = [];
  const roundAt: number[] = [];
  let base = 0;
  for (const line of lines) {
    rvAt.push(...line.rvAt.map((at) => base + at));
    roundAt.push(...line.roundAt.map((at) => base + at));
    base += line.bytes.length;
  }
  return { bytes: Buffer.concat(lines.map(({ bytes }) => bytes)), rvAt, roundAt, lines: lines.length };
}

/** Writes block after block, each a copy with fresh revisions and another content, waiting when the socket is full. */
async function stream(res: Http2ServerResponse, events: number, first: number): Promise<void> {
  let revision = first;
  for (let sent = 0; sent < events && !res.destroyed; ) {
    state.round += 1;
    for (const block of blocks) {
      if (sent >= events || res.destroyed) return;
      if (!res.write(renewed(block, revision))) await drained(res);
      revision += block.lines;
      sent += block.lines;
    }
  }
}

/** The block with the revisions after the given one, and this round's content. */
function renewed(block: Block, after: number): Buffer {
  const bytes = Buffer.from(block.bytes);
  for (const [index, at] of block.rvAt.entries()) writeNumber(bytes, at, after + index + 1);
  for (const at of block.roundAt) writeNumber(bytes, at, state.round);
  return bytes;
}

function drained(res: Http2ServerResponse): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      res.off('drain', done);
      res.off('close', done);
      resolve();
    };
    res.on('drain', done);
    res.on('close', done);
  });
}

async function answer(req: Http2ServerRequest, res: Http2ServerResponse): Promise<void> {
  const url = new URL(req.url, 'https://generator');
  const plural = url.pathname.slice(url.pathname.lastIndexOf('/') + 1);
  res.on('error', () => undefined);
  res.writeHead(200, { 'content-type': 'application/json' });
  if (url.searchParams.get('watch')) await openWatch(res, url.searchParams, plural);
  else res.end(page(url.searchParams, plural));
}

async function openWatch(res: Http2ServerResponse, query: URLSearchParams, plural: string): Promise<void> {
  const watcher = { res, plural };
  res.on('close', () => watchers.delete(watcher));
  if (query.get('sendInitialEvents') === 'true') await initialEvents(watcher);
  // Headers go out with the first byte; a watch without events must still begin to answer.
  (res as unknown as { flushHeaders?: () => void }).flushHeaders?.();
  watchers.add(watcher);
  tell({ is: 'watched', watches: watchers.size });
}

async function initialEvents({ res, plural }: Watcher): Promise<void> {
  const count = plural === state.kind ? state.objects : 0;
  for (let from = 0; from < count && !res.destroyed; from += 500) {
    let lines = '';
    for (let at = from; at < Math.min(count, from + 500); at += 1) {
      lines += `{"type":"ADDED","object":${withType(smallItem(at, FIRST_REVISION))}}\n`;
    }
    if (!res.write(lines)) await drained(res);
  }
  bookmark({ res, plural }, { 'k8s.io/initial-events-end': 'true' });
}

const withType = (item: string): string => `{"apiVersion":"v1","kind":"ConfigMap",${item.slice(1)}`;

function bookmark({ res }: Pick<Watcher, 'res'> & { plural?: string }, annotations?: object): void {
  const metadata = { resourceVersion: String(state.revision), ...(annotations && { annotations }) };
  if (!res.destroyed)
    res.write(`${JSON.stringify({ type: 'BOOKMARK', object: { apiVersion: 'v1', kind: 'Any', metadata } })}\n`);
}

function page(query: URLSearchParams, plural: string): string {
  const count = plural === state.kind ? state.objects : 0;
  const from = Number(query.get('continue') ?? 0);
  const to = Math.min(count, from + Number(query.get('limit') ?? count));
  const items: string[] = [];
  for (let at = from; at < to; at += 1) items.push(smallItem(at, FIRST_REVISION));
  const metadata = { resourceVersion: String(state.revision), ...(to < count && { continue: String(to) }) };
  return `{"kind":"List","apiVersion":"v1","metadata":${JSON.stringify(metadata)},"items":[${items.join(',')}]}`;
}
