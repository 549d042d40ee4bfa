import { type ClientHttp2Stream, constants, type IncomingHttpHeaders, type IncomingHttpStatusHeader } from 'node:http2';
import { systemClock } from '@tmc/kernel/clock.ts';
import { isTmcError, retryError, type TmcError, terminalError } from '@tmc/kernel/errors.ts';

/** A request on its way; `path` holds base path and query. */
export type HttpRequest = {
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
  /** Ends the request; the caller gets a `retry` error. */
  readonly signal?: AbortSignal;
  /** Longest time until the whole answer is there (of a stream: its headers), however often it is sent. */
  readonly deadlineMs: number;
  /** When that time is over, by the process's own clock (`performance.now`), which timers go by. */
  readonly endsAtMs: number;
  /** Longest body of a whole answer. */
  readonly maxBytes: number;
};

/** A whole answer. */
export type HttpAnswer = HttpHead & { readonly body: string };

/** What the classifier needs of an answer's headers. */
export type HttpHead = {
  readonly status: number;
  readonly contentType: string;
  /** `Retry-After` in seconds, if the server sent one. */
  readonly retryAfter?: string;
  /** The server's clock as it wrote it: whole seconds. */
  readonly date?: string;
};

/**
 * Why there is no whole answer. `refused` means the server has certainly not looked at the request, `late` that it did not answer
 * within the deadline, `lost` that the connection or stream ended before anything of an answer came.
 */
export class NoAnswer extends Error {
  readonly refused: boolean;
  readonly late: boolean;
  readonly lost: boolean;

  constructor(reason: string, options: { refused?: boolean; late?: boolean; lost?: boolean; cause?: unknown } = {}) {
    super(reason, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'NoAnswer';
    this.refused = options.refused ?? false;
    this.late = options.late ?? false;
    this.lost = options.lost ?? false;
  }
}

/** `facts.component` of the error for an answer that is too large: readers of lists ask for smaller pages then. */
const ANSWER_LIMIT_COMPONENT = 'answer-limit';

/** True for the error of an answer with more bytes than are read. */
export function isAnswerTooLarge(error: unknown): boolean {
  return isTmcError(error) && error.facts.component === ANSWER_LIMIT_COMPONENT;
}

/** Terminal, for the same question brings the same answer. `what` is an object or a page of a list. */
export function answerTooLarge(about: string, what: string, hint: string): TmcError {
  return terminalError(`${about}: ${what}`, { type: 'ResourceValidation', component: ANSWER_LIMIT_COMPONENT, hint });
}

/** What node says of a server certificate that the clock speaks against. */
const UNTIMELY: Readonly<Record<string, string>> = {
  CERT_NOT_YET_VALID: 'is not valid yet',
  CERT_HAS_EXPIRED: 'has expired',
};

/**
 * The error callers see: nothing is known about the outcome, so the message is given back and tried again. `nowMs` is this
 * machine's clock, which is as likely to be wrong as a certificate.
 */
export function unreachable(
  request: Pick<HttpRequest, 'method' | 'path'>,
  cause: unknown,
  nowMs: number = systemClock(),
): TmcError {
  const path = request.path.split('?', 1)[0];
  const untimely = UNTIMELY[codeOf(cause)];
  if (untimely) {
    const now = new Date(nowMs).toISOString();
    const text = `the certificate of the API server, or of its authority, ${untimely} by the clock of this machine (${now})`;
    return retryError(`${request.method} ${path}: ${text}`, {
      type: 'ClusterAuthentication',
      hint: "correct this machine's clock if it is wrong; else renew the certificate of the API server",
      cause,
    });
  }
  const reason = cause instanceof Error ? cause.message : String(cause);
  return retryError(`${request.method} ${path}: no answer from the API server: ${reason}`, {
    type: 'ClusterUnreachable',
    hint: 'check that the API server runs and can be reached under the URL of its kubeconfig',
    cause,
  });
}

/** The code of the innermost error that has one. */
function codeOf(error: unknown): string {
  let code = '';
  for (let at = error; at instanceof Error; at = at.cause) code = (at as NodeJS.ErrnoException).code ?? code;
  return code;
}

type Headers = IncomingHttpHeaders & IncomingHttpStatusHeader;

export function headOf(headers: Headers): HttpHead {
  const retryAfter = headers['retry-after'];
  return {
    status: headers[':status'] ?? 0,
    contentType: headers['content-type'] ?? '',
    ...(retryAfter === undefined ? {} : { retryAfter }),
    ...(headers.date === undefined ? {} : { date: headers.date }),
  };
}

/** Gives up with a {@link NoAnswer} when the request's time is over or its signal is given; what it returns ends that, and must be called. */
export function limit(request: HttpRequest, giveUp: (error: NoAnswer) => void): () => void {
  const late = () => giveUp(new NoAnswer(`none within ${request.deadlineMs} ms`, { late: true }));
  const timer = setTimeout(late, Math.max(0, request.endsAtMs - performance.now()));
  const aborted = () => giveUp(new NoAnswer('given up by the caller'));
  // The signal may have been given while the request was made ready: listening alone would miss it.
  if (request.signal?.aborted) aborted();
  else request.signal?.addEventListener('abort', aborted, { once: true });
  return () => {
    clearTimeout(timer);
    request.signal?.removeEventListener('abort', aborted);
  };
}

/** Why a stream broke, from its error or the code it was closed with; `lost` when nothing of an answer had come. */
export function brokenStream(stream: ClientHttp2Stream, error: unknown, lost = false): NoAnswer {
  const code = stream.rstCode;
  const refused = code === constants.NGHTTP2_REFUSED_STREAM;
  if (refused) return new NoAnswer('the server refused the stream', { refused, lost, cause: error });
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
  if (cause instanceof Error) return new NoAnswer(cause.message, { lost, cause: error });
  return new NoAnswer(`the connection was cut (HTTP/2 code ${code ?? 'none'})`, { lost });
}

/**
 * Sends the body and reads the whole answer.
 * @throws NoAnswer when it did not come in full: an answer with a cut body has an unknown outcome, whatever its status says.
 * @throws TmcError terminal, see {@link isAnswerTooLarge}, for a success of more than `maxBytes`; the rest is not read.
 */
export function exchange(stream: ClientHttp2Stream, request: HttpRequest): Promise<HttpAnswer> {
  return new Promise((resolve, reject) => {
    const giveUp = (error: Error) => {
      reject(error);
      stream.close(constants.NGHTTP2_CANCEL);
    };
    const release = limit(request, giveUp);
    const body = new Body(request, giveUp);
    let failure: unknown;
    let ended = false;
    stream.on('response', (headers) => body.begin(headers));
    stream.on('data', (chunk: Buffer) => body.add(chunk));
    stream.on('end', () => {
      ended = true;
    });
    stream.on('error', (error) => {
      failure = error;
    });
    stream.on('close', () => {
      release();
      if (!body.head || failure || !ended || stream.aborted || stream.rstCode) {
        return reject(brokenStream(stream, failure, body.head === undefined));
      }
      try {
        resolve({ ...body.head, body: body.text() });
      } catch (error) {
        // Nobody would catch what a listener throws.
        reject(error instanceof NoAnswer ? error : new NoAnswer('the body cannot be read', { cause: error }));
      }
    });
    if (request.body !== undefined) stream.end(request.body);
  });
}

/** The bytes of one answer as they come, no more of them than the request takes. */
class Body {
  readonly #request: HttpRequest;
  readonly #refuse: (error: Error) => void;
  readonly #chunks: Buffer[] = [];
  #bytes = 0;
  #expectedBytes = -1;
  head: HttpHead | undefined;

