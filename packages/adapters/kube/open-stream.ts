import { type ClientHttp2Stream, constants } from 'node:http2';
import { brokenStream, type HttpHead, type HttpRequest, headOf, limit } from './exchange.ts';

/** The body of an open answer: what a reader needs of an HTTP/2 stream. */
export type AnswerStream = Pick<ClientHttp2Stream, 'aborted' | 'rstCode' | typeof Symbol.asyncIterator> & {
  close(code?: number): void;
};

/** An answer of which only the headers came; whoever opened it must read or close the stream. */
export type OpenAnswer = HttpHead & { readonly stream: AnswerStream };

/** A stream read to its very last byte: node's own iterator leaves out what a cut stream still holds. */
class WholeStream implements AnswerStream {
  readonly #stream: ClientHttp2Stream;
  #failure: unknown;
  #isOver = false;
  #wake: () => void = () => undefined;

  /** Listens at once: what happens before anybody reads is not missed. */
  constructor(stream: ClientHttp2Stream) {
    this.#stream = stream;
    const wake = () => this.#wake();
    const over = () => {
      this.#isOver = true;
      wake();
    };
    stream.on('readable', wake);
    stream.once('end', over);
    stream.once('close', over);
    stream.on('error', (error) => {
      this.#failure ??= error;
      wake();
    });
  }

  get aborted(): boolean {
    return this.#stream.aborted;
  }

  get rstCode(): number {
    return this.#stream.rstCode ?? 0;
  }

  close(code?: number): void {
    this.#stream.close(code);
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Buffer> {
    for (;;) {
      const chunk = this.#stream.read() as Buffer | null;
      if (chunk) yield chunk;
      else if (this.#failure) throw this.#failure;
      else if (this.#isOver) return;
      else await new Promise<void>((resolve) => (this.#wake = resolve));
    }
  }
}

/**
 * Sends the body and waits for the headers; from then on errors are the reader's. @throws NoAnswer when they did not come in time.
 */
export function openStream(stream: ClientHttp2Stream, request: HttpRequest): Promise<OpenAnswer> {
  return new Promise((resolve, reject) => {
    const release = limit(request, (error) => {
      reject(error);
      stream.close(constants.NGHTTP2_CANCEL);
    });
    let failure: unknown;
    const broken = (error?: unknown) => {
      failure ??= error;
    };
    const closed = () => {
      release();
      reject(brokenStream(stream, failure));
    };
    stream.on('error', broken);
    stream.once('close', closed);
    stream.once('response', (headers) => {
      release();
      stream.off('close', closed);
      resolve({ ...headOf(headers), stream: new WholeStream(stream) });
    });
    if (request.body !== undefined) stream.end(request.body);
  });
}
