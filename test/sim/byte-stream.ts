import type { AnswerStream } from '@tmc/adapters/kube/open-stream.ts';
import { PingUnanswered } from '@tmc/adapters/kube/session.ts';
import type { BreakHow, Network } from './network.ts';
import type { Scheduler } from './scheduler.ts';

/** What is not read of a stream before the server gives its reader up, as an API server does with a slow watcher. */
const MAX_UNREAD_BYTES = 64 * 1024;

type Waiting = { resolve(result: IteratorResult<Buffer>): void; reject(error: unknown): void };

/** The body of an open answer: text goes in at the server, bytes come out at the relay, some time later and in any pieces. */
export class ByteStream implements AnswerStream {
  aborted = false;
  rstCode = 0;
  readonly #network: Network;
  readonly #scheduler: Scheduler;
  readonly #arrived: Buffer[] = [];
  readonly #closed: () => void;
  #sending: string[] = [];
  #sendAsked = false;
  #unreadBytes = 0;
  #waiting: Waiting | undefined;
  #ended = false;
  #ending = false;
  #error: unknown;

  /** `closed` is called once, when nothing more will be sent. */
  constructor({ network, scheduler, closed }: { network: Network; scheduler: Scheduler; closed: () => void }) {
    this.#network = network;
    this.#scheduler = scheduler;
    this.#closed = closed;
    network.streams.add(this);
  }

  write(text: string): void {
    if (this.#ended) return;
    this.#sending.push(text);
    this.#askSend();
  }

  /** Ends the body once everything written has arrived. */
  end(): void {
    if (this.#ended || this.#ending) return;
    this.#ending = true;
    this.#closed();
    this.#askSend();
  }

  /** Breaks at once; what is on its way is lost. */
  breakOff(how: BreakHow | 'ping'): void {
    if (this.#ended) return;
    if (how === 'rst') this.rstCode = 8;
    if (how === 'reset') this.#error = new Error('read ECONNRESET');
    if (how === 'ping') this.#error = new Error('stream closed', { cause: new PingUnanswered(10_000) });
    this.#finish();
  }

  /** The reader wants no more. */
  close(): void {
    this.#arrived.length = 0;
    this.#finish();
  }

  [Symbol.asyncIterator](): ReturnType<AnswerStream[typeof Symbol.asyncIterator]> {
    const chunks: AsyncIterator<Buffer> = { next: () => this.#next() };
    return chunks as ReturnType<AnswerStream[typeof Symbol.asyncIterator]>;
  }

  #next(): Promise<IteratorResult<Buffer>> {
    const chunk = this.#arrived.shift();
    if (chunk) {
      this.#unreadBytes -= chunk.length;
      return Promise.resolve({ done: false, value: chunk });
    }
    if (this.#error !== undefined) return Promise.reject(this.#error);
    if (this.#ended) return Promise.resolve({ done: true, value: undefined });
    return new Promise((resolve, reject) => {
      this.#waiting = { resolve, reject };
    });
  }

  #askSend(): void {
    if (this.#sendAsked) return;
    this.#sendAsked = true;
    this.#scheduler.after(this.#network.wayMs(), () => void this.#send());
  }

  async #send(): Promise<void> {
    if (this.#network.stalled) await this.#network.whenPassing();
    this.#sendAsked = false;
    if (this.#ended) return;
    const bytes = Buffer.from(this.#sending.join(''));
    this.#sending = [];
    const passed = this.#network.pass(bytes.length);
    for (const piece of this.#piecesOf(bytes.subarray(0, passed.bytes))) this.#arrive(piece);
    if (passed.broken) this.#network.breakAll(passed.broken);
    else if (this.#ending) this.#finish();
    else if (this.#unreadBytes > MAX_UNREAD_BYTES) this.end();
  }

  #piecesOf(bytes: Buffer): Buffer[] {
    if (bytes.length === 0) return [];
    if (!this.#network.pieces) return [bytes];
    const at = Math.floor(this.#network.chance() * bytes.length);
    return at === 0 ? [bytes] : [bytes.subarray(0, at), bytes.subarray(at)];
  }

  #arrive(piece: Buffer): void {
    const waiting = this.#waiting;
    this.#waiting = undefined;
    if (waiting) waiting.resolve({ done: false, value: piece });
    else {
      this.#arrived.push(piece);
      this.#unreadBytes += piece.length;
    }
  }

  #finish(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#network.streams.delete(this);
    this.#closed();
    const waiting = this.#waiting;
    this.#waiting = undefined;
    if (this.#error !== undefined) waiting?.reject(this.#error);
    else waiting?.resolve({ done: true, value: undefined });
  }
}
