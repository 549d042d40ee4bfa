import type { ApiTransport } from '@tmc/adapters/kube/api.ts';
import { type HttpAnswer, NoAnswer, unreachable } from '@tmc/adapters/kube/exchange.ts';
import type { Ask } from '@tmc/adapters/kube/http.ts';
import type { AnswerStream } from '@tmc/adapters/kube/open-stream.ts';
import type { Answer } from '@tmc/kubesim/server/handle.ts';
import type { TestClock } from '@tmc/testkit/clock.ts';
import type { Faults } from './faults.ts';
import type { Server } from './server.ts';

/** Longest virtual time a request is on its way: enough for two invocations to meet in any order. */
const MAX_LATENCY_MS = 12;
/** Longest time of a slow request, each way: a few of them still fit the time an invocation has. */
const MAX_STALL_MS = 2_000;
/** A watch breaks off after at most so many lines, once it was chosen to. */
const MAX_LINES_BEFORE_CUT = 6;

export type TransportOptions = {
  readonly server: Server;
  readonly clock: TestClock;
  readonly faults: Faults;
  /** Called before and after each request takes effect: where an invocation may end. */
  readonly step?: <T>(call: () => Promise<T>) => Promise<T>;
};

/** Requests to a server of this process, with everything between that a network and a busy server do to them. */
export function createTransport({ server, clock, faults, step = (call) => call() }: TransportOptions): ApiTransport {
  const carryOut = (ask: Ask): Promise<Answer> => server.answer({ ...ask, userAgent: 'serverless-tmc' });

  async function request(ask: Ask): Promise<HttpAnswer> {
    await clock.sleep(faults.draw(faults.happens('slow') ? MAX_STALL_MS : MAX_LATENCY_MS), ask.signal);
    if (ask.signal?.aborted) throw lost(ask, 'given up by the caller');
    if (faults.happens('lostBefore')) throw lost(ask, 'injected before the request');
    const injected = injectedAnswer(ask, faults);
    if (injected) return injected;
    const { status, text = '', contentType, headers } = await carryOut(ask);
    if (faults.happens('slow')) await clock.sleep(faults.draw(MAX_STALL_MS), ask.signal);
    if (faults.happens('lostAfter')) throw lost(ask, 'injected after the request');
    const retryAfter = headers?.['retry-after'];
    return { status, contentType, body: text, ...(retryAfter === undefined ? {} : { retryAfter }) };
  }

  async function open(ask: Ask) {
    await clock.sleep(faults.draw(MAX_LATENCY_MS), ask.signal);
    if (faults.happens('lostBefore')) throw lost(ask, 'injected before the stream');
    const injected = injectedAnswer(ask, faults);
    const answer = injected ? { ...injected, text: injected.body } : await carryOut(ask);
    const stream = new Lines(faults);
    if (faults.happens('expired') && 'stream' in answer) stream.expire();
    else if ('stream' in answer && answer.stream) answer.stream(stream);
    else stream.whole(answer.text ?? '');
    return { status: answer.status, contentType: answer.contentType, stream };
  }

  return { request: (ask) => step(() => request(ask)), open, close: () => undefined };
}

const lost = ({ method, path }: Ask, reason: string): Error => unreachable({ method, path }, new NoAnswer(reason));

/** What a server answers that did not carry the request out. */
function injectedAnswer({ method }: Ask, faults: Faults): HttpAnswer | undefined {
  if (method !== 'GET' && faults.happens('conflict')) {
    return status(409, 'Conflict', 'the object has been modified; please apply your changes to the latest version');
  }
  if (faults.happens('throttle')) return { ...status(429, 'TooManyRequests', 'injected'), retryAfter: '1' };
  if (faults.happens('serverError')) {
    return faults.chance(0.5)
      ? status(500, 'InternalError', 'injected: etcdserver: leader changed')
      : status(503, 'ServiceUnavailable', 'injected');
  }
  return undefined;
}

function status(code: number, reason: string, message: string): HttpAnswer {
  const body = JSON.stringify({
    kind: 'Status',
    apiVersion: 'v1',
    metadata: {},
    status: 'Failure',
    message,
    reason,
    code,
  });
  return { status: code, contentType: 'application/json', body };
}

/** The body of a watch: what the server writes is read line by line, until one of both ends it or it is cut. */
class Lines implements AnswerStream {
  aborted = false;
  readonly rstCode = 0;
  readonly #gone = new AbortController();
  readonly #waiting: Buffer[] = [];
  readonly #faults: Faults;
  #ended = false;
  #linesLeft = Number.POSITIVE_INFINITY;
  #wake: () => void = () => undefined;

  constructor(faults: Faults) {
    this.#faults = faults;
  }

  get closed(): AbortSignal {
    return this.#gone.signal;
  }

  write(line: string): void {
    if (this.#linesLeft === Number.POSITIVE_INFINITY && this.#faults.happens('cutWatch')) {
      this.#linesLeft = this.#faults.draw(MAX_LINES_BEFORE_CUT) - 1;
    }
    if (this.#linesLeft <= 0) {
      this.cut();
      return;
    }
    this.#linesLeft -= 1;
    this.#waiting.push(Buffer.from(line));
    if (this.#faults.happens('repeatedEvent')) this.#waiting.push(Buffer.from(line));
    this.#wake();
  }

  end(): void {
    this.#ended = true;
    this.#wake();
  }

  cut(): void {
    this.aborted = true;
    this.#gone.abort();
    this.end();
  }

  close(): void {
    this.#gone.abort();
    this.end();
  }

  whole(text: string): void {
    this.#waiting.push(Buffer.from(text));
    this.end();
  }

  expire(): void {
    const object = {
      kind: 'Status',
      apiVersion: 'v1',
      status: 'Failure',
      code: 410,
      reason: 'Expired',
      message: 'too old resource version',
    };
    this.whole(`${JSON.stringify({ type: 'ERROR', object })}\n`);
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Buffer, undefined> {
    for (;;) {
      const next = this.#waiting.shift();
      if (next) yield next;
      else if (this.#ended) return undefined;
      else {
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
      }
    }
  }
}
