import { ApiError, failure } from '../api-error.ts';
import type { WatchSink } from '../watch/watch.ts';
import type { Target } from './context.ts';

/** A request as the HTTP part hands it in. */
export interface Incoming {
  method: string;
  url: string;
  authorization: string | undefined;
  accept: string | undefined;
  contentType: string | undefined;
  userAgent: string;
  /** Whom the request wants to be taken for: `Impersonate-User` and `Impersonate-Group`. */
  impersonate?: { user: string; groups: string[] } | undefined;
  /** Reads the whole body. */
  body: () => Promise<string>;
  /** Reads the whole body as bytes, where the transport has them. */
  bytes?: () => Promise<Buffer>;
}

/** An answer: complete text, or a stream of watch events. */
export interface Answer {
  status: number;
  contentType: string;
  text?: string;
  /** Instead of text, where the body is none. */
  bytes?: Buffer;
  headers?: Record<string, string>;
  stream?: (sink: WatchSink) => void;
  /** Send only half of the text and break off. */
  cutBody?: boolean;
  /** What the request was about, where it was about a resource. */
  target?: Target;
}

export const json = (status: number, body: unknown): Answer => ({
  status,
  contentType: 'application/json',
  text: typeof body === 'string' ? body : JSON.stringify(body),
});

/** The answer to a request that failed: a Status or text, or 500 for what should not have happened. */
export function errorAnswer(error: unknown, what: string): Answer {
  if (!(error instanceof ApiError)) {
    const why = error instanceof Error ? (error.stack ?? error.message) : String(error);
    return errorAnswer(failure(500, `kubesim failed on ${what}: ${why}`, { reason: 'InternalError' }), what);
  }
  if (typeof error.body !== 'string') return { ...json(error.code, error.body), headers: error.headers };
  return { status: error.code, contentType: 'text/plain; charset=utf-8', text: error.body, headers: error.headers };
}
