import { malformedError } from '@tmc/kernel/errors.ts';

const NEWLINE = 0x0a;

/** Cuts a byte stream into lines; holds back at most one unfinished line of bounded size. */
export class LineSplitter {
  readonly #maxBytes: number;
  #rest: Buffer[] = [];
  #restBytes = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** The lines this chunk completes, without their newlines; empty lines are left out. @throws TmcError malformed for a line too long. */
  push(chunk: Buffer): string[] {
    const lines: string[] = [];
    let from = 0;
    for (let at = chunk.indexOf(NEWLINE); at >= 0; at = chunk.indexOf(NEWLINE, from)) {
      const line = this.#complete(chunk, from, at);
      if (line) lines.push(line);
      from = at + 1;
    }
    if (from < chunk.length) this.#keep(chunk.subarray(from));
    return lines;
  }

  /** Bytes of an unfinished last line. */
  get pendingBytes(): number {
    return this.#restBytes;
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
    if (this.#restBytes > this.#maxBytes) {
      throw malformedError(`a line of the watch is longer than ${this.#maxBytes} bytes`);
    }
  }
}
