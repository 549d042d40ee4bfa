import { TmcError } from '@tmc/kernel/errors.ts';

const NEWLINE = 0x0a;

/** `facts.component` of the error for a line that is too long: the reader tells it from a line that is no JSON. */
const LINE_LIMIT_COMPONENT = 'watch-line-limit';

/** A line of this stream has more bytes than are read into memory. */
export function lineTooLong(about: string, maxBytes: number): TmcError {
  return new TmcError('malformed', `${about}: a line is longer than ${maxBytes} bytes`, {
    type: 'ResourceValidation',
    component: LINE_LIMIT_COMPONENT,
    hint: 'find the oversized object and make it smaller; an API server stores none of this size',
  });
}

/** Cuts a byte stream into lines; holds back at most one unfinished line of bounded size. */
export class LineSplitter {
  readonly #maxBytes: number;
  #rest: Buffer[] = [];
  #restBytes = 0;
  #tooLong = false;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** The lines this chunk completes, without their newlines; empty lines are left out. Ends before a line that is too long. */
  push(chunk: Buffer): string[] {
    const lines: string[] = [];
    let from = 0;
    for (let at = chunk.indexOf(NEWLINE); at >= 0; at = chunk.indexOf(NEWLINE, from)) {
      if (!this.#fits(at - from)) return lines;
      const line = this.#complete(chunk, from, at);
      if (line) lines.push(line);
      from = at + 1;
    }
    if (from < chunk.length && this.#fits(chunk.length - from)) this.#keep(chunk.subarray(from));
    return lines;
  }

  /** Bytes of an unfinished last line. */
  get pendingBytes(): number {
    return this.#restBytes;
  }

  /** True once a line was too long: nothing more can be read from this stream. */
  get isTooLong(): boolean {
    return this.#tooLong;
  }

  #fits(moreBytes: number): boolean {
    if (this.#restBytes + moreBytes <= this.#maxBytes) return !this.#tooLong;
    this.#tooLong = true;
    this.#rest = [];
    return false;
  }

  #complete(chunk: Buffer, from: number, to: number): string {
    if (this.#restBytes === 0) return chunk.toString('utf8', from, to);
    this.#rest.push(chunk.subarray(from, to));
    // Joined as bytes: a character may be split between chunks.
    const line = Buffer.concat(this.#rest).toString('utf8');
    this.#rest = [];
    this.#restBytes = 0;
    return line;
  }

  #keep(part: Buffer): void {
    this.#rest.push(part);
    this.#restBytes += part.length;
  }
}
