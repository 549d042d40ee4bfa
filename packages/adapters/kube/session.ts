import { type ClientHttp2Session, type ClientHttp2Stream, connect as connectHttp2 } from 'node:http2';
import { connect as connectTcp, isIP, type Socket } from 'node:net';
import { connect as connectTls, createSecureContext, type SecureContext } from 'node:tls';
import type { Clock } from '@tmc/kernel/clock.ts';
import type { KubeConnection } from './connection.ts';

/** API servers allow 100 streams on a connection and let the 101st wait without a word: stay below. */
const MAX_STREAMS = 90;
/** When a session asks by PING whether its peer lives: how often, and how long the answer may take. */
export type PingTiming = { readonly everyMs: number; readonly deadlineMs: number };

/** Silence on a watch proves nothing, an unanswered PING does. */
const PING: PingTiming = { everyMs: 10_000, deadlineMs: 10_000 };
/**
 * A peer not heard of for so long is asked before the next request. A process that was suspended, as functions are between
 * invocations, has not seen what became of its connections; for one that ran, a PING costs one way there and back.
 */
const PROOF_AFTER_MS = 1_000;
/** A live peer answers in one way there and back; waiting longer costs more than another connection. */
const PROOF_DEADLINE_MS = 1_000;
/** Receive windows: one bounds what a paused watch buffers, the other lets many lists flow side by side. */
const STREAM_WINDOW_BYTES = 256 * 1024;
const CONNECTION_WINDOW_BYTES = 8 * 1024 * 1024;

/** Makes the sockets of one endpoint and identity. */
export type Dialer = { readonly origin: string; dial(): Socket };

/** A dialer for the connection's server; keys and certificates are parsed once. */
export function dialerOf(connection: KubeConnection): Dialer {
  const url = new URL(connection.url);
  const host = url.hostname.replace(/^\[(.*)\]$/, '$1');
  const port = Number(url.port || (url.protocol === 'https:' ? 443 : 80));
  if (url.protocol !== 'https:') return { origin: url.origin, dial: () => connectTcp({ host, port, noDelay: true }) };
  let secureContext: SecureContext | undefined;
  const serverName = connection.serverName ?? (isIP(host) ? undefined : host);
  const dial = () => {
    secureContext ??= createSecureContext({ ca: connection.ca, cert: connection.cert, key: connection.key });
    const socket = connectTls({
      host,
      port,
      secureContext,
      ALPNProtocols: ['h2'],
      rejectUnauthorized: connection.insecure !== true,
      ...(serverName === undefined ? {} : { servername: serverName }),
    });
    // Small requests must not wait for the acknowledgement of the one before.
    socket.setNoDelay(true);
    return socket;
  };
  return { origin: url.origin, dial };
}

/** The peer left a PING unanswered: the connection is half-open, or the server stopped without closing it. */
export class PingUnanswered extends Error {
  constructor(deadlineMs: number) {
    super(`no answer to a PING within ${deadlineMs} ms: the connection is half-open or the server hangs`);
    this.name = 'PingUnanswered';
  }
}

export type SessionOptions = {
  readonly clock: Clock;
  /** Absent: a PING every 10 s, to be answered within 10 s. */
  readonly ping?: PingTiming | undefined;
  /** Called once the connection is gone. */
  readonly gone: (session: Session) => void;
};

/**
 * One HTTP/2 connection: counts its streams, proves by PING that the peer lives, takes no new requests after GOAWAY. Whoever starts
 * a request on a session that {@link needsProof} waits for {@link prove} first.
 */
export class Session {
  readonly #http2: ClientHttp2Session;
  readonly #clock: Clock;
  readonly #ping: PingTiming;
  readonly #pinging: NodeJS.Timeout;
  readonly #connecting: NodeJS.Timeout;
  readonly #connectMs: number;
  #streams = 0;
  #retired = false;
  #heardAtMs: number;
  /** Left a proof unanswered: takes no requests until it is heard again. */
  #isSilent = false;
  #proof: Promise<void> | undefined;

