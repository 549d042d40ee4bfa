import { Transport } from '@tmc/adapters/kube/http.ts';
import { apiVersionOf, NAMESPACES, type ResourceType, resourceType } from '@tmc/apis/resources.ts';
import { systemSleep } from '@tmc/kernel/clock.ts';
import type { SeededRandom } from '@tmc/testkit/random.ts';
import type { ApiServer } from '../real/harness/control-plane.ts';
import { LOCATIONS, NAMESPACE, SECRET_MARK } from './names.ts';

/**
 * What writers do to the API server all the while: creates, updates, deletes, re-creates at once, deletions that wait for a finalizer.
 * Every write has content never seen before: a relay rightly tells no state that equals the last one it told.
 */
export type Load = {
  /** Lets the writers run until {@link Load.pause}. */
  resume(): void;
  /** Resolves when no write is on its way. */
  pause(): Promise<void>;
  /** Deletes so many objects that are there, at once. */
  deleteSome(count: number): Promise<number>;
  counts(): Readonly<LoadCounts>;
  stop(): Promise<void>;
};

type LoadCounts = {
  created: number;
  updated: number;
  /** Deletions asked for, those that wait for a finalizer among them. */
  deleted: number;
  /** Created again in the next request after their deletion. */
  recreated: number;
  /** Writes whose answer never came. */
  unknown: number;
};

const CONFIG_MAPS = resourceType({ group: '', resource: 'configmaps' });
const SECRETS = resourceType({ group: '', resource: 'secrets' });
const DEPLOYMENTS = resourceType({ group: 'apps', resource: 'deployments' });

/** How many names of each kind are written all the time; and objects that are only there, for lists of several pages. */
const POOL: readonly (readonly [ResourceType, number])[] = [
  [CONFIG_MAPS, 120],
  [SECRETS, 80],
  [DEPLOYMENTS, 60],
  [LOCATIONS, 20],
  [NAMESPACES, 8],
];
const BALLAST = 600;
const WRITERS = 6;
/** Mean pause of a writer between two writes. */
const PAUSE_MS = 50;
const AFTER_FAILURE_MS = 100;
/** Every so many-th name has a finalizer, or more content than a message holds. */
const HELD_EVERY = 5;
const LARGE_EVERY = 11;
const LARGE = 'x'.repeat(9_000);
const FINALIZER = 'chaos.test/hold';

type Slot = {
  readonly type: ResourceType;
  readonly name: string;
  readonly index: number;
  state: 'absent' | 'present' | 'deleting';
};

/** Creates the namespace and the ballast; nothing else is written before `resume()`. */
export async function startLoad(api: ApiServer, random: SeededRandom): Promise<Load> {
  const load = new Writers(api, random);
  await load.prepare();
  return load;
}

class Writers implements Load {
  readonly #transport: Transport;
  readonly #random: SeededRandom;
  readonly #ended = new AbortController();
  readonly #counts: LoadCounts = { created: 0, updated: 0, deleted: 0, recreated: 0, unknown: 0 };
  readonly #slots: readonly Slot[];
  #serial = 0;
  #running: { readonly pausing: AbortController; readonly done: Promise<unknown> } | undefined;

