import type { ClientHttp2Stream } from 'node:http2';
import { type Clock, systemClock } from '@tmc/kernel/clock.ts';
import { isTmcError, messageOf } from '@tmc/kernel/errors.ts';
import { Authorizer } from './authorizer.ts';
import type { KubeConnection } from './connection.ts';
import {
  exchange,
  type HttpAnswer,
  type HttpHead,
  type HttpRequest,
  limit,
  NoAnswer,
  unreachable,
} from './exchange.ts';
import { type OpenAnswer, openStream } from './open-stream.ts';
import { type Dialer, dialerOf, type PingTiming, Session } from './session.ts';

/** A request as callers of {@link Transport} state it: the path without base path. */
export type Ask = Omit<HttpRequest, 'headers' | 'deadlineMs' | 'endsAtMs' | 'maxBytes'> & {
  readonly contentType?: string;
  readonly accept?: string;
  readonly deadlineMs?: number;
};

/** Deadline of a call that states none. API servers themselves give up ordinary requests after 60 s. */
const DEFAULT_DEADLINE_MS = 30_000;
/**
 * Bytes of an answer that are read. Twice the largest object (the longest line of a watch), so that every object fits; and little
 * enough that a relay with 192 MB of heap can hold an answer as bytes, text and objects at once. A page of a list stays below it
 * while its 500 objects have 32 KiB on average; beyond that lists are read in smaller pages.
 */
const MAX_ANSWER_BYTES = 16 * 1024 * 1024;
/** A refused stream was never looked at, so sending it again is safe; more often than this something else is wrong. */
const REFUSED_ATTEMPTS = 3;

export type TransportOptions = {
  readonly clock?: Clock;
  /** Deadline of calls that state none. */
  readonly deadlineMs?: number;
  /** Longest body of a whole answer; 16 MiB when absent. */
  readonly maxAnswerBytes?: number;
  /** When sessions are asked by PING whether their peer lives; see {@link Session}. */
  readonly ping?: PingTiming | undefined;
};

/**
 * HTTP/2 to one API server as one identity. Requests share sessions (at most 90 streams each); streams that stay open, watches,
 * have sessions of their own, so that they never hold up a write. Close it when done: open sessions keep the process alive.
 */
export class Transport {
  readonly #connection: KubeConnection;
  readonly #basePath: string;
  readonly #deadlineMs: number;
  readonly #maxAnswerBytes: number;
  readonly #clock: Clock;
  readonly #authorizer: Authorizer;
  readonly #ping: PingTiming | undefined;
  readonly #sessions = { calls: [] as Session[], watches: [] as Session[] };
  #dialer: Dialer | undefined;

  constructor(connection: KubeConnection, options: TransportOptions = {}) {
    const { clock = systemClock, deadlineMs = DEFAULT_DEADLINE_MS, maxAnswerBytes = MAX_ANSWER_BYTES, ping } = options;
    this.#connection = connection;
    this.#deadlineMs = deadlineMs;
    this.#maxAnswerBytes = maxAnswerBytes;
    this.#basePath = new URL(connection.url).pathname.replace(/\/$/, '');
    this.#clock = clock;
    this.#authorizer = new Authorizer(connection, clock);
    this.#ping = ping;
  }

  /**
   * One request and its whole answer, whatever its status.
   * @throws TmcError `retry` when no whole answer came, terminal when it is too large, see {@link isAnswerTooLarge}.
   */
  async request(ask: Ask): Promise<HttpAnswer> {
    return this.#attempt(ask, (request) => this.#call(request));
  }

  /** A request whose answer is read as it comes. @throws TmcError `retry` when its headers did not come in time. */
  async open(ask: Ask): Promise<OpenAnswer> {
    return this.#attempt(ask, async (request) => {
      await this.#prove('watches', request);
      return openStream(start(this.#session('watches'), request), request);
    });
  }

