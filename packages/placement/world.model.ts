import { createMemoryTable } from '@tmc/adapters/memory/table.ts';
import { createPlacementStore } from '@tmc/adapters/table/placement-store.ts';
import type { Table } from '@tmc/adapters/table/table.ts';
import { CONTROL_RESOURCES, NAMESPACES } from '@tmc/apis/resources.ts';
import type { Envelope, OutgoingMessage, SendMessages } from '@tmc/kernel/envelope.ts';
import { formatKey, type ResourceKey } from '@tmc/kernel/key.ts';
import type { KubeObject } from '@tmc/kernel/object.ts';
import type { HubApi } from '@tmc/kernel/ports.ts';
import { createMemoryHub, type MemoryHub } from '@tmc/testkit/memory-hub.ts';
import type { PlacementStore } from './commit.ts';
import { createPlace } from './handle.ts';

/** A hub, a table and the placement handler around them, for tests: everything a user and the relay would do. */
export const WORKSPACE = 'ws1';

export function keyOf(resource: string, name: string, namespace = ''): ResourceKey {
  const known = [NAMESPACES, ...CONTROL_RESOURCES].find((r) => r.resource === resource);
  if (!known) throw new Error(`no control resource ${resource}`);
  return { workspace: WORKSPACE, group: known.group, resource, namespace, name };
}

/** Makes the call numbered `at` (from 1) fail after or before its effect, once. */
export type Fault = { at: number; after: boolean };

/** The outside of the handler in memory; every effect is counted, and the one at fault fails. */
function createOutside(fault: Fault | undefined) {
  const hub = createMemoryHub();
  const memory = createMemoryTable();
  const sent: OutgoingMessage[] = [];
  const writes: string[] = [];
  let calls = 0;

  async function effect<T>(name: string, run: () => Promise<T>): Promise<T> {
    calls += 1;
    const strikes = fault?.at === calls;
    if (strikes && !fault?.after) throw new Error(`crash before ${name}`);
    const result = await run();
    writes.push(name);
    if (strikes) throw new Error(`crash after ${name}`);
    return result;
  }

  const table: Table = {
    get: memory.get,
    query: memory.query,
    write: (write) => effect('table', () => memory.write(write)),
    transact: (all) => effect('table', () => memory.transact(all)),
  };
  const reads: string[] = [];
  const answers = new Map<string, KubeObject>();
  const faultyHub: Pick<HubApi, 'get' | 'list' | 'patch'> = {
    get: async (key) => {
      reads.push(formatKey(key));
      return answers.get(formatKey(key)) ?? hub.get(key);
    },
    list: (resource, options) => hub.list(resource, options),
    patch: (key, patch, when) => effect(`hub ${key.resource} ${key.name}`, () => hub.patch(key, patch, when)),
  };
  const send: SendMessages = (messages) =>
    effect('send', async () => {
      sent.push(...messages);
      return { failed: [] };
    });
  return {
    hub,
    table,
    faultyHub,
    send,
    sent,
    writes,
    /** Keys that placement read from the hub. */
    reads,
    /** From now on placement sees this state of an object, as after a restore from a backup. */
    answerWith: (key: ResourceKey, object: KubeObject) => void answers.set(formatKey(key), object),
    calls: () => calls,
  };
}

