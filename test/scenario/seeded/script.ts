import { crds } from '@tmc/apis/crd.ts';
import { OWNER_LABEL, stateLabel } from '@tmc/apis/names.ts';
import type { KubeObject } from '@tmc/kernel/object.ts';
import type { ApiObject } from '@tmc/kubesim/index.ts';
import { deployment } from '@tmc/testkit/objects.ts';
import type { SeededRandom } from '@tmc/testkit/random.ts';
import type { Server } from './server.ts';
import { NAMESPACES, TARGETS, type TargetName } from './targets.ts';
import type { World } from './world.ts';

/** What users do in a run: drawn by the seed, carried out at virtual instants, and never told what it led to. */

const POLICY = '/apis/workload.kcp.io/v1alpha1/clusterworkloadplacements';
const ACTIONS = 16;
const SHORT_PAUSE_MS = 500;
const LONG_PAUSE_MS = 8_000;

/** Kinds users write, with the paths they are at. */
const KINDS = {
  configmaps: { root: '/api/v1', names: ['settings', 'flags'] },
  secrets: { root: '/api/v1', names: ['settings'] },
  deployments: { root: '/apis/apps/v1', names: ['web'] },
} as const;
type Resource = keyof typeof KINDS;

const collection = (resource: Resource, namespace: string): string =>
  `${KINDS[resource].root}/namespaces/${namespace}/${resource}`;
export const storageOf = (resource: Resource): string =>
  resource === 'deployments' ? 'deployments.apps' : `${resource}.core`;
export const RESOURCES = Object.keys(KINDS) as Resource[];

/** Kinds, targets, namespaces and the policy, as an administrator makes them; and what others have in the members. */
export async function prepare({ hub, members }: World): Promise<void> {
  for (const crd of crds()) await hub.user('POST', '/apis/apiextensions.k8s.io/v1/customresourcedefinitions', crd);
  await new Promise((resolve) => setImmediate(resolve));
  for (const { name, location, mapping } of TARGETS) {
    await hub.user('POST', '/apis/workload.kcp.io/v1alpha1/synctargets', {
      apiVersion: 'workload.kcp.io/v1alpha1',
      kind: 'SyncTarget',
      metadata: { name },
      spec: { location, namespaceMapping: mapping, workloadCluster: { name } },
    });
  }
  await hub.user('POST', POLICY, {
    apiVersion: 'workload.kcp.io/v1alpha1',
    kind: 'ClusterWorkloadPlacement',
    metadata: { name: 'everywhere' },
    spec: {
      namespaceSelector: { matchLabels: { placed: 'yes' } },
      locationSelector: { requiredLocations: ['us-west', 'us-east'], preferredLocations: ['us-west'] },
    },
  });
  for (const name of NAMESPACES) await hub.user('POST', '/api/v1/namespaces', namespaceObj(name, { placed: 'yes' }));
  for (const member of Object.values(members)) {
    await member.user('POST', '/api/v1/namespaces', namespaceObj('foreign'));
    await member.user('POST', collection('configmaps', 'foreign'), configMap('foreign', 'settings', 'theirs'));
    await member.user('POST', collection('configmaps', 'default'), configMap('default', 'settings', 'theirs'));
  }
}

const namespaceObj = (name: string, labels: Record<string, string> = {}): KubeObject => ({
  apiVersion: 'v1',
  kind: 'Namespace',
  metadata: { name, labels },
});

const configMap = (namespace: string, name: string, value: string): KubeObject => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name, namespace },
  data: { value },
});

/** Draws and carries out the actions of a run. */
export async function play(world: World, random: SeededRandom): Promise<void> {
  const user = new User(world, random);
  for (let action = 0; action < ACTIONS; action += 1) {
    await world.clock.advance(pauseMs(random));
    world.journal.note(`user: ${await user.act()}`);
  }
}

/** Often none: then functions meet that carry different states of one object. Now and then long enough for copies to be there. */
function pauseMs(random: SeededRandom): number {
  const kind = random();
  if (kind < 0.4) return 0;
  return Math.floor(random() * (kind < 0.8 ? SHORT_PAUSE_MS : LONG_PAUSE_MS));
}

type Place = { resource: Resource; namespace: string; name: string; path: string };
type Action = () => Promise<string>;

class User {
  readonly #hub: Server;
  readonly #members: Readonly<Record<TargetName, Server>>;
  readonly #random: SeededRandom;
  readonly #actions: readonly Action[];
  #written = 0;
  #last: Place | undefined;

