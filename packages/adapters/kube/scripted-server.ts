import { once } from 'node:events';
import { createServer, type Http2Server, type ServerHttp2Session, type ServerHttp2Stream } from 'node:http2';
import type { AddressInfo } from 'node:net';
import type { KubeConnection } from './connection.ts';

/** How a test server answers one request. */
export type Reply = (stream: ServerHttp2Stream, headers: Record<string, unknown>) => void;

/** An HTTP/2 server in clear text that misbehaves on command: for faults no API server shows at will. */
export type ScriptedServer = {
  readonly connection: KubeConnection;
  /** Connections opened so far; the last one is the newest. */
  readonly sessions: readonly ServerHttp2Session[];
  readonly server: Http2Server;
  reply: Reply;
  close(): Promise<void>;
};

export async function startScriptedServer(reply: Reply): Promise<ScriptedServer> {
  const server = createServer();
  const sessions: ServerHttp2Session[] = [];
  server.on('session', (session) => {
    sessions.push(session);
    session.on('error', () => undefined);
  });
  server.on('stream', (stream, headers) => {
    stream.on('error', () => undefined);
    scripted.reply(stream, headers);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const scripted: ScriptedServer = {
    connection: { url: `http://127.0.0.1:${port}` },
    sessions,
    server,
    reply,
    async close() {
      for (const session of sessions) session.destroy();
      server.close();
      await once(server, 'close');
    },
  };
  return scripted;
}

/** Answers with JSON. */
export function json(body: unknown, status = 200, headers: Record<string, string> = {}): Reply {
  return (stream) => {
    stream.respond({ ':status': status, 'content-type': 'application/json', ...headers });
    stream.end(JSON.stringify(body));
  };
}

/** Answers with plain text, as servers do that have nothing mounted at a path. */
export function text(body: string, status: number): Reply {
  return (stream) => {
    stream.respond({ ':status': status, 'content-type': 'text/plain' });
    stream.end(body);
  };
}
