import type { Envelope } from '@tmc/kernel/envelope.ts';
import { formatGroupResource, formatKey } from '@tmc/kernel/key.ts';
import { ConsumerView, type ViewEntry } from '@tmc/testkit/consumer-view.ts';
import type { KindName } from './history.ts';
import type { Scheduler } from './scheduler.ts';
import type { SimServer } from './server.ts';
import type { Stored } from './truth.ts';

/** How long a consumer takes to remove its copies before it takes the finalizer off. */
const TEARDOWN_MS = 300;

/**
 * Believes what it is told ({@link ConsumerView}) and does what the real consumers do on top: takes our finalizer off what is being
 * deleted, and, with several endpoints, reads the server before it believes that what a list mark lacks is gone (revisions of
 * several servers have no order).
 */
export class SimConsumer {
  readonly #view = new ConsumerView();
  readonly #scheduler: Scheduler;
  readonly #servers: readonly SimServer[];
  readonly #releasing = new Set<string>();
  /** Kinds of which marks came, with several endpoints. */
  readonly #marked = new Set<string>();

  constructor(scheduler: Scheduler, servers: readonly SimServer[]) {
    this.#scheduler = scheduler;
    this.#servers = servers;
  }

  deliver(envelope: Envelope): void {
    const kind = formatGroupResource(envelope.key);
    // A mark may have denied it already: what comes late is read again.
    if (this.#marked.has(kind) && envelope.change === 'upsert' && !this.#read(envelope.key)) return;
    if (envelope.list && this.#servers.length > 1) {
      this.#marked.add(kind);
      this.#sweepByReading(envelope, new Set(envelope.list.keys));
    } else this.#view.apply(envelope);
    if (envelope.change === 'upsert') this.#tearDown(envelope);
  }

  entries(): ViewEntry[] {
    return this.#view.entries();
  }

  #sweepByReading(mark: Envelope, listed: ReadonlySet<string>): void {
    for (const { id, key, epoch, uid, rv } of this.#view.entries({ resource: formatGroupResource(mark.key) })) {
      if (listed.has(id) || this.#read(key)) continue;
      this.#view.apply({ ...plain(mark), key, uid, rv, change: 'delete', source: { ...mark.source, epoch } });
    }
  }

  /** Copies of what is being deleted go, then our finalizer: from then on the object may vanish without a word. */
  #tearDown({ key, uid, ...envelope }: Envelope): void {
    const stored = this.#read(key);
    if (stored?.uid !== uid || !stored.object.metadata.deletionTimestamp || !stored.held) return;
    // On what was told, not on what is read: a server that is set back now would not be noticed by who was not told.
    if (Number(envelope.rv) < stored.interestRv) return;
    const version = `${envelope.source.epoch}/${uid}`;
    if (this.#releasing.has(version)) return;
    this.#releasing.add(version);
    this.#scheduler.after(TEARDOWN_MS, () => {
      this.#releasing.delete(version);
      const rv = String(this.#read(key)?.rv ?? stored.rv);
      this.#view.apply({ ...plain(envelope), key, uid, rv, change: 'delete' });
      for (const server of this.#servers) server.release(stored.kind, stored.id, uid);
    });
  }

  #read(key: Envelope['key']): Stored | undefined {
    const id = `${key.workspace}/${key.namespace}/${key.name}`;
    for (const server of this.#servers) {
      const found = server.find(formatGroupResource(key) as KindName, id);
      if (found) return found;
    }
    return undefined;
  }
}

function plain({ list: _list, body: _body, hash: _hash, ...envelope }: Omit<Envelope, 'key' | 'uid'>) {
  return envelope;
}

/** The key a relay gives an object of a server. */
export function keyOf({ kind, id }: Pick<Stored, 'kind' | 'id'>): string {
  const [workspace = '', namespace = '', name = ''] = id.split('/');
  const [resource = '', ...group] = kind.split('.');
  return formatKey({ workspace, group: group.join('.'), resource, namespace, name });
}