  constructor({ hub, members }: World, random: SeededRandom) {
    this.#hub = hub;
    this.#members = members;
    this.#random = random;
    const weighted: [number, Action][] = [
      [8, () => this.#write()],
      [3, () => this.#delete()],
      [2, () => this.#prefer()],
      [2, () => this.#require()],
      [3, () => this.#editCopy()],
      [2, () => this.#deleteCopy()],
      [1, () => this.#forge()],
    ];
    this.#actions = weighted.flatMap(([weight, action]) => Array.from({ length: weight }, () => action));
  }

  async act(): Promise<string> {
    return this.#pick(this.#actions)();
  }

  #pick<T>(items: readonly T[]): T {
    return items[Math.floor(this.#random() * items.length)] as T;
  }

  /** An object to act on: often the one of the action before. */
  #place(): Place {
    if (!this.#last || this.#random() < 0.6) this.#last = this.#another();
    return this.#last;
  }

  #another(): Place {
    const resource = this.#pick(['configmaps', 'configmaps', 'secrets', 'deployments', 'deployments'] as const);
    const namespace = this.#pick(NAMESPACES);
    const name = this.#pick<string>(KINDS[resource].names);
    return { resource, namespace, name, path: `${collection(resource, namespace)}/${name}` };
  }

  #find(resource: Resource, namespace: string, name: string): ApiObject | undefined {
    return this.#hub.store.get({ storage: storageOf(resource), cluster: '', namespace, name });
  }

  /** Creates an object, or changes it when it is there. */
  async #write(): Promise<string> {
    const { resource, namespace, name, path } = this.#place();
    const existing = this.#find(resource, namespace, name);
    if (existing?.metadata.deletionTimestamp) return `${path} is being deleted`;
    this.#written += 1;
    if (existing) {
      await this.#hub.user('PATCH', path, this.#change(resource));
      return `changed ${path} to ${this.#written}`;
    }
    await this.#hub.user('POST', collection(resource, namespace), this.#make(resource, namespace, name));
    return `created ${path} as ${this.#written}`;
  }

  #make(resource: Resource, namespace: string, name: string): KubeObject {
    const replicas = Math.floor(this.#random() * 6);
    if (resource === 'deployments')
      return deployment({ name, namespace }, { replicas, image: `nginx:${this.#written}` });
    const made = configMap(namespace, name, String(this.#written));
    if (resource === 'configmaps') return made;
    return { ...made, kind: 'Secret', type: 'Opaque', data: { value: encoded(this.#written) } };
  }

  #change(resource: Resource): Record<string, unknown> {
    if (resource === 'configmaps') return { data: { value: String(this.#written) } };
    if (resource === 'secrets') return { data: { value: encoded(this.#written) } };
    if (this.#random() < 0.5) return { spec: { replicas: Math.floor(this.#random() * 6) } };
    const containers = [{ name: 'web', image: `nginx:${this.#written}`, ports: [{ containerPort: 80 }] }];
    return { spec: { template: { spec: { containers } } } };
  }

  async #delete(): Promise<string> {
    const { resource, namespace, name, path } = this.#place();
    if (!this.#find(resource, namespace, name)) return `${path} is not there to be deleted`;
    await this.#hub.user('DELETE', path);
    return `deleted ${path}`;
  }

  async #prefer(): Promise<string> {
    const preferredLocations = [this.#pick(TARGETS).location];
    await this.#hub.user('PATCH', `${POLICY}/everywhere`, { spec: { locationSelector: { preferredLocations } } });
    return `prefer ${preferredLocations}`;
  }

  /** Takes a target out of the policy, or all back in. */
  async #require(): Promise<string> {
    const all = TARGETS.map(({ location }) => location);
    const requiredLocations = this.#random() < 0.5 ? all : [this.#pick(all)];
    await this.#hub.user('PATCH', `${POLICY}/everywhere`, { spec: { locationSelector: { requiredLocations } } });
    return `require ${requiredLocations}`;
  }

  #copy(): { member: Server; path: string; resource: Resource } | undefined {
    const { name: targetName, key } = this.#pick(TARGETS);
    const member = this.#members[targetName];
    const resource = this.#pick(RESOURCES);
    const copies = member.store
      .list(storageOf(resource))
      .filter(({ metadata }) => metadata.labels?.[OWNER_LABEL] === key && !metadata.deletionTimestamp);
    if (copies.length === 0) return undefined;
    const { namespace = '', name } = this.#pick(copies).metadata;
    return { member, resource, path: `${collection(resource, namespace)}/${name}` };
  }

  async #editCopy(): Promise<string> {
    const copy = this.#copy();
    if (!copy) return 'no copy to edit';
    const edit = copy.resource === 'deployments' ? { spec: { replicas: 9 } } : { data: { value: encoded('edited') } };
    await copy.member.user('PATCH', copy.path, edit);
    return `edited ${copy.member.name} ${copy.path}`;
  }

  async #deleteCopy(): Promise<string> {
    const copy = this.#copy();
    if (!copy) return 'no copy to delete';
    await copy.member.user('DELETE', copy.path);
    return `deleted ${copy.member.name} ${copy.path}`;
  }

  /** Claims a target for an object or a namespace, or denies one, by the label that only publishes. */
  async #forge(): Promise<string> {
    const { resource, namespace, name, path } = this.#place();
    const label = stateLabel(this.#pick([...TARGETS.map(({ key }) => key), 'nobody']));
    const labels = { [label]: this.#random() < 0.5 ? 'Sync' : null };
    const found = this.#find(resource, namespace, name);
    const at =
      this.#random() < 0.5 || !found || found.metadata.deletionTimestamp ? `/api/v1/namespaces/${namespace}` : path;
    await this.#hub.user('PATCH', at, { metadata: { labels } });
    return `forged ${JSON.stringify(labels)} on ${at}`;
  }
}

const encoded = (value: unknown): string => Buffer.from(String(value)).toString('base64');
