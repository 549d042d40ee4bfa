import type { IncomingMessage } from 'node:http';
import { request as requestHttps } from 'node:https';
import { text } from 'node:stream/consumers';

export type PostRequest = {
  readonly method: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  readonly signal: AbortSignal;
};

/** What is read of an answer; that of `fetch` is one. */
export type PostAnswer = Pick<Response, 'ok' | 'status' | 'json'>;

/**
 * One request on a connection of its own, as `fetch` would make it: that costs a function 40 ms of its first invocation, for what
 * it loads, and keeps connections that a frozen function does not see die. @throws what the connection ended with, or the signal.
 */
export async function post(url: string, { body, ...options }: PostRequest): Promise<PostAnswer> {
  // As an import it would load what `fetch` needs all the same.
  const request = url.startsWith('https:') ? requestHttps : process.getBuiltinModule('node:http').request;
  const answer = await new Promise<IncomingMessage>((resolve, reject) => {
    request(url, { ...options, agent: false }, resolve)
      .on('error', reject)
      .end(body);
  });
  const { statusCode: status = 0 } = answer;
  const content = await text(answer);
  return { ok: status >= 200 && status < 300, status, json: async () => JSON.parse(content) as unknown };
}
