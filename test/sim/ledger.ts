import type { OutgoingMessage } from '@tmc/kernel/envelope.ts';
import { formatGroupResource, formatKey } from '@tmc/kernel/key.ts';
import type { Checkpoint, CheckpointKey } from '@tmc/relay/checkpoint.ts';
import { keyOf } from './consumer.ts';
import type { KindName } from './history.ts';
import { SECRET_MARKS, type SimServer } from './server.ts';
import type { Truth } from './truth.ts';

type Told = { readonly uid: string; readonly rv: number };

/** Thrown when something was done that must never be: ends a run at once. */
export class Broken extends Error {
  readonly invariant: string;

  constructor(invariant: string, message: string) {
    super(message);
    this.name = 'Broken';
    this.invariant = invariant;
  }
}

/** Follows everything that leaves a relay and holds it against the servers' truth. */
export class Ledger {
  readonly #truth: Truth;
  readonly #servers: readonly SimServer[];
  readonly #wasAway: (server: SimServer) => boolean;
  readonly #told = new Map<string, Told[]>();
  /** By process and key: what it told last. */
  readonly #lastBy = new Map<string, { epoch: number; rv: bigint }>();
  messages = 0;
  saves = 0;
  /** By epoch: where each server was when it began. */
  readonly #begun = new Map<number, readonly number[]>();
  broken: Broken | undefined;

  constructor(truth: Truth, servers: readonly SimServer[], wasAway: (server: SimServer) => boolean) {
    this.#wasAway = wasAway;
    this.#truth = truth;
    this.#servers = servers;
  }

  /** A message has left a relay, accepted or not: nothing secret may be in it. */
  left({ envelope }: OutgoingMessage): void {
    this.noSecret('a message', envelope);
    if (envelope.key.resource === 'secrets' && (envelope.body || envelope.hash)) {
      this.fail('secrets stay', `a message about Secret ${formatKey(envelope.key)} has a body or a hash`);
    }
  }

  /** The queue has taken a message. */
  accepted(process: string, { envelope }: OutgoingMessage): void {
    const { change, key, uid } = envelope;
    if (change === 'tick' || change === 'heartbeat') return;
    this.messages += 1;
    if (change === 'evaluate') {
      this.#mark(envelope);
      return;
    }
    const id = formatKey(key);
    if (change === 'upsert') this.#upsert(id, envelope);
    if (change === 'delete' && !this.#truth.isGone(uid)) {
      this.fail('delete only on proof', `${id} (uid ${uid}) is said to be deleted and never was`);
    }
    this.#order(process, id, envelope);
  }

  /** An epoch was asked for: what is told in it was listed later. */
  epochBegins(epoch: number): void {
    if (!this.#begun.has(epoch))
      this.#begun.set(
        epoch,
        this.#servers.map(({ rv }) => rv),
      );
  }

  /** A checkpoint was written: everything it covers must have been told. */
  saved(endpoint: SimServer | undefined, key: CheckpointKey, { rv }: Checkpoint): void {
    this.saves += 1;
    if (!endpoint || endpoint.restored) return;
    for (const stored of endpoint.visible(key.resource as KindName)) {
      if (stored.rv > Number(rv) || endpoint.lost.has(`${stored.kind} ${stored.id}`)) continue;
      const told = this.#told.get(keyOf(stored)) ?? [];
      if (told.some((state) => state.uid === stored.uid && state.rv >= stored.interestRv)) continue;
      this.fail(
        'checkpoint below what is unacknowledged',
        `checkpoint ${rv} of ${key.resource} was saved before ${stored.id} at revision ${stored.interestRv} was acknowledged`,
      );
    }
  }

  noSecret(where: string, value: unknown): void {
    const text = typeof value === 'string' ? value : textOf(value);
    const mark = SECRET_MARKS.find((secret) => text.includes(secret));
    if (mark) this.fail('secrets stay', `${where} holds the value of a Secret: …${around(text, mark)}…`);
  }

  fail(invariant: string, message: string): void {
    this.broken ??= new Broken(invariant, message);
  }

  #upsert(id: string, { uid, rv, body }: OutgoingMessage['envelope']): void {
    if (!this.#truth.isVersion(uid, rv)) this.fail('only what was', `${id} never was uid ${uid} at revision ${rv}`);
    if (body && (body.metadata.resourceVersion !== rv || body.metadata.uid !== uid)) {
      this.fail('only what was', `the body of ${id} is of another version than the message`);
    }
    const told = this.#told.get(id);
    if (told) told.push({ uid, rv: Number(rv) });
    else this.#told.set(id, [{ uid, rv: Number(rv) }]);
  }

  /** One process tells of one object no older state after a newer one. */
  #order(process: string, id: string, { rv, source }: OutgoingMessage['envelope']): void {
    const name = `${process} ${id}`;
    const last = this.#lastBy.get(name);
    const revision = BigInt(rv);
    const isBackwards = last && (source.epoch < last.epoch || (source.epoch === last.epoch && revision < last.rv));
    // A server that was set back tells old states for a moment, until the epoch rises; consumers do not believe them.
    if (isBackwards && !this.#servers.some(({ restored }) => restored)) {
      const told = `told ${id} at ${last.epoch}/${last.rv}, then at ${source.epoch}/${rv}`;
      this.fail('never backwards', `${process} ${told}`);
    }
    this.#lastBy.set(name, { epoch: source.epoch, rv: revision });
  }

  /**
   * A list mark denies no object that was there at its revision, or when its epoch began, and still is. Of the servers that were
   * read all the time: who starts while one is out of reach cannot know of it, and a mark may come late.
   */
  #mark({ key, list, rv, source }: OutgoingMessage['envelope']): void {
    if (!list) return;
    const begun = this.#begun.get(source.epoch);
    const listed = new Set(list.keys);
    const kind = formatGroupResource(key) as KindName;
    for (const server of this.#servers) {
      if (server.restored || this.#wasAway(server)) continue;
      const listedFrom = Math.max(Number(rv), begun?.[server.index] ?? 0);
      for (const stored of server.visible(kind)) {
        const id = keyOf(stored);
        const isWithin = id >= list.begin && (list.end === undefined || id < list.end);
        if (!isWithin || listed.has(id) || stored.rv > listedFrom) continue;
        this.fail('delete only on proof', `a list mark at ${rv} denies ${id}, which is there since ${stored.rv}`);
      }
    }
  }
}

function textOf(value: unknown): string {
  return JSON.stringify(value, (_name, part: unknown) => (typeof part === 'bigint' ? String(part) : part)) ?? '';
}

function around(text: string, mark: string): string {
  const at = text.indexOf(mark);
  return text.slice(Math.max(0, at - 30), at + 20);
}
