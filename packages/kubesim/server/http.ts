import {
  createSecureServer,
  type Http2SecureServer,
  type Http2ServerRequest,
  type Http2ServerResponse,
} from 'node:http2';
import type { Socket } from 'node:net';
import type { FaultGate } from '../faults/gate.ts';
import type { Answer, Incoming } from './answer.ts';
import type { Sim } from './context.ts';
import { answer } from './handle.ts';
import { toYaml } from './media.ts';
import type { ServerCertificate } from './tls.ts';

/** As real API servers: streams beyond this wait without an answer. */
const MAX_STREAMS = 100;
const MAX_BODY_BYTES = 3 * 1024 * 1024;

export interface HttpServer {
  port: number;
  /** Breaks all connections without a word, as a killed server does. */
  cutConnections(): void;
  close(): Promise<void>;
}

export interface HttpOptions {
  port: number;
  certificate: ServerCertificate;
  /** Offer only HTTP/1.1. */
  http1Only: boolean;
  gate: FaultGate;
  /** Requests under /__kubesim, for those who run the simulator as a process. */
  admin: (method: string, path: string) => Answer | undefined;
}

/** Serves a simulated API server over TLS, HTTP/2 with HTTP/1.1 as fallback. */
export async function listen(sim: Sim, options: HttpOptions): Promise<HttpServer> {
  const { key, cert } = options.certificate;
  const server: Http2SecureServer = createSecureServer({
    key,
    cert,
    allowHTTP1: true,
    settings: { maxConcurrentStreams: MAX_STREAMS },
    ...(options.http1Only ? { ALPNProtocols: ['http/1.1'] } : {}),
  });
  const sockets = new Set<Socket>();
  server.on('secureConnection', (socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    socket.on('error', () => socket.destroy());
  });
  server.on('sessionError', () => {});
  server.on('request', (req, res) => void serve(sim, options, { req, res }));
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(options.port, '127.0.0.1', resolve);
  });
  const address = server.address();
  const cutConnections = () => {
    for (const socket of sockets) socket.destroy();
  };
  return {
    port: typeof address === 'object' && address ? address.port : options.port,
    cutConnections,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        cutConnections();
      }),
  };
}

interface Exchange {
  req: Http2ServerRequest;
  res: Http2ServerResponse;
}

async function serve(sim: Sim, options: HttpOptions, { req, res }: Exchange): Promise<void> {
  req.on('error', () => {});
  res.on('error', () => {});
  const method = req.method;
  const url = req.url;
  if (url.startsWith('/__kubesim/')) {
    const done = options.admin(method, url);
    return send(res, req, done ?? { status: 404, contentType: 'text/plain', text: 'unknown admin request\n' });
  }
  const incoming = incomingOf(req);
  const result = await options.gate.pass({ method, url, revision: sim.store.revision }, (asked) =>
    answer(sim, { ...incoming, url: asked }),
  );
  if (result === 'drop') return drop({ req, res });
  send(res, req, result);
}

function incomingOf(req: Http2ServerRequest): Incoming {
  const header = (name: string): string | undefined => {
    const value = req.headers[name];
    return Array.isArray(value) ? value[0] : value;
  };
  return {
    method: req.method,
    url: req.url,
    authorization: header('authorization'),
    accept: header('accept'),
    contentType: header('content-type'),
    userAgent: header('user-agent') ?? '',
    impersonate: impersonated(req),
    body: async () => (await readBody(req)).toString('utf8'),
    bytes: () => readBody(req),
  };
}

function impersonated({ headers }: Http2ServerRequest): Incoming['impersonate'] {
  const user = headers['impersonate-user'];
  if (typeof user !== 'string' || user === '') return undefined;
  // A header that is sent several times arrives joined.
  const groups = [headers['impersonate-group'] ?? []].flat().flatMap((group) => group.split(', '));
  return { user, groups };
}

/** By events: iterating costs more than all else the server does for a small request. */
function readBody(req: Http2ServerRequest): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let size = 0;
    req.on('data', (chunk: Buffer) => {
      size += chunk.length;
      if (size <= MAX_BODY_BYTES) chunks.push(chunk);
      else req.destroy(new Error('request body too large'));
    });
    req.on('end', () => resolve(Buffer.concat(chunks)));
    req.on('error', reject);
    req.on('close', () => reject(new Error('the request was cut')));
  });
}

/** Breaks the connection (HTTP/1.1) or resets the stream (HTTP/2). */
function drop({ req, res }: Exchange): void {
  if (req.httpVersionMajor === 2) res.stream.close(2);
  else req.socket.destroy();
}

function send(res: Http2ServerResponse, req: Http2ServerRequest, result: Answer): void {
  if (res.destroyed || res.writableEnded) return;
  const headers: Record<string, string> = {
    'content-type': result.contentType,
    'cache-control': 'no-cache, private',
    ...result.headers,
  };
  if (result.stream) {
    res.writeHead(result.status, headers);
    flushHead(res);
    stream(res, req, result.stream);
    return;
  }
  const yaml = req.headers.accept === 'application/yaml' && result.contentType === 'application/json';
  const text = yaml ? toYaml(JSON.parse(result.text ?? 'null')) : (result.text ?? '');
  if (yaml) headers['content-type'] = 'application/yaml';
  const body = result.bytes ?? Buffer.from(text);
  if (result.cutBody) {
    res.writeHead(result.status, { ...headers, 'content-length': body.length });
    res.write(body.subarray(0, Math.floor(body.length / 2)));
    setImmediate(() => drop({ req, res }));
    return;
  }
  res.writeHead(result.status, { ...headers, 'content-length': body.length });
  res.end(req.method === 'HEAD' ? '' : body);
}

/** A watch without events must still begin to answer. */
function flushHead(res: Http2ServerResponse): void {
  const plain = res as unknown as { flushHeaders?: () => void };
  plain.flushHeaders?.();
}

function stream(res: Http2ServerResponse, req: Http2ServerRequest, start: NonNullable<Answer['stream']>): void {
  const gone = new AbortController();
  const leave = () => gone.abort();
  res.on('close', leave);
  req.on('aborted', leave);
  start({
    write: (line) => {
      if (!res.writableEnded && !res.destroyed) res.write(line);
    },
    end: () => {
      if (!res.writableEnded) res.end();
    },
    cut: () => drop({ req, res }),
    closed: gone.signal,
  });
}