  /** Cuts all sessions; a later request opens new ones. */
  close(): void {
    for (const session of [...this.#sessions.calls, ...this.#sessions.watches]) session.destroy();
  }

  async #attempt<T extends HttpHead>(ask: Ask, send: (request: HttpRequest) => Promise<T>): Promise<T> {
    let request: HttpRequest | undefined;
    for (let attempt = 1; ; attempt += 1) {
      try {
        if (ask.signal?.aborted) throw new NoAnswer('given up by the caller');
        request ??= await this.#request(ask);
        const answer = await send(request);
        const { authorization } = request.headers;
        if (answer.status === 401 && authorization !== undefined) this.#connection.refused?.(authorization);
        return answer;
      } catch (error) {
        if (isTmcError(error)) throw error;
        if (error instanceof NoAnswer && error.refused && attempt < REFUSED_ATTEMPTS) continue;
        throw unreachable({ method: ask.method, path: this.#basePath + ask.path }, error, this.#clock());
      }
    }
  }

  async #request(ask: Ask): Promise<HttpRequest> {
    const path = this.#basePath + ask.path;
    const deadlineMs = ask.deadlineMs ?? this.#deadlineMs;
    const authorization = await this.#authorizer.header({ ...ask, path, deadlineMs });
    return {
      method: ask.method,
      path,
      headers: {
        ':method': ask.method,
        ':path': path,
        accept: ask.accept ?? 'application/json',
        'user-agent': 'serverless-tmc',
        ...(authorization === undefined ? {} : { authorization }),
        ...(ask.body === undefined ? {} : { 'content-type': ask.contentType ?? 'application/json' }),
      },
      deadlineMs,
      // Whatever is done for it shares this time; getting credentials is no fault of the server, and has its own.
      endsAtMs: performance.now() + deadlineMs,
      maxBytes: this.#maxAnswerBytes,
      ...(ask.body === undefined ? {} : { body: ask.body }),
      ...(ask.signal === undefined ? {} : { signal: ask.signal }),
    };
  }

  /**
   * One exchange. A connection that was there before may have been dead before anybody could see it: what only reads is asked once
   * more when nothing came back over such a one.
   */
  async #call(request: HttpRequest): Promise<HttpAnswer> {
    await this.#prove('calls', request);
    const session = this.#session('calls');
    const wasMade = session.isMade();
    try {
      return await exchange(start(session, request), request);
    } catch (error) {
      if (!(wasMade && request.method === 'GET' && error instanceof NoAnswer && error.lost)) throw error;
      await this.#prove('calls', request);
      return exchange(start(this.#session('calls'), request), request);
    }
  }

  /**
   * Has sessions that were silent for a while proved, at once; those that are dead have no room afterwards.
   * @throws NoAnswer when the time of the request is over before, or its caller gave up.
   */
  #prove(kind: 'calls' | 'watches', request: HttpRequest): Promise<void> {
    const silent = this.#sessions[kind].filter((session) => session.hasRoom() && session.needsProof());
    if (silent.length === 0) return Promise.resolve();
    return new Promise((resolve, reject) => {
      const release = limit(request, reject);
      void Promise.all(silent.map((session) => session.prove())).then(() => {
        release();
        resolve();
      }, reject);
    });
  }

  #session(kind: 'calls' | 'watches'): Session {
    const sessions = this.#sessions[kind];
    const free = sessions.find((session) => session.hasRoom());
    if (free) return free;
    this.#dialer ??= dialerOf(this.#connection);
    const gone = (session: Session) => {
      const at = sessions.indexOf(session);
      if (at >= 0) sessions.splice(at, 1);
    };
    const session = new Session(this.#dialer, { clock: this.#clock, ping: this.#ping, gone });
    sessions.push(session);
    return session;
  }
}

/** Starts a stream. @throws NoAnswer `refused` when the session ended between the look and the use: nothing was sent. */
function start(session: Session, request: HttpRequest): ClientHttp2Stream {
  try {
    return session.start(request.headers, request.body === undefined);
  } catch (error) {
    session.retire();
    throw new NoAnswer(messageOf(error), { refused: true, cause: error });
  }
}
