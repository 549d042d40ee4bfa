import { TmcError, terminalError } from '@tmc/kernel/errors.ts';
import type { KubeObject } from '@tmc/kernel/object.ts';
import type { ObjectPage, PageOptions, WatchEvent, WatchOptions, WatchSource } from '@tmc/kernel/ports.ts';

/** The revision is no longer known. */
export const expired = (): TmcError => new TmcError('expired', 'too old resource version', { type: 'InternalError' });

type Stream = { readonly queue: unknown[]; ended: boolean; error: unknown; wake: () => void };

/**
 * One kind of one API server, in memory, with the faults a relay must live with. Namespace and name identify an object; every
 * write draws the next revision. Streams and lists obey the abort signal.
 */
export class ScriptedServer {
  readonly objects = new Map<string, KubeObject>();
  readonly source: WatchSource;
  /** Thrown by the next pages and watches, in order; undefined lets one pass. */
  readonly pageFaults: unknown[] = [];
  readonly watchFaults: unknown[] = [];
  pages = 0;
  watches = 0;
  lastWatch: WatchOptions | undefined;
  pageSize: number | undefined;
  /** Whether WatchList is offered, and after how many initial events it falls silent before their end. */
  watchList = false;
  cutInitialAfter = Number.POSITIVE_INFINITY;
  skewMs: number | undefined;
  #rv: number;
  #horizon = 0;
  #history = '';
  #mute = false;
  #held: WatchEvent[] | undefined;
  readonly #log: { rv: number; event: WatchEvent }[] = [];
  readonly #streams = new Set<Stream>();
  readonly #snapshots = new Map<string, { items: KubeObject[]; rv: string }>();

  constructor(endpoint = 'https://hub', firstRevision = 1_000) {
    this.#rv = firstRevision;
    this.source = {
      endpoint,
      page: (_resource, options) => this.#page(options),
      watch: (_resource, options) => this.#watch(options),
      clockSkewMs: () => this.skewMs,
    };
  }