  /** `refuse` is called, perhaps more than once, when there are too many. */
  constructor(request: HttpRequest, refuse: (error: Error) => void) {
    this.#request = request;
    this.#refuse = refuse;
  }

  begin(headers: Headers): void {
    this.head = headOf(headers);
    this.#expectedBytes = headers['content-length'] === undefined ? -1 : Number(headers['content-length']);
    if (this.#expectedBytes > this.#request.maxBytes) this.#refuse(this.#tooLarge());
  }

  add(chunk: Buffer): void {
    this.#bytes += chunk.length;
    if (this.#bytes <= this.#request.maxBytes) {
      this.#chunks.push(chunk);
      return;
    }
    this.#chunks.length = 0;
    this.#refuse(this.#tooLarge());
  }

  /** @throws NoAnswer when it is shorter than announced. */
  text(): string {
    if (this.#expectedBytes >= 0 && this.#bytes !== this.#expectedBytes) {
      throw new NoAnswer(`the body was cut after ${this.#bytes} of ${this.#expectedBytes} bytes`);
    }
    return Buffer.concat(this.#chunks).toString('utf8');
  }

  /** A failure is no less one for being told at length. */
  #tooLarge(): Error {
    const { method, path, maxBytes } = this.#request;
    const status = this.head?.status ?? 0;
    const what = `the answer has more than ${maxBytes} bytes`;
    if (status < 200 || status >= 300) return new NoAnswer(`status ${status}, and ${what}`);
    return answerTooLarge(`${method} ${path.split('?', 1)[0]}`, what, 'make the object smaller');
  }
}
