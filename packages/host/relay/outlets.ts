import type { Log } from '@tmc/adapters/lambda/telemetry.ts';
import type { Queue } from '@tmc/adapters/queue/queue.ts';
import type { Clock } from '@tmc/kernel/clock.ts';
import type { QueueName } from '@tmc/kernel/envelope.ts';
import { messageOf } from '@tmc/kernel/errors.ts';
import type { CheckpointStore } from '@tmc/relay/checkpoint.ts';

/** How an outlet (a queue, the table) has answered lately. */
export type OutletState = {
  readonly name: string;
  readonly lastOkMs: number | undefined;
  readonly lastFailedMs: number | undefined;
  /** Why it failed last; undefined while it works. */
  readonly error: string | undefined;
};

/** Trouble that comes and goes (throttling) is logged this seldom. */
const QUIET_MS = 60_000;

/** Notes what becomes of the calls to one outlet, and logs when that changes: once, not with every call. */
export class Outlet {
  readonly name: string;
  readonly #clock: Clock;
  readonly #log: Log;
  #lastOkMs: number | undefined;
  #lastFailedMs: number | undefined;
  #error: string | undefined;
  /** The trouble that was logged last. */
  #told: { cause: string; atMs: number; recovered: boolean } | undefined;

  constructor(name: string, { clock, log }: { clock: Clock; log: Log }) {
    this.name = name;
    this.#clock = clock;
    this.#log = log;
  }

  state(): OutletState {
    return { name: this.name, lastOkMs: this.#lastOkMs, lastFailedMs: this.#lastFailedMs, error: this.#error };
  }

  /** Performs a call and passes its result or error on. */
  async watch<T>(call: () => Promise<T>): Promise<T> {
    try {
      const result = await call();
      this.worked();
      return result;
    } catch (error) {
      this.failed(messageOf(error), { cause: causeOf(error), hint: hintFor(error) });
      throw error;
    }
  }

  worked(): void {
    this.#lastOkMs = this.#clock();
    if (this.#error === undefined) return;
    this.#error = undefined;
    if (this.#told === undefined || this.#told.recovered) return;
    this.#told.recovered = true;
    this.#log.info({ outlet: this.name }, `${this.name} works again`);
  }

  /** `cause` tells one kind of trouble from another: texts name the item or the message too. */
  failed(
    reason: string,
    { cause = reason, hint }: { readonly cause?: string; readonly hint?: string | undefined } = {},
  ): void {
    const nowMs = this.#clock();
    this.#lastFailedMs = nowMs;
    this.#error = reason;
    if (this.#told?.cause === cause && (!this.#told.recovered || nowMs - this.#told.atMs < QUIET_MS)) return;
    this.#told = { cause, atMs: nowMs, recovered: false };
    this.#log.warn({ outlet: this.name, ...(hint !== undefined && { hint }) }, `${this.name}: ${reason}`);
  }
}

/** A queue whose sends an outlet watches; entries that were refused one by one count as a failure. */
export function watchedQueue(queue: Pick<Queue, 'send'>, outlet: Outlet): Pick<Queue, 'send'> {
  return {
    send: async (entries) => {
      const sent = await outlet.watch(() => queue.send(entries));
      if (sent.failed.length > 0 && sent.failed.length === entries.length) {
        outlet.failed('every entry of a batch was refused');
      }
      return sent;
    },
  };
}

/** A checkpoint store whose calls an outlet watches. */
export function watchedCheckpoints(store: CheckpointStore, outlet: Outlet): CheckpointStore {
  return {
    load: (key) => outlet.watch(() => store.load(key)),
    save: (key, checkpoint) => outlet.watch(() => store.save(key, checkpoint)),
    loadEpoch: (source) => outlet.watch(() => store.loadEpoch(source)),
    raiseEpoch: (source, to) => outlet.watch(() => store.raiseEpoch(source, to)),
  };
}

/** Names of AWS errors whose cause somebody must mend, and what that is. */
const HINTS: readonly (readonly [RegExp, string])[] = [
  [
    /Credentials|InvalidClientTokenId|UnrecognizedClient|SignatureDoesNotMatch|ExpiredToken/,
    'check the AWS credentials of this relay',
  ],
  [/AccessDenied|NotAuthorized/, 'the AWS identity of this relay lacks a right: see its policy in the documentation'],
  [/NonExistentQueue|QueueDoesNotExist/, 'check queues.urls in the configuration'],
  [/ResourceNotFound/, 'check table.name and aws.region in the configuration'],
  [/RequestExpired|RequestTimeTooSkewed|InvalidSignature/, "set this machine's clock"],
];

/** Code or name of the innermost error. */
function causeOf(error: unknown): string {
  let at = error;
  while (at instanceof Error && at.cause instanceof Error) at = at.cause;
  return at instanceof Error ? ((at as { code?: string }).code ?? at.name) : String(at);
}

function hintFor(error: unknown): string | undefined {
  for (let at: unknown = error; at instanceof Error; at = at.cause) {
    const { name } = at;
    const known = HINTS.find(([pattern]) => pattern.test(name));
    if (known) return known[1];
  }
  return undefined;
}

/** Queues by name, each with the outlet that watches it. */
export function watchQueues(
  queues: Readonly<Record<QueueName, Pick<Queue, 'send'>>>,
  names: readonly QueueName[],
  ports: { clock: Clock; log: Log },
): { readonly queues: Readonly<Record<QueueName, Pick<Queue, 'send'>>>; readonly outlets: readonly Outlet[] } {
  const watched = { ...queues };
  const outlets = names.map((name) => {
    const outlet = new Outlet(`queue ${name}`, ports);
    watched[name] = watchedQueue(queues[name], outlet);
    return outlet;
  });
  return { queues: watched, outlets };
}