  constructor(dialer: Dialer, { clock, ping = PING, gone }: SessionOptions) {
    this.#clock = clock;
    this.#ping = ping;
    this.#heardAtMs = clock();
    this.#http2 = connectHttp2(dialer.origin, {
      createConnection: () => dialer.dial(),
      settings: { enablePush: false, initialWindowSize: STREAM_WINDOW_BYTES },
    });
    // Until it is made there is nobody to ask by PING; a server that accepts and says nothing would hold everything that waits for it.
    const connectMs = ping.everyMs + ping.deadlineMs;
    this.#connectMs = connectMs;
    this.#connecting = setTimeout(() => {
      this.#http2.destroy(new Error(`no connection was made within ${connectMs} ms`));
    }, connectMs).unref();
    this.#http2.on('connect', () => {
      clearTimeout(this.#connecting);
      this.#heard();
      // Told a moment later than it happens: the session may be gone by then, and would throw.
      if (!this.#http2.destroyed) this.#http2.setLocalWindowSize(CONNECTION_WINDOW_BYTES);
    });
    this.#http2.on('goaway', () => this.retire());
    // The streams get the error too and tell their callers.
    this.#http2.on('error', () => this.retire());
    this.#pinging = setInterval(() => void this.#askForLife(), ping.everyMs).unref();
    this.#http2.on('close', () => {
      this.#retired = true;
      clearInterval(this.#pinging);
      clearTimeout(this.#connecting);
      gone(this);
    });
  }

  /** True when a request may be started here. */
  hasRoom(): boolean {
    if (this.#retired || this.#isSilent || this.#http2.destroyed || this.#http2.closed) return false;
    if (this.#http2.connecting && this.#silentMs() > this.#connectMs) {
      // Its time-out did not run while the process was suspended.
      this.destroy();
      return false;
    }
    return this.#streams < Math.min(MAX_STREAMS, this.#http2.remoteSettings?.maxConcurrentStreams ?? MAX_STREAMS);
  }

  /** True once the connection is made: it may be dead again without this process having seen it. */
  isMade(): boolean {
    return !this.#http2.connecting;
  }

  /** True when the peer of a connection was not heard of for a while. */
  needsProof(): boolean {
    return this.isMade() && this.#silentMs() > PROOF_AFTER_MS;
  }

  /**
   * Resolves within a second, when the peer has answered a PING or is known not to: then there is no room here until it is heard
   * again, and what runs here is left to the regular PINGs, for a server may only be slow. All who wait share one PING.
   */
  prove(): Promise<void> {
    this.#proof ??= this.#askForProof().finally(() => {
      this.#proof = undefined;
    });
    return this.#proof;
  }

  /** Starts a request; its body is to be written by the caller. */
  start(headers: Record<string, string>, endStream: boolean): ClientHttp2Stream {
    const stream = this.#http2.request(headers, { endStream });
    this.#streams += 1;
    stream.once('response', () => this.#heard());
    stream.once('close', () => {
      this.#streams -= 1;
    });
    return stream;
  }

  /** Lets running requests finish and takes no new ones. */
  retire(): void {
    if (this.#retired) return;
    this.#retired = true;
    this.#http2.close();
  }

  /** Cuts everything at once. */
  destroy(): void {
    this.#retired = true;
    // Without an error streams would end as if the server had ended them.
    this.#http2.destroy(new Error('the connection was closed on this side'));
  }

  #heard(): void {
    this.#heardAtMs = this.#clock();
    this.#isSilent = false;
  }

  #silentMs(): number {
    return this.#clock() - this.#heardAtMs;
  }

  async #askForProof(): Promise<void> {
    const outcome = await this.#askForAnswer(Math.min(PROOF_DEADLINE_MS, this.#ping.deadlineMs));
    if (outcome === 'answered') return;
    if (outcome === 'ended') this.retire();
    else if (this.#streams === 0) this.destroy();
    else this.#isSilent = true;
  }

  async #askForLife(): Promise<void> {
    if (this.#http2.connecting || this.#http2.destroyed) return;
    const { deadlineMs } = this.#ping;
    if ((await this.#askForAnswer(deadlineMs)) === 'late') this.#http2.destroy(new PingUnanswered(deadlineMs));
  }

  #askForAnswer(deadlineMs: number): Promise<'answered' | 'late' | 'ended'> {
    return new Promise((resolve) => {
      // Timers run before sockets are read: after a long pause of this process the answer may be there, unread.
      const overdue = setTimeout(() => setImmediate(() => resolve('late')), deadlineMs).unref();
      const settle = (error: Error | null) => {
        clearTimeout(overdue);
        if (!error) this.#heard();
        resolve(error ? 'ended' : 'answered');
      };
      try {
        this.#http2.ping(settle);
      } catch (error) {
        settle(error as Error);
      }
    });
  }
}
