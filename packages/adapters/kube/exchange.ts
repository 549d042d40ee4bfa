import { type ClientHttp2Stream, constants, type IncomingHttpHeaders, type IncomingHttpStatusHeader } from 'node:http2';
import { systemClock } from '@tmc/kernel/clock.ts';
import { retryError, type TmcError } from '@tmc/kernel/errors.ts';

/** A request on its way; `path` holds base path and query. */
export type HttpRequest = {
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
  /** Ends the request; the caller gets a `retry` error. */
  readonly signal?: AbortSignal;
  /** Longest time until the whole answer is there (of a stream: its headers). */
  readonly deadlineMs: number;
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
 * within the deadline.
 */
export class NoAnswer extends Error {
  readonly refused: boolean;
  readonly late: boolean;

  constructor(reason: string, options: { refused?: boolean; late?: boolean; cause?: unknown } = {}) {
    super(reason, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'NoAnswer';
    this.refused = options.refused ?? false;
    this.late = options.late ?? false;
  }
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

/** Rejects with a {@link NoAnswer} when the deadline passes or the signal is given; `release` must be called once all is read. */
export function limit(stream: ClientHttp2Stream, request: HttpRequest, reject: (error: NoAnswer) => void): () => void {
  const give = (reason: string, late = false) => {
    reject(new NoAnswer(reason, { late }));
    stream.close(constants.NGHTTP2_CANCEL);
  };
  const timer = setTimeout(() => give(`none within ${request.deadlineMs} ms`, true), request.deadlineMs);
  const aborted = () => give('given up by the caller');
  // The signal may have been given while the request was made ready: listening alone would miss it.
  if (request.signal?.aborted) aborted();
  else request.signal?.addEventListener('abort', aborted, { once: true });
  return () => {
    clearTimeout(timer);
    request.signal?.removeEventListener('abort', aborted);
  };
}

/** Why a stream broke, from its error or the code it was closed with. */
export function brokenStream(stream: ClientHttp2Stream, error: unknown): NoAnswer {
  const code = stream.rstCode;
  const refused = code === constants.NGHTTP2_REFUSED_STREAM;
  if (refused) return new NoAnswer('the server refused the stream', { refused, cause: error });
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
  if (cause instanceof Error) return new NoAnswer(cause.message, { cause: error });
  return new NoAnswer(`the connection was cut (HTTP/2 code ${code ?? 'none'})`);
}

/**
 * Sends the body and reads the whole answer.
 * @throws NoAnswer when it did not come in full: an answer with a cut body has an unknown outcome, whatever its status says.
 */
export function exchange(stream: ClientHttp2Stream, request: HttpRequest): Promise<HttpAnswer> {
  return new Promise((resolve, reject) => {
    const release = limit(stream, request, reject);
    const chunks: Buffer[] = [];
    let head: HttpHead | undefined;
    let expectedBytes = -1;
    let failure: unknown;
    let ended = false;
    stream.on('response', (headers) => {
      head = headOf(headers);
      expectedBytes = headers['content-length'] === undefined ? -1 : Number(headers['content-length']);
    });
    stream.on('data', (chunk: Buffer) => chunks.push(chunk));
    stream.on('end', () => {
      ended = true;
    });
    stream.on('error', (error) => {
      failure = error;
    });
    stream.on('close', () => {
      release();
      if (!head || failure || !ended || stream.aborted || stream.rstCode) return reject(brokenStream(stream, failure));
      const bytes = Buffer.concat(chunks);
      if (expectedBytes >= 0 && bytes.length !== expectedBytes) {
        return reject(new NoAnswer(`the body was cut after ${bytes.length} of ${expectedBytes} bytes`));
      }
      resolve({ ...head, body: bytes.toString('utf8') });
    });
    if (request.body !== undefined) stream.end(request.body);
  });
}
