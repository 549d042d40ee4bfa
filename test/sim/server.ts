import { syncerFinalizer } from '@tmc/apis/names.ts';
import { KCP_CLUSTER_ANNOTATION, type KubeObject } from '@tmc/kernel/object.ts';
import { KINDS, type KindName } from './history.ts';
import type { Stored, Truth } from './truth.ts';

/** One event as a watch sends it; `line` ends with its newline. */
export type LogEntry = { readonly rv: number; readonly id: string; readonly line: string };

/** Hears each event of a kind as it happens. */
export type Listener = (entry: LogEntry) => void;

type Kind = {
  readonly objects: Map<string, Stored>;
  log: LogEntry[];
  readonly listeners: Set<Listener>;
  served: boolean;
};
type Backup = { readonly rv: number; readonly objects: ReadonlyMap<KindName, ReadonlyMap<string, Stored>> };

/** What a Secret's values begin with, in clear and in base64: neither may ever leave. */
export const SECRET_MARKS: readonly string[] = [
  'sim-secret-',
  Buffer.from('sim-secret-').toString('base64').slice(0, 14),
];

const FINALIZER = syncerFinalizer('west');
/**
 * Other kinds' writes between two of ours. After a restore there are none, so that the revisions stay below what was read until
 * somebody notices: a server that has passed that revision again cannot be told from one that lost an event.
 */
const REVISIONS_A_WRITE = 1_000;
/** A body of this size is larger than what goes into a message. */
const LARGE = 'x'.repeat(6_500);
const API: Readonly<Record<KindName, { apiVersion: string; kind: string }>> = {
  configmaps: { apiVersion: 'v1', kind: 'ConfigMap' },
  secrets: { apiVersion: 'v1', kind: 'Secret' },
  'deployments.apps': { apiVersion: 'apps/v1', kind: 'Deployment' },
  'synctargets.workload.kcp.io': { apiVersion: 'workload.kcp.io/v1alpha1', kind: 'SyncTarget' },
};

/** One API server and its etcd, in memory: one counter of revisions, objects and a history of events by kind, compaction, backups. */
export class SimServer {
  readonly index: number;
  readonly #truth: Truth;
  readonly #kinds = new Map<KindName, Kind>();
  readonly #hidden = new Set<string>();
  readonly #loseNext = new Set<KindName>();
  /** Events that are kept back, to come in the wrong order. */
  #keptBack: (() => void)[] | undefined;
  #backup: Backup;
  #rv: number;
  #compactedTo: number;
  #writes = 0;
  /** Objects of which an event was lost: nobody can have been told. */
  readonly lost = new Set<string>();
  /** Set back at least once: revisions no longer tell the order of time. */
  restored = false;

  constructor(index: number, truth: Truth) {
    this.index = index;
    this.#truth = truth;
    this.#rv = 1_000 + index * 1_000_000;
    this.#compactedTo = this.#rv - 1;
    for (const kind of KINDS) {
      this.#kinds.set(kind, { objects: new Map(), log: [], listeners: new Set(), served: true });
    }
    this.#backup = this.#state();
  }

  get rv(): number {
    return this.#rv;
  }

  get compactedTo(): number {
    return this.#compactedTo;
  }

  isServed(kind: KindName): boolean {
    return this.#kind(kind).served;
  }

  /** Serves a kind or not, as its schema comes and goes; its objects stay. */
  serve(kind: KindName, served: boolean): void {
    this.#kind(kind).served = served;
  }

  find(kind: KindName, id: string): Stored | undefined {
    return this.#kind(kind).objects.get(id);
  }

