import { Agent, createServer, type IncomingMessage, request, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { RecordedCall } from './calls/call.ts';
import { readCalls } from './calls/read.ts';

export type Recorder = {
  /** The address to give to whoever is to be recorded under this name: `AWS_ENDPOINT_URL`, or that of one service. */
  readonly urlFor: (identity: string) => string;
  /** What was called since the start or the last reset, in the order of the answers. */
  readonly calls: () => readonly RecordedCall[];
  readonly reset: () => void;
  /** Ends also what is under way. */
  readonly stop: () => Promise<void>;
};

/** Larger bodies no service here takes: SQS 1 MiB, DynamoDB 4 MB in a transaction, Lambda 6 MB. */
const MAX_BYTES = 8 * 1024 * 1024;
/** Meant for one connection only. */
const HOP = new Set(['connection', 'keep-alive', 'transfer-encoding', 'proxy-connection', 'te', 'upgrade', 'host']);

/**
 * A proxy on a free port of the loopback interface in front of an AWS-compatible endpoint. The first part of the path says who
 * calls and is taken off; what follows goes to the endpoint as it came, on connections that are kept. Each call is recorded before
 * its answer is given, so that whoever has the answer finds the call.
 * @param target Address of the endpoint, with its path if it has one.
 */
export async function startRecorder(target: string): Promise<Recorder> {
  const upstream = new URL(target);
  const agent = new Agent({ keepAlive: true });
  let calls: RecordedCall[] = [];
  let requests = 0;
  const server = createServer((incoming, answer) => {
    const number = ++requests;
    const record = (seen: Seen): void => {
      for (const reading of readCalls(seen)) {
        calls.push({ ...reading, identity: seen.identity, status: seen.status, request: number });
      }
    };
    void relay({ incoming, answer, upstream, agent, record });
  });
  await new Promise<void>((resolve, reject) => server.once('error', reject).listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    urlFor: (identity) => `http://127.0.0.1:${port}/${encodeURIComponent(identity)}`,
    calls: () => calls,
    reset: () => {
      calls = [];
    },
    stop: async () => {
      agent.destroy();
      const closed = new Promise((resolve) => server.close(resolve));
      server.closeAllConnections();
      await closed;
    },
  };
}

type Seen = Parameters<typeof readCalls>[0] & { readonly identity: string };
type Relayed = {
  readonly incoming: IncomingMessage;
  readonly answer: ServerResponse;
  readonly upstream: URL;
  readonly agent: Agent;
  readonly record: (seen: Seen) => void;
};

async function relay({ incoming, answer, upstream, agent, record }: Relayed): Promise<void> {
  const { identity, path } = split(incoming.url ?? '/');
  const { method = 'GET', headers } = incoming;
  const about = {
    identity,
    method,
    path,
    target: one(headers['x-amz-target']),
    authorization: headers.authorization,
    contentType: headers['content-type'],
  };
  let body = '';
  try {
    const sent = await collect(incoming);
    body = sent.toString();
    const received = await passedOn({ sent, path, method, headers, upstream, agent, gone: answer });
    const { status } = received;
    record({ ...about, body, status, answer: received.body.toString() });
    answer.writeHead(status, endToEnd(received.headers)).end(received.body);
  } catch (error) {
    record({ ...about, body, status: 0, answer: '' });
    answer.writeHead(502, { 'content-type': 'text/plain' });
    answer.end(`the recorder could not pass ${method} ${path} on to ${upstream.origin}: ${(error as Error).message}\n`);
  }
}

/** `/place/a/b?c` is `a/b?c` of `place`. */
function split(url: string): { identity: string; path: string } {
  const [, identity = '', path = '/'] = /^\/([^/?]*)(.*)$/.exec(url) ?? [];
  return { identity: decodeURIComponent(identity) || 'unnamed', path: path.startsWith('/') ? path : `/${path}` };
}

const one = (value: string | string[] | undefined): string | undefined => (Array.isArray(value) ? value[0] : value);

async function collect(stream: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of stream) {
    size += (chunk as Buffer).length;
    if (size > MAX_BYTES) throw new Error(`a body of more than ${MAX_BYTES} bytes`);
    chunks.push(chunk as Buffer);
  }
  return Buffer.concat(chunks);
}

type Forwarded = {
  readonly sent: Buffer;
  readonly path: string;
  readonly method: string;
  readonly headers: IncomingMessage['headers'];
  readonly upstream: URL;
  readonly agent: Agent;
  /** The answer whose end before its time ends the call: a long poll must not outlive its caller. */
  readonly gone: ServerResponse;
};
type Received = { readonly status: number; readonly headers: IncomingMessage['headers']; readonly body: Buffer };

/** A kept connection may be closed by the other side just as it is used again: the request was not taken, and goes out once more. */
async function passedOn(about: Forwarded): Promise<Received> {
  try {
    return await forward(about);
  } catch (error) {
    if (!(error instanceof StaleConnection)) throw error;
    return forward(about);
  }
}

class StaleConnection extends Error {}

function forward({ sent, path, method, headers, upstream, agent, gone }: Forwarded): Promise<Received> {
  return new Promise((resolve, reject) => {
    const base = upstream.pathname.replace(/\/$/, '');
    const outgoing = request(
      {
        agent,
        method,
        host: upstream.hostname,
        port: upstream.port || 80,
        path: `${base}${path}`,
        headers: { ...endToEnd(headers), host: upstream.host, 'content-length': sent.length },
      },
      (response) => {
        collect(response).then(
          (body) => resolve({ status: response.statusCode ?? 0, headers: response.headers, body }),
          reject,
        );
      },
    );
    outgoing.on('error', (error: NodeJS.ErrnoException) => {
      reject(outgoing.reusedSocket && error.code === 'ECONNRESET' ? new StaleConnection(error.message) : error);
    });
    gone.once('close', () => outgoing.destroy(new Error('the caller went away')));
    outgoing.end(sent);
  });
}

/** Lengths are those of the bodies as passed on. */
function endToEnd(headers: IncomingMessage['headers']): IncomingMessage['headers'] {
  return Object.fromEntries(Object.entries(headers).filter(([name]) => !HOP.has(name) && name !== 'content-length'));
}
