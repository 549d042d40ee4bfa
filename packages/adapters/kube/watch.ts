import { constants } from 'node:http2';
import { malformedError, messageOf, retryError, type TmcError } from '@tmc/kernel/errors.ts';
import { formatGroupResource, type GroupResource } from '@tmc/kernel/key.ts';
import type { WatchEvent, WatchOptions, WatchSource } from '@tmc/kernel/ports.ts';
import { Api, type ApiOptions } from './api.ts';
import { classifyWatchError } from './classify.ts';
import { LineSplitter, lineTooLong } from './lines.ts';
import { listPage } from './list.ts';
import type { OpenAnswer } from './open-stream.ts';
import { collectionPath, queryOf } from './paths.ts';
import { READING } from './rights.ts';
import { PingUnanswered } from './session.ts';
import { statusOf } from './status.ts';

/** Objects are at most 1.5 MiB in etcd and 3 MiB in a request; JSON escapes can double that. */
const MAX_LINE_BYTES = 8 * 1024 * 1024;

export type WatchSourceOptions = ApiOptions & {
  /** Stable name of the endpoint; its URL when absent. */
  readonly endpoint?: string;
  /** In front of every path: `/clusters/*` reads all workspaces of a kcp endpoint. */
  readonly prefix?: string;
  /** Longest line of a watch; a longer one is a `malformed` error with component `watch-line-limit`. */
  readonly maxLineBytes?: number;
};

/**
 * One endpoint as a relay reads it: a member, a plain hub, or with `prefix: '/clusters/*'` all workspaces of a kcp endpoint.
 * Lines are read only as fast as events are taken; what the socket may hold beyond that is bounded by HTTP/2 flow control.
 */
export function createWatchSource(options: WatchSourceOptions): WatchSource & { close(): void } {
  const { connection, endpoint = connection.url, prefix = '', maxLineBytes = MAX_LINE_BYTES } = options;
  const api = new Api(options);
  return {
    endpoint,
    page: (resource, page) => listPage(api, resource, { ...page, prefix, verbs: READING }),
    watch: (resource, watch) => watchEvents({ api, prefix, maxLineBytes }, resource, watch),
    clockSkewMs: () => api.clockSkewMs(),
    close: () => api.close(),
  };
}

type Reading = { readonly api: Api; readonly prefix: string; readonly maxLineBytes: number };

async function* watchEvents(
  { api, prefix, maxLineBytes }: Reading,
  resource: GroupResource,
  options: WatchOptions,
): AsyncGenerator<WatchEvent> {
  const about = `${prefix}${formatGroupResource(resource)}`;
  if (options.signal.aborted) return;
  let answer: OpenAnswer;
  try {
    const path = prefix + collectionPath(resource) + watchQuery(options);
    answer = await api.open({ method: 'GET', path, about, resource, verbs: READING, signal: options.signal });
  } catch (error) {
    if (options.signal.aborted) return;
    throw isHalfOpen(error) ? halfOpen(about, error) : error;
  }
  const stop = () => answer.stream.close(constants.NGHTTP2_CANCEL);
  // The signal may have been given between the answer and here: listening alone would miss it.
  if (options.signal.aborted) stop();
  else options.signal.addEventListener('abort', stop, { once: true });
  options.opened?.();
  try {
    for await (const line of readLines(answer, { about, maxLineBytes })) yield parseEvent(line, about);
  } catch (error) {
    if (!options.signal.aborted) throw error;
  } finally {
    options.signal.removeEventListener('abort', stop);
    stop();
  }
}

function watchQuery({ resourceVersion, labelSelector, timeoutSeconds, sendInitialEvents }: WatchOptions): string {
  return queryOf({
    watch: true,
    allowWatchBookmarks: true,
    timeoutSeconds,
    resourceVersion,
    labelSelector,
    ...(sendInitialEvents ? { sendInitialEvents: true, resourceVersionMatch: 'NotOlderThan' } : {}),
  });
}

/** Lines until the server ends the stream. @throws TmcError `retry` when it was cut instead. */
async function* readLines(
  { stream }: OpenAnswer,
  { about, maxLineBytes }: { about: string; maxLineBytes: number },
): AsyncGenerator<string> {
  const splitter = new LineSplitter(maxLineBytes);
  const chunks = (stream as AsyncIterable<Buffer>)[Symbol.asyncIterator]();
  for (;;) {
    let next: IteratorResult<Buffer>;
    try {
      next = await chunks.next();
    } catch (error) {
      throw isHalfOpen(error) ? halfOpen(about, error) : cut(about, messageOf(error), error);
    }
    if (next.done) break;
    yield* splitter.push(next.value);
    if (splitter.isTooLong) throw lineTooLong(`WATCH ${about}`, maxLineBytes);
  }
  if (stream.aborted || stream.rstCode) throw cut(about, `HTTP/2 code ${stream.rstCode}`);
  if (splitter.pendingBytes > 0) throw cut(about, 'it ended within a line');
}

/** True when the connection was given up because a PING stayed unanswered; errors of streams and calls carry that as their cause. */
function isHalfOpen(error: unknown): boolean {
  for (let at = error; at instanceof Error; at = at.cause) if (at instanceof PingUnanswered) return true;
  return false;
}

function halfOpen(about: string, cause: unknown): TmcError {
  return retryError(`WATCH ${about}: the connection is half-open: a PING stayed unanswered`, {
    type: 'SyncTimeout',
    hint: 'check the network between here and the API server: bytes are lost without the connection being closed',
    cause,
  });
}

function cut(about: string, reason: string, cause?: unknown): TmcError {
  return retryError(`WATCH ${about}: the stream was cut: ${reason}`, { type: 'ClusterUnreachable', cause });
}

const TYPES: ReadonlySet<string> = new Set<WatchEvent['type']>(['ADDED', 'MODIFIED', 'DELETED', 'BOOKMARK']);

/** One line as an event. @throws TmcError malformed for anything else; for an ERROR event what its Status says. */
function parseEvent(line: string, about: string): WatchEvent {
  let event: { type?: unknown; object?: unknown };
  try {
    event = JSON.parse(line);
  } catch {
    // The parser's own text quotes the line, which may be a Secret.
    throw malformedError(`WATCH ${about}: a line of ${line.length} characters is no JSON`);
  }
  if (event.type === 'ERROR') throw classifyWatchError(statusOf(event.object), about);
  if (!TYPES.has(String(event.type)) || typeof event.object !== 'object' || event.object === null) {
    throw malformedError(`WATCH ${about}: a line is no event`);
  }
  return event as WatchEvent;
}