  get rv(): string {
    return String(this.#rv);
  }

  get streams(): number {
    return this.#streams.size;
  }

  /** Creates or replaces; uid and creation are kept while the object lives. */
  put(object: KubeObject): KubeObject {
    const id = idOf(object);
    const before = this.objects.get(id);
    this.#rv += 1;
    const uid = before?.metadata.uid ?? `uid-${this.#rv}${this.#history}`;
    const stored: KubeObject = structuredClone(object);
    Object.assign(stored.metadata, { uid, resourceVersion: String(this.#rv) });
    this.objects.set(id, stored);
    this.#emit({ type: before ? 'MODIFIED' : 'ADDED', object: stored });
    return stored;
  }

  remove(id: string): void {
    const object = this.objects.get(id);
    if (!object) return;
    this.objects.delete(id);
    this.#rv += 1;
    const last = structuredClone(object);
    last.metadata.resourceVersion = String(this.#rv);
    this.#emit({ type: 'DELETED', object: last });
  }

  bookmark(): void {
    const object: KubeObject = {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: '', resourceVersion: this.rv },
    };
    for (const stream of this.#streams) deliver(stream, { type: 'BOOKMARK', object });
  }

  /** Puts anything on the open streams, past the history. */
  inject(event: unknown): void {
    for (const stream of this.#streams) deliver(stream, event);
  }

  /** Writes within are in the lists, and no stream ever tells them. */
  lose(write: () => void): void {
    this.#mute = true;
    write();
    this.#mute = false;
  }

  /** Keeps events back from now on, until the function it gives is called. */
  hold(): () => void {
    const held: WatchEvent[] = [];
    this.#held = held;
    return () => {
      this.#held = undefined;
      for (const event of held) this.inject(event);
    };
  }

  /** Repeats the last events on the open streams. */
  repeat(count: number): void {
    for (const { event } of this.#log.slice(-count)) this.inject(event);
  }

  /** Ends all streams: normally, or with an error after or instead of what is still queued. */
  end(error?: unknown, { lose = false } = {}): void {
    for (const stream of this.#streams) {
      if (lose) stream.queue.length = 0;
      Object.assign(stream, { ended: true, error });
      stream.wake();
    }
  }

  /** Forgets history up to now: resuming from before is 410. */
  compact(): void {
    this.#horizon = this.#rv;
    this.#log.length = 0;
  }

  /** Moves the revision counter: a server restored from a backup. */
  rewind(rv: number): void {
    this.#history += '-again';
    this.#rv = rv;
    this.#horizon = Math.min(this.#horizon, rv);
    this.#log.length = 0;
  }

  #emit(event: WatchEvent): void {
    if (this.#mute) return;
    this.#log.push({ rv: this.#rv, event });
    if (this.#held) this.#held.push(structuredClone(event));
    else for (const stream of this.#streams) deliver(stream, structuredClone(event));
  }

  async #page({ limit = 500, continue: token, metadataOnly, signal }: PageOptions): Promise<ObjectPage> {
    this.pages += 1;
    signal.throwIfAborted();
    const fault = this.pageFaults.shift();
    if (fault !== undefined) throw fault;
    const [name = '', from = '0'] = (token ?? '').split(':');
    const snapshot = this.#snapshots.get(name) ?? {
      items: [...this.objects].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, object]) => structuredClone(object)),
      rv: this.rv,
    };
    const size = Math.min(limit, this.pageSize ?? limit);
    const end = Number(from) + size;
    const whole = snapshot.items.slice(Number(from), end);
    const items = metadataOnly ? whole.map(metadataOf) : whole;
    if (end >= snapshot.items.length) return { items, resourceVersion: snapshot.rv };
    const id = name || `list-${this.pages}`;
    this.#snapshots.set(id, snapshot);
    return { items, resourceVersion: snapshot.rv, continue: `${id}:${end}` };
  }

  #since(since: number): WatchEvent[] {
    if (since < this.#horizon) throw expired();
    return this.#log.filter(({ rv }) => rv > since).map(({ event }) => structuredClone(event));
  }

  #initialEvents(): WatchEvent[] {
    const present = [...this.objects.values()].map((object) => ({
      type: 'ADDED' as const,
      object: structuredClone(object),
    }));
    return [
      ...present.slice(0, this.cutInitialAfter),
      ...(present.length < this.cutInitialAfter ? [this.#endMark()] : []),
    ];
  }

  #endMark(): WatchEvent {
    const metadata = { name: '', resourceVersion: this.rv, annotations: { 'k8s.io/initial-events-end': 'true' } };
    return { type: 'BOOKMARK', object: { apiVersion: 'v1', kind: 'ConfigMap', metadata } };
  }

  async *#watch(options: WatchOptions): AsyncGenerator<WatchEvent> {
    if (options.sendInitialEvents && !this.watchList) throw terminalError('sendInitialEvents is forbidden', REFUSED);
    this.watches += 1;
    this.lastWatch = options;
    const fault = this.watchFaults.shift();
    if (fault !== undefined) throw fault;
    const stream: Stream = {
      queue: options.sendInitialEvents ? this.#initialEvents() : this.#since(Number(options.resourceVersion)),
      ended: false,
      error: undefined,
      wake: () => undefined,
    };
    this.#streams.add(stream);
    options.opened?.();
    const wake = (): void => stream.wake();
    options.signal.addEventListener('abort', wake);
    try {
      while (!options.signal.aborted) {
        if (stream.queue.length > 0) {
          yield stream.queue.shift() as WatchEvent;
          continue;
        }
        if (stream.ended) break;
        await new Promise<void>((resolve) => {
          stream.wake = resolve;
        });
      }
      if (stream.error !== undefined && !options.signal.aborted) throw stream.error;
    } finally {
      this.#streams.delete(stream);
      options.signal.removeEventListener('abort', wake);
    }
  }
}

const REFUSED = { type: 'ResourceValidation' } as const;

const metadataOf = ({ apiVersion, kind, metadata }: KubeObject): KubeObject => ({ apiVersion, kind, metadata });

/** `namespace/name`. */
function idOf({ metadata }: KubeObject): string {
  return `${metadata.namespace ?? ''}/${metadata.name}`;
}

function deliver(stream: Stream, event: unknown): void {
  if (stream.ended) return;
  stream.queue.push(event);
  stream.wake();
}
