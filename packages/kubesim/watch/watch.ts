import { expired } from '../api-error.ts';
import type { ApiObject } from '../object.ts';
import { parseWatchOptions, type WatchOptions } from '../read/list-options.ts';
import { reachRevision } from '../read/revision.ts';
import { type Selection, selectionOf } from '../read/selection.ts';
import { groupVersionOf } from '../resources/definition.ts';
import type { Sim, Target } from '../server/context.ts';
import type { Accept } from '../server/media.ts';
import type { StoreEvent } from '../store/store.ts';
import { EventEncoder } from './event-encoder.ts';

/** Real servers end a watch without timeoutSeconds after 30 to 60 minutes; this one after 30. */
const DEFAULT_TIMEOUT_SECONDS = 1800;
const BOOKMARK_EVERY_MS = 60_000;
/** The last bookmark comes this long before the end of the stream. */
const BOOKMARK_BEFORE_END_MS = 2000;

const TEAR_DOWN_MS = 50;

/** Where a watch writes to: one JSON line per event. */
export interface WatchSink {
  write(line: string): void;
  end(): void;
  /** Breaks off without ending the answer properly. */
  cut(): void;
  /** Aborted when the reader is gone. */
  closed: AbortSignal;
}

export interface WatchRequest {
  target: Target;
  query: URLSearchParams;
  accept: Accept;
}

/**
 * Prepares a watch; the returned function starts streaming.
 * @throws ApiError for options that are refused before a stream begins
 */
export async function prepareWatch(sim: Sim, request: WatchRequest): Promise<(sink: WatchSink) => void> {
  const options = parseWatchOptions(request.query);
  const selection = selectionOf(request.target, request.query);
  const from = Number(options.resourceVersion || 0);
  if (options.sendInitialEvents && from > sim.store.revision) await reachRevision(sim.store, from);
  return (sink) => new Watch(sim, request, { options, selection, sink }).start(from);
}

interface WatchParts {
  options: WatchOptions;
  selection: Selection;
  sink: WatchSink;
}

/** One running watch. */
class Watch {
  private readonly sim: Sim;
  private readonly target: Target;
  private readonly options: WatchOptions;
  private readonly selection: Selection;
  private readonly sink: WatchSink;
  private readonly encoder: EventEncoder;
  private readonly timers: NodeJS.Timeout[] = [];
  private unsubscribe: () => void = () => {};
  private forget: () => void = () => {};
  private sent = 0;

  constructor(sim: Sim, request: WatchRequest, parts: WatchParts) {
    this.sim = sim;
    this.target = request.target;
    this.options = parts.options;
    this.selection = parts.selection;
    this.sink = parts.sink;
    this.encoder = new EventEncoder(request.target.def, {
      accept: request.accept,
      includeObject: request.query.get('includeObject'),
      viaEndpoint: request.target.view !== undefined,
    });
  }

  start(from: number): void {
    const { store } = this.sim;
    const { storage } = this.target.def;
    const initial = this.options.sendInitialEvents || from === 0;
    if (!initial) {
      const missed = store.history.since(storage, from);
      if (!missed && from < store.revision) {
        this.fail(from);
        return;
      }
      for (const event of missed ?? []) this.deliver(event);
    } else if (this.options.sendInitialEvents !== false) this.sendCurrent();
    const begun = initial ? store.revision : from;
    this.unsubscribe = store.subscribe(storage, (event) => {
      if (event.revision > begun) this.deliver(event);
    });
    this.armTimers();
    this.forget = this.sim.serving.watch(storage, {
      cluster: this.target.cluster,
      end: (delayMs) => this.timers.push(setTimeout(this.stop, delayMs)),
    });
    this.target.view?.ends?.addEventListener('abort', this.breakOff);
    for (const signal of [this.sink.closed, this.sim.stopping]) signal.addEventListener('abort', this.stop);
  }

  private sendCurrent(): void {
    const { cluster, namespace } = this.target;
    const objects = this.sim.store.list(this.target.def.storage, { cluster, namespace: namespace || undefined });
    for (const obj of objects) if (this.selection.matches(obj)) this.sink.write(this.encoder.line('ADDED', obj));
    if (this.options.bookmarks) this.bookmark({ 'k8s.io/initial-events-end': 'true' });
  }

  /** A change of selection turns into the object coming or going, as seen by this watcher. */
  private deliver(event: StoreEvent): void {
    const { cluster, namespace } = this.target;
    if (cluster !== undefined && event.cluster !== cluster) return;
    if (namespace && event.namespace !== namespace) return;
    const before = event.prev !== undefined && this.selection.matches(event.prev);
    const after = event.type !== 'DELETED' && this.selection.matches(event.obj);
    if (!before && !after) return;
    this.sent = event.revision;
    if (before && after) this.sink.write(this.encoder.line('MODIFIED', event.obj));
    else if (after) this.sink.write(this.encoder.line('ADDED', event.obj));
    else this.sink.write(this.encoder.line('DELETED', event.type === 'DELETED' ? event.obj : leaving(event)));
  }

  private armTimers(): void {
    const seconds = this.options.timeoutSeconds ?? DEFAULT_TIMEOUT_SECONDS;
    this.timers.push(setTimeout(this.stop, seconds * 1000));
    if (!this.options.bookmarks) return;
    const last = Math.max(0, seconds * 1000 - BOOKMARK_BEFORE_END_MS);
    this.timers.push(setTimeout(() => this.bookmark(), last));
    this.timers.push(setInterval(() => this.periodicBookmark(), BOOKMARK_EVERY_MS));
  }

  /** kcp sends none for a resource without events; plain servers always do. */
  private periodicBookmark(): void {
    if (this.sim.kind === 'kube' || this.sent > 0) this.bookmark();
  }

  private bookmark(annotations?: Record<string, string>): void {
    const { def } = this.target;
    const object = {
      kind: def.kind,
      apiVersion: groupVersionOf(def),
      metadata: { resourceVersion: String(this.sim.store.revision), ...(annotations ? { annotations } : {}) },
    };
    this.sink.write(this.encoder.bookmark(object));
  }

  /** A watch from a forgotten revision is not refused: it begins and says so in its only event. */
  private fail(from: number): void {
    const status = expired(`too old resource version: ${from} (${this.sim.store.history.oldest})`).body;
    this.sink.write(`${JSON.stringify({ type: 'ERROR', object: status })}\n`);
    this.sink.end();
  }

  /** The served API is torn down a moment after the last events of it went out. */
  private readonly breakOff = (): void => {
    this.timers.push(setTimeout(() => this.sink.cut(), TEAR_DOWN_MS));
  };

  private readonly stop = (): void => {
    this.unsubscribe();
    this.forget();
    for (const timer of this.timers) clearTimeout(timer);
    for (const signal of [this.sink.closed, this.sim.stopping]) signal.removeEventListener('abort', this.stop);
    this.target.view?.ends?.removeEventListener('abort', this.breakOff);
    this.sink.end();
  };
}

const left = new WeakMap<StoreEvent, ApiObject>();

/** The former content under the new revision: what a watcher sees whose selector stopped matching. */
function leaving(event: StoreEvent): ApiObject {
  let obj = left.get(event);
  if (!obj) {
    const prev = event.prev as ApiObject;
    obj = { ...prev, metadata: { ...prev.metadata, resourceVersion: String(event.revision) } };
    left.set(event, obj);
  }
  return obj;
}
