import type { Clock } from '@tmc/kernel/clock.ts';
import { isTmcError, messageOf, retryError, type TmcError } from '@tmc/kernel/errors.ts';
import type { KubeConnection } from './connection.ts';
import { type HttpRequest, NoAnswer } from './exchange.ts';
import { describeIdentity } from './identity.ts';

/** The request that needs credentials. */
type Asker = Pick<HttpRequest, 'method' | 'path' | 'signal' | 'deadlineMs'>;

/** Asks a connection for its `authorization` header, within the deadline of the request: a plugin is a process that may hang. */
export class Authorizer {
  readonly #connection: KubeConnection;
  readonly #clock: Clock;
  /** Being asked for: a plugin is run once for all requests that wait for it. */
  #asking: Promise<string | undefined> | undefined;

  constructor(connection: KubeConnection, clock: Clock) {
    this.#connection = connection;
    this.#clock = clock;
  }

  /** @throws NoAnswer when the caller gave up; TmcError retry when whoever makes credentials failed or took too long. */
  async header(asker: Asker): Promise<string | undefined> {
    const asking = this.#asking ?? this.#ask();
    if (!(asking instanceof Promise)) return asking;
    const outcome = await inTime(asking, asker);
    switch (outcome.kind) {
      case 'given':
        return outcome.value;
      case 'aborted':
        throw new NoAnswer('given up by the caller');
      case 'failed':
        throw this.#missing(
          asker,
          messageOf(outcome.error),
          isTmcError(outcome.error) ? outcome.error.facts.hint : undefined,
        );
      case 'late':
        // The next request asks afresh: what hangs may hang for ever.
        if (this.#asking === asking) this.#asking = undefined;
        throw this.#missing(asker, `none within ${asker.deadlineMs} ms`);
    }
  }

  #ask(): ReturnType<NonNullable<KubeConnection['authorization']>> {
    const given = this.#connection.authorization?.();
    if (!(given instanceof Promise)) return given;
    this.#asking = given;
    const over = () => {
      if (this.#asking === given) this.#asking = undefined;
    };
    given.then(over, over);
    return given;
  }

  #missing({ method, path }: Asker, reason: string, ownHint?: string): TmcError {
    const { text, hint } = describeIdentity(this.#connection, this.#clock());
    const about = `${method} ${path.split('?', 1)[0]}`;
    return retryError(`${about}: not asked, for want of ${text}: ${reason}`, {
      type: 'ClusterAuthentication',
      hint: ownHint ?? hint,
    });
  }
}

type Outcome<T> =
  | { readonly kind: 'given'; readonly value: T }
  | { readonly kind: 'failed'; readonly error: unknown }
  | { readonly kind: 'late' }
  | { readonly kind: 'aborted' };

/** What comes of a promise, unless the deadline or the signal comes first. */
function inTime<T>(promise: Promise<T>, { deadlineMs, signal }: Asker): Promise<Outcome<T>> {
  return new Promise((resolve) => {
    const end = (outcome: Outcome<T>) => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', aborted);
      resolve(outcome);
    };
    const aborted = () => end({ kind: 'aborted' });
    const timer = setTimeout(() => end({ kind: 'late' }), deadlineMs);
    signal?.addEventListener('abort', aborted, { once: true });
    promise.then(
      (value) => end({ kind: 'given', value }),
      (error: unknown) => end({ kind: 'failed', error }),
    );
  });
}