  constructor({ connection }: ApiServer, random: SeededRandom) {
    this.#transport = new Transport(connection);
    this.#random = random;
    this.#slots = POOL.flatMap(([type, count]) =>
      Array.from({ length: count }, (_, index): Slot => ({ type, name: `w-${index}`, index, state: 'absent' })),
    );
  }

  async prepare(): Promise<void> {
    const metadata = { name: NAMESPACE };
    await this.#send('POST', collectionOf(NAMESPACES), { apiVersion: 'v1', kind: 'Namespace', metadata });
    const names = Array.from({ length: BALLAST }, (_, n) => `ballast-${n}`);
    const makers = Array.from({ length: WRITERS }, async () => {
      for (let name = names.pop(); name !== undefined; name = names.pop()) {
        const body = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name }, data: { text: name } };
        await this.#send('POST', collectionOf(CONFIG_MAPS), body);
      }
    });
    await Promise.all(makers);
  }

  resume(): void {
    if (this.#running) return;
    const pausing = new AbortController();
    const parts = Array.from({ length: WRITERS }, (_, n) => this.#slots.filter((_slot, at) => at % WRITERS === n));
    this.#running = { pausing, done: Promise.all(parts.map((slots) => this.#write(slots, pausing.signal))) };
  }

  async pause(): Promise<void> {
    this.#running?.pausing.abort();
    await this.#running?.done;
    this.#running = undefined;
  }

  async deleteSome(count: number): Promise<number> {
    const wasRunning = this.#running !== undefined;
    await this.pause();
    const present = this.#slots.filter(({ state, type }) => state === 'present' && type !== NAMESPACES);
    const from = Math.floor(this.#random() * present.length);
    const chosen = [...present, ...present].slice(from, from + Math.min(count, present.length));
    await Promise.all(chosen.map((slot) => this.#delete(slot).catch(() => this.#lost())));
    if (wasRunning) this.resume();
    return chosen.length;
  }

  counts(): Readonly<LoadCounts> {
    return { ...this.#counts };
  }

  async stop(): Promise<void> {
    this.#ended.abort();
    await this.pause();
    this.#transport.close();
  }

  async #write(slots: readonly Slot[], pausing: AbortSignal): Promise<void> {
    while (!pausing.aborted) {
      const slot = slots[Math.floor(this.#random() * slots.length)] as Slot;
      try {
        await this.#step(slot);
        await systemSleep(this.#random() * 2 * PAUSE_MS, pausing);
      } catch {
        this.#lost();
        await systemSleep(AFTER_FAILURE_MS, pausing);
      }
    }
  }

  #lost(): void {
    this.#counts.unknown += 1;
  }

  async #step(slot: Slot): Promise<void> {
    const drawn = this.#random();
    if (slot.state === 'absent') return this.#create(slot);
    if (slot.state === 'deleting') return drawn < 0.3 ? this.#update(slot) : this.#release(slot);
    // Nobody here finishes the deletion of a namespace.
    if (drawn < 0.6 || slot.type === NAMESPACES) return this.#update(slot);
    await this.#delete(slot);
    if (drawn > 0.8 && (slot.state as string) === 'absent') {
      this.#counts.recreated += 1;
      await this.#create(slot);
    }
  }

  async #create(slot: Slot): Promise<void> {
    const { type, name, index } = slot;
    const finalizers = index % HELD_EVERY === 0 && type !== NAMESPACES ? [FINALIZER] : [];
    const body = {
      apiVersion: apiVersionOf(type),
      kind: type.kind,
      ...this.#content(slot),
      metadata: { name, finalizers, labels: { n: this.#next() } },
    };
    const status = await this.#send('POST', collectionOf(type), body);
    slot.state = 'present';
    if (status === 201) this.#counts.created += 1;
  }

  async #update(slot: Slot): Promise<void> {
    const patch = { metadata: { labels: { n: this.#next() } }, ...this.#content(slot) };
    const status = await this.#send('PATCH', pathOf(slot), patch);
    if (status === 404) slot.state = 'absent';
    else this.#counts.updated += 1;
  }

  async #delete(slot: Slot): Promise<void> {
    const status = await this.#send('DELETE', pathOf(slot), { propagationPolicy: 'Background' });
    slot.state = slot.index % HELD_EVERY === 0 && status !== 404 ? 'deleting' : 'absent';
    if (status !== 404) this.#counts.deleted += 1;
  }

  /**
   * Takes the finalizer off: now it goes. The label is for an object whose deletion never happened, because the server was set back
   * meanwhile: it stays, and a relay rightly does not tell that a Location lost a finalizer.
   */
  async #release(slot: Slot): Promise<void> {
    await this.#send('PATCH', pathOf(slot), { metadata: { finalizers: null, labels: { n: this.#next() } } });
    slot.state = 'absent';
  }

  /** Content of a kind, new each time. */
  #content({ type, index }: Slot): Record<string, unknown> {
    const text = this.#next();
    const filler = index % LARGE_EVERY === 0 ? LARGE : '';
    if (type === CONFIG_MAPS) return { data: { text, filler } };
    if (type === SECRETS) return { stringData: { password: `${SECRET_MARK}-${text}` } };
    if (type === LOCATIONS) return { spec: { ...LOCATION_SPEC, description: text } };
    if (type === NAMESPACES) return {};
    const containers = [{ name: 'main', image: `registry.invalid/main:${text}` }];
    const template = { metadata: { labels: { app: 'w' } }, spec: { containers } };
    return { spec: { replicas: index, selector: { matchLabels: { app: 'w' } }, template } };
  }

  #next(): string {
    this.#serial += 1;
    return `n${this.#serial}`;
  }

  /** The status of the answer. @throws Error when none came, or one that says nothing about the object. */
  async #send(method: string, path: string, body: Record<string, unknown>): Promise<number> {
    const contentType = method === 'PATCH' ? 'application/merge-patch+json' : 'application/json';
    const answer = await this.#transport.request({
      method,
      path,
      contentType,
      body: JSON.stringify(body),
      deadlineMs: 5_000,
    });
    const { status } = answer;
    if (status < 300 || status === 404 || status === 409) return status;
    if (status === 422 || status === 400)
      throw new TypeError(`the load is wrong: ${status} ${answer.body.slice(0, 500)}`);
    throw new Error(`${method} ${path} is answered ${status}`);
  }
}

const LOCATION_SPEC = { resource: { group: 'workload.kcp.io', version: 'v1alpha1', resource: 'synctargets' } };

function collectionOf({ group, version, resource, namespaced }: ResourceType): string {
  const prefix = group ? `/apis/${group}/${version}` : `/api/${version}`;
  return namespaced ? `${prefix}/namespaces/${NAMESPACE}/${resource}` : `${prefix}/${resource}`;
}

function pathOf({ type, name }: Slot): string {
  return `${collectionOf(type)}/${name}`;
}