  /** What a list shows, in order of keys. */
  visible(kind: KindName): Stored[] {
    const found = [...this.#kind(kind).objects.values()].filter(({ workspace }) => !this.#hidden.has(workspace));
    return found.sort((a, b) => (a.id < b.id ? -1 : 1));
  }

  /** Events after a revision that is not forgotten. */
  since(kind: KindName, rv: number): LogEntry[] {
    return this.#kind(kind).log.filter((entry) => entry.rv > rv);
  }

  /** Calls for each event from now on; returns the end of it. */
  listen(kind: KindName, listener: Listener): () => void {
    const { listeners } = this.#kind(kind);
    listeners.add(listener);
    return () => void listeners.delete(listener);
  }

  /** Creates or changes the content; nothing for an object that is being deleted. */
  write(kind: KindName, id: string, { held = false, large = false } = {}): void {
    const before = this.find(kind, id);
    if (before?.object.metadata.deletionTimestamp) return;
    this.#writes += 1;
    const uid = before?.uid ?? this.#truth.nextUid();
    const finalizers = held || before?.held ? { finalizers: [FINALIZER] } : {};
    const status = before?.object['status'];
    const content = contentOf(kind, this.#writes, large);
    const generation = (before?.object.metadata.generation ?? 0) + 1;
    const metadata = { ...this.#metadata(kind, id), uid, generation, ...finalizers };
    if (kind === 'secrets' && this.#writes % 3 === 0) {
      metadata.annotations['kubectl.kubernetes.io/last-applied-configuration'] = JSON.stringify(content);
    }
    this.#put(kind, id, { ...API[kind], metadata, ...content, ...(status !== undefined && { status }) }, true);
  }

  /** A change that no consumer reads: of the status, or of managedFields only. */
  touch(kind: KindName, id: string, part: 'status' | 'managedFields'): void {
    const before = this.find(kind, id);
    if (!before) return;
    this.#writes += 1;
    const managedFields = [{ manager: 'kubelet', operation: 'Update' as const, time: `t${this.#writes}` }];
    const { metadata } = before.object;
    const next: KubeObject =
      part === 'status' && kind !== 'secrets' && kind !== 'configmaps'
        ? { ...before.object, status: { seen: this.#writes, conditions: [{ type: 'Ready', status: 'True' }] } }
        : { ...before.object, metadata: { ...metadata, managedFields } };
    const isNews = kind === 'synctargets.workload.kcp.io' && !before.object['status'] && part === 'status';
    this.#put(kind, id, next, isNews);
  }

  /** Deletes, or asks for deletion when our finalizer holds the object. */
  remove(kind: KindName, id: string): void {
    const before = this.find(kind, id);
    if (!before || before.object.metadata.deletionTimestamp) return;
    if (!before.held) {
      this.#drop(before);
      return;
    }
    const metadata = { ...before.object.metadata, deletionTimestamp: '2026-01-01T00:00:00Z' };
    this.#put(kind, id, { ...before.object, metadata }, true);
  }

  /** What a consumer does once its copies are gone: takes our finalizer off an object that waits for it. */
  release(kind: KindName, id: string, uid: string): void {
    const before = this.find(kind, id);
    if (before?.uid === uid && before.object.metadata.deletionTimestamp) this.#drop(before);
  }

  /** Takes a workspace out of sight: watchers are told that its objects are gone. */
  hide(workspace: string): void {
    if (this.#hidden.has(workspace)) return;
    for (const stored of this.#of(workspace)) {
      const seen = this.#bump(stored);
      const { deletionTimestamp } = seen.object.metadata;
      if (!seen.held || deletionTimestamp || this.#truth.wasFree(seen.uid)) this.#truth.gone(seen.uid);
      this.#tell('DELETED', seen);
    }
    this.#hidden.add(workspace);
  }

  show(workspace: string): void {
    if (!this.#hidden.delete(workspace)) return;
    for (const stored of this.#of(workspace)) this.#tell('ADDED', this.#bump(stored));
  }

  /** Sends a text on the open streams of a kind; history knows nothing of it. */
  inject(kind: KindName, line: string): void {
    if (line)
      for (const listener of this.#kind(kind).listeners) listener({ rv: Number.POSITIVE_INFINITY, id: '', line });
  }

  lastLines(kind: KindName, count: number): string {
    return this.#kind(kind)
      .log.slice(-count)
      .map(({ line }) => line)
      .join('');
  }

  /** What happens within comes on open streams in the wrong order, all at one instant; the history knows the right one. */
  reorder(writes: () => void): void {
    const keptBack: (() => void)[] = [];
    this.#keptBack = keptBack;
    writes();
    this.#keptBack = undefined;
    for (const tell of keptBack.reverse()) tell();
  }

  loseNext(kind: KindName): void {
    this.#loseNext.add(kind);
  }

  /** What was to be lost and was not is told again. */
  loseNothing(): void {
    this.#loseNext.clear();
  }

  compact(): void {
    this.#compactedTo = this.#rv;
    for (const kind of this.#kinds.values()) kind.log = [];
  }

  backUp(): void {
    this.#backup = this.#state();
  }

  /** Once: sets everything back to the last backup, with its revision; nothing is remembered of what came after or before. */
  restore(): void {
    const { rv, objects } = this.#backup;
    if (rv === this.#rv || this.restored) return;
    this.restored = true;
    for (const [name, kind] of this.#kinds) {
      const past = objects.get(name);
      for (const { uid } of kind.objects.values()) this.#truth.gone(uid);
      kind.objects.clear();
      for (const [id, stored] of past ?? []) kind.objects.set(id, stored);
      kind.log = [];
    }
    this.#rv = rv;
    this.#compactedTo = rv;
  }

  #kind(name: KindName): Kind {
    return this.#kinds.get(name) as Kind;
  }

  #state(): Backup {
    return { rv: this.#rv, objects: new Map([...this.#kinds].map(([name, { objects }]) => [name, new Map(objects)])) };
  }

  #nextRevision(): void {
    this.#rv += this.restored ? 1 : REVISIONS_A_WRITE;
  }

  #of(workspace: string): Stored[] {
    return [...this.#kinds.values()].flatMap(({ objects }) =>
      [...objects.values()].filter((stored) => stored.workspace === workspace),
    );
  }

  #metadata(kind: KindName, id: string) {
    const [workspace = '', namespace = '', name = ''] = id.split('/');
    const isNamespaced = kind !== 'synctargets.workload.kcp.io';
    const annotations: Record<string, string> = { [KCP_CLUSTER_ANNOTATION]: workspace };
    return { name, ...(isNamespaced && { namespace }), annotations };
  }

  #put(kind: KindName, id: string, object: KubeObject, isNews: boolean): void {
    const before = this.find(kind, id);
    this.#nextRevision();
    const stored = storedOf(
      kind,
      id,
      withRevision(object, this.#rv),
      isNews ? this.#rv : (before?.interestRv ?? this.#rv),
    );
    this.#kind(kind).objects.set(id, stored);
    this.#truth.there(stored);
    this.#tell(before ? 'MODIFIED' : 'ADDED', stored);
  }

  /** The same object at a new revision. */
  #bump(stored: Stored): Stored {
    this.#nextRevision();
    const next = storedOf(stored.kind, stored.id, withRevision(stored.object, this.#rv), stored.interestRv);
    this.#kind(stored.kind).objects.set(stored.id, next);
    this.#truth.there(next);
    return next;
  }

  #drop(stored: Stored): void {
    this.#kind(stored.kind).objects.delete(stored.id);
    this.#truth.gone(stored.uid);
    this.#nextRevision();
    const last = withRevision({ ...stored.object, metadata: withoutFinalizers(stored.object) }, this.#rv);
    this.#tell('DELETED', storedOf(stored.kind, stored.id, last, this.#rv));
  }

  #tell(type: 'ADDED' | 'MODIFIED' | 'DELETED', stored: Stored): void {
    if (this.#hidden.has(stored.workspace)) return;
    if (this.#loseNext.delete(stored.kind)) {
      this.lost.add(`${stored.kind} ${stored.id}`);
      return;
    }
    const kind = this.#kind(stored.kind);
    const entry = { rv: stored.rv, id: stored.id, line: `{"type":"${type}","object":${stored.json}}\n` };
    kind.log.push(entry);
    const tell = () => {
      for (const listener of kind.listeners) listener(entry);
    };
    if (this.#keptBack) this.#keptBack.push(tell);
    else tell();
  }
}

function withRevision(object: KubeObject, rv: number): KubeObject {
  return { ...object, metadata: { ...object.metadata, resourceVersion: String(rv) } };
}

function withoutFinalizers({ metadata }: KubeObject): KubeObject['metadata'] {
  const { finalizers: _gone, ...rest } = metadata;
  return rest;
}

function storedOf(kind: KindName, id: string, object: KubeObject, interestRv: number): Stored {
  const { uid = '', resourceVersion } = object.metadata;
  const held = object.metadata.finalizers?.includes(FINALIZER) ?? false;
  const workspace = id.slice(0, id.indexOf('/'));
  return {
    id,
    kind,
    workspace,
    object,
    json: JSON.stringify(object),
    uid,
    rv: Number(resourceVersion),
    interestRv,
    held,
  };
}

function contentOf(kind: KindName, write: number, large: boolean): Record<string, unknown> {
  const padding = large ? { padding: LARGE } : {};
  switch (kind) {
    case 'secrets':
      return { type: 'Opaque', data: { password: Buffer.from(`sim-secret-${write}`).toString('base64') } };
    case 'configmaps':
      return { data: { value: `v${write}`, ...padding } };
    default:
      return { spec: { value: write, ...padding } };
  }
}
