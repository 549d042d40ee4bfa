import { constants } from 'node:http2';
import { malformedError, messageOf, retryError, type TmcError } from '@tmc/kernel/errors.ts';
import { formatGroupResource, type GroupResource } from '@tmc/kernel/key.ts';
import type { WatchEvent, WatchOptions, WatchSource } from '@tmc/kernel/ports.ts';
import { Api, type ApiOptions } from './api.ts';
import { classifyWatchError } from './classify.ts';
import type { OpenAnswer } from './http.ts';
import { LineSplitter } from './lines.ts';
import { listPage } from './list.ts';
import { collectionPath, queryOf } from './paths.ts';
import { statusOf } from './status.ts';

/** Objects are at most 1.5 MiB in etcd and 3 MiB in a request; JSON escapes can double that. */
const MAX_LINE_BYTES = 8 * 1024 * 1024;

export type WatchSourceOptions = ApiOptions & {
  /** Stable name of the endpoint; its URL when absent. */
  readonly endpoint?: string;
  /** In front of every path: `/clusters/*` reads all workspaces of a kcp endpoint. */
  readonly prefix?: string;
};

/**
 * One endpoint as a relay reads it: a member, a plain hub, or with `prefix: '/clusters/*'` all workspaces of a kcp endpoint.
 * Lines are read only as fast as events are taken; what the socket may hold beyond that is bounded by HTTP/2 flow control.
 */
export function createWatchSource(options: WatchSourceOptions): WatchSource & { close(): void } {
  const { connection, endpoint = connection.url, prefix = '' } = options;
  const api = new Api(options);
  return {
    endpoint,
    page: (resource, page) => listPage(api, resource, { ...page, prefix }),
    watch: (resource, watch) => watchEvents({ api, prefix }, resource, watch),
    close: () => api.close(),
  };
}

async function* watchEvents(
  { api, prefix }: { api: Api; prefix: string },
  resource: GroupResource,
  options: WatchOptions,
): AsyncGenerator<WatchEvent> {
  const about = `${prefix}${formatGroupResource(resource)}`;
  if (options.signal.aborted) return;
  let answer: OpenAnswer;
  try {
    const path = prefix + collectionPath(resource) + watchQuery(options);
    answer = await api.open({ method: 'GET', path, about, signal: options.signal });
  } catch (error) {
    if (options.signal.aborted) return;
    throw error;
  }
  const stop = () => answer.stream.close(constants.NGHTTP2_CANCEL);
  options.signal.addEventListener('abort', stop, { once: true });
  options.opened?.();
  try {
    for await (const line of readLines(answer, about)) yield parseEvent(line, about);
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
async function* readLines({ stream }: OpenAnswer, about: string): AsyncGenerator<string> {
  const splitter = new LineSplitter(MAX_LINE_BYTES);
  const chunks = (stream as AsyncIterable<Buffer>)[Symbol.asyncIterator]();
  for (;;) {
    let next: IteratorResult<Buffer>;
    try {
      next = await chunks.next();
    } catch (error) {
      throw cut(about, messageOf(error), error);
    }
    if (next.done) break;
    yield* splitter.push(next.value);
  }
  if (stream.aborted || stream.rstCode) throw cut(about, `HTTP/2 code ${stream.rstCode ?? 'none'}`);
  if (splitter.pendingBytes > 0) throw cut(about, 'it ended within a line');
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
