import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';

/** Which way bytes get lost on a half-open connection. */
type Direction = 'from-server' | 'to-server';

/** A TCP link to a port of this machine that fails in the ways networks fail. Counts are of all time. */
export type Link = {
  readonly port: number;
  /** Connections that were made through it. */
  accepted(): number;
  /** Resets all connections; new ones work. Returns how many there were. */
  cut(): number;
  /** Carries nothing and closes nothing, also of new connections, until {@link Link.resume}. */
  stall(): void;
  resume(): void;
  /** What is sent from now on arrives so much later. */
  delay(ms: number): void;
  /**
   * What is sent this way over the connections there are now is lost for ever, and nobody is told; new connections work.
   * Returns how many there were.
   */
  halfOpen(direction: Direction): number;
  /** How many half-open connections neither side has given up yet. */
  halfOpenLeft(): number;
  /** Each connection made from now on is reset after so many bytes from the server; undefined: no more of that. */
  cutAfterBytes(draw: (() => number) | undefined): void;
  /** Refuses new connections and resets those there are, until {@link Link.accept}. */
  refuse(): void;
  accept(): void;
  close(): Promise<void>;
};

type Pair = { readonly near: Socket; readonly far: Socket; lost: Direction | undefined; leftBytes: number };
/** Deliveries on their way, in order. */
type Late = (() => void)[];

/** Opens a link on a free port of 127.0.0.1. */
export async function openLink(target: number): Promise<Link> {
  const link = new RunningLink(target);
  await link.listen();
  return link;
}

class RunningLink implements Link {
  readonly #target: number;
  readonly #server: Server;
  readonly #pairs = new Set<Pair>();
  #accepted = 0;
  #stalled = false;
  #delayMs = 0;
  #refusing = false;
  #drawBytes: (() => number) | undefined;

  constructor(target: number) {
    this.#target = target;
    this.#server = createServer({ allowHalfOpen: true }, (near) => this.#join(near));
  }

  async listen(): Promise<void> {
    this.#server.listen(0, '127.0.0.1');
    await once(this.#server, 'listening');
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  accepted(): number {
    return this.#accepted;
  }

  cut(): number {
    const pairs = [...this.#pairs];
    for (const pair of pairs) reset(pair);
    return pairs.length;
  }

  stall(): void {
    this.#stalled = true;
    for (const { near, far } of this.#pairs) for (const end of [near, far]) end.pause();
  }

  resume(): void {
    this.#stalled = false;
    for (const { near, far } of this.#pairs) for (const end of [near, far]) end.resume();
  }

  delay(ms: number): void {
    this.#delayMs = ms;
  }

  halfOpen(direction: Direction): number {
    for (const pair of this.#pairs) pair.lost = direction;
    return this.#pairs.size;
  }

  halfOpenLeft(): number {
    return [...this.#pairs].filter(({ lost }) => lost !== undefined).length;
  }

  cutAfterBytes(draw: (() => number) | undefined): void {
    this.#drawBytes = draw;
  }

  refuse(): void {
    this.#refusing = true;
    this.cut();
  }

  accept(): void {
    this.#refusing = false;
  }

  async close(): Promise<void> {
    this.cut();
    this.#server.close();
    await once(this.#server, 'close');
  }

  #join(near: Socket): void {
    near.on('error', () => undefined);
    if (this.#refusing) {
      near.resetAndDestroy();
      return;
    }
    this.#accepted += 1;
    const far = connect({ port: this.#target, host: '127.0.0.1', allowHalfOpen: true, noDelay: true });
    near.setNoDelay(true);
    far.on('error', () => undefined);
    const leftBytes = this.#drawBytes?.() ?? Number.POSITIVE_INFINITY;
    const pair: Pair = { near, far, lost: undefined, leftBytes };
    this.#pairs.add(pair);
    this.#carry(pair, 'to-server');
    this.#carry(pair, 'from-server');
    for (const end of [near, far]) end.once('close', () => this.#leave(pair));
    if (this.#stalled) for (const end of [near, far]) end.pause();
  }

  #leave(pair: Pair): void {
    if (!this.#pairs.delete(pair)) return;
    pair.near.destroy();
    pair.far.destroy();
  }

  #carry(pair: Pair, direction: Direction): void {
    const [source, sink] = direction === 'to-server' ? [pair.near, pair.far] : [pair.far, pair.near];
    const late: Late = [];
    source.on('data', (chunk: Buffer) => {
      if (pair.lost === direction) return;
      const carried = direction === 'from-server' ? chunk.subarray(0, pair.leftBytes) : chunk;
      if (direction === 'from-server') pair.leftBytes -= carried.length;
      this.#deliver(late, () => {
        if (!sink.write(carried)) source.pause();
      });
      // The bytes before the cut arrive: it is the reader's business that they end within a line.
      if (pair.leftBytes <= 0) this.#deliver(late, () => sink.end(() => reset(pair)));
    });
    sink.on('drain', () => {
      if (!this.#stalled) source.resume();
    });
    source.on('end', () => {
      // The relay closed what it had given up; the other end would hear nothing of it, or we of its answer.
      if (pair.lost !== undefined && source === pair.near) this.#leave(pair);
      else if (pair.lost !== direction) this.#deliver(late, () => sink.end());
    });
  }

  /** Now, or after the delay and after all that was sent before. */
  #deliver(late: Late, delivery: () => void): void {
    if (this.#delayMs === 0 && late.length === 0) {
      delivery();
    } else {
      late.push(delivery);
      setTimeout(() => late.shift()?.(), this.#delayMs);
    }
  }
}

function reset({ near, far }: Pair): void {
  near.resetAndDestroy();
  far.resetAndDestroy();
}