export function createWorld(fault?: Fault) {
  const { table, faultyHub, send, ...outside } = createOutside(fault);
  const { hub } = outside;
  let nowMs = Date.UTC(2026, 0, 1);
  let ids = 0;
  const store = createPlacementStore(table, { nowS: () => nowMs / 1000 });
  const handle = createPlace({ hub: faultyHub, store, send, clock: () => nowMs, ids: () => `id-${++ids}` });

  function envelopeOf(key: ResourceKey, object: KubeObject | undefined, change: Envelope['change']): Envelope {
    const { uid = '', resourceVersion: rv = '' } = object?.metadata ?? {};
    const source = { kind: 'hub' as const, id: 'hub', relay: 'r', epoch: 0 };
    return { v: 1, id: `id-${++ids}`, at: nowMs, source, key, uid, rv, change, ...(object ? { body: object } : {}) };
  }

  /** The message a relay would send about an object now; crashed attempts come back with a higher count. */
  async function deliver(key: ResourceKey, change: Envelope['change'] = 'upsert'): Promise<void> {
    const object = await hub.get(key);
    for (let receiveCount = 1; ; receiveCount++) {
      try {
        await handle(envelopeOf(key, object, object ? change : 'delete'), receiveCount);
        return;
      } catch (error) {
        if (receiveCount > 4 || !/crash/.test(String(error))) throw error;
      }
    }
  }

  const advance = (ms: number): void => {
    nowMs += ms;
  };
  return {
    ...outside,
    store,
    handle,
    deliver,
    envelopeOf,
    advance,
    ...createUser(hub, deliver),
    ...createViews(hub, store),
  };
}

/** What users and relays do to the hub; each change is delivered at once. */
function createUser(hub: MemoryHub, deliver: (key: ResourceKey, change?: Envelope['change']) => Promise<void>) {
  async function apply(
    resource: string,
    name: string,
    object: Partial<KubeObject> & { labels?: Record<string, string> },
  ): Promise<void> {
    const key = keyOf(resource, name);
    const { labels, ...rest } = object;
    const kind = [NAMESPACES, ...CONTROL_RESOURCES].find((r) => r.resource === resource)?.kind ?? '';
    const before = await hub.get(key);
    const metadata = { ...(before?.metadata ?? { name }), ...(labels ? { labels } : {}) };
    hub.put(key, { apiVersion: 'v1', kind, ...rest, metadata });
    await deliver(key);
  }

  return {
    apply,
    /** A SyncTarget that is Ready, or turns (not) ready. */
    async target(
      name: string,
      location: string,
      { ready = true, ...spec }: Record<string, unknown> = {},
    ): Promise<void> {
      const key = keyOf('synctargets', name);
      await apply('synctargets', name, { spec: { location, ...spec } });
      const condition = { type: 'Ready', status: ready ? 'True' : 'False', reason: 'Test', message: 'test' };
      await hub.patch(key, { status: { conditions: [condition] } }, { subresource: 'status' });
      await deliver(key);
    },
    async remove(resource: string, name: string): Promise<void> {
      await hub.delete(keyOf(resource, name));
      await deliver(keyOf(resource, name), 'delete');
    },
  };
}

function createViews(hub: MemoryHub, store: PlacementStore) {
  return {
    /** Target name → weight over all groups of a namespace. */
    async placed(namespace = 'demo'): Promise<Record<string, number>> {
      const groups = await store.listGroups(WORKSPACE, namespace);
      return Object.fromEntries(groups.flatMap(({ decision }) => decision.targets.map((t) => [t.name, t.weight])));
    },
    async object(resource: string, name: string): Promise<KubeObject> {
      const object = await hub.get(keyOf(resource, name));
      if (!object) throw new Error(`${resource} ${name} is gone`);
      return object;
    },
  };
}

export type World = ReturnType<typeof createWorld>;

/** Two targets, a policy that prefers the first, a namespace: the state the demo begins with. */
export async function demo(world: World): Promise<void> {
  await world.target('west', 'us-west-2');
  await world.target('east', 'us-east-1');
  await world.apply('clusterworkloadplacements', 'multi', policySpec('us-west-2'));
  await world.apply('namespaces', 'demo', { labels: { managed: 'true' } });
}

export function policySpec(preferred: string, more: Record<string, unknown> = {}) {
  return {
    spec: {
      namespaceSelector: { matchLabels: { managed: 'true' } },
      locationSelector: { requiredLocations: ['us-west-2', 'us-east-1'], preferredLocations: [preferred] },
      minReplicas: 1,
      maxReplicas: 2,
      ...more,
    },
  };
}
