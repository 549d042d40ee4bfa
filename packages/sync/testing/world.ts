import { targetKey } from '@tmc/apis/hash.ts';
import { OWNER_LABEL } from '@tmc/apis/names.ts';
import { driftedFromApplied } from '@tmc/apis/owned-fields.ts';
import { isSynced } from '@tmc/apis/resources.ts';
import type { Envelope } from '@tmc/kernel/envelope.ts';
import type { ResourceKey } from '@tmc/kernel/key.ts';
import type { KubeObject } from '@tmc/kernel/object.ts';
import type { DecidedTarget, Decision, TargetFacts } from '@tmc/kernel/records.ts';
import type { Outcome } from '@tmc/kernel/result.ts';
import { createSyncDown } from '../handle.ts';
import { createSyncUp } from '../handle-up.ts';
import type { SyncDeps } from '../load.ts';
import { Crash, type Gate, MemoryServer, type Seen } from './memory-server.ts';

export const WS = 'ws1';
export const NS = 'shop';

export function targetNamed(name: string, facts: Partial<TargetFacts> = {}): TargetFacts {
  const workspace = facts.workspace ?? WS;
  return {
    key: targetKey(workspace, name),
    workspace,
    name,
    uid: `uid-of-${name}`,
    rv: '1',
    labels: {},
    location: '',
    ready: true,
    unschedulable: false,
    namespaceMapping: 'Hashed',
    syncMode: 'push',
    allocatable: {},
    capabilities: [],
    syncedResources: [],
    ...facts,
  };
}

export function decide(targets: readonly TargetFacts[], decision: Partial<Decision> = {}): Decision {
  return {
    workspace: WS,
    namespace: NS,
    policy: 'placements//p',
    version: 1,
    division: 'Duplicated',
    selects: {},
    targets: targets.map(decided),
    rejected: [],
    decidedAtMs: 0,
    inputs: {},
    ...decision,
  };
}

export const decided = ({ key, workspace, name }: TargetFacts): DecidedTarget => ({
  key,
  workspace,
  name,
  state: 'Active',
  weight: 1,
  score: 0,
  reason: '',
});

export const keyOf = (resource: string, name: string, place: Partial<ResourceKey> = {}): ResourceKey => ({
  workspace: WS,
  group: resource === 'deployments' ? 'apps' : '',
  resource,
  namespace: NS,
  name,
  ...place,
});

export function deploymentOf(name: string, image = 'nginx:1', replicas = 3): KubeObject {
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name, namespace: NS, labels: { app: name } },
    spec: {
      replicas,
      selector: { matchLabels: { app: name } },
      template: { metadata: { labels: { app: name } }, spec: { containers: [{ name: 'web', image }] } },
    },
  };
}

type Queued = { queue: 'sync' | 'status'; envelope: Envelope; receives: number };

export type WorldOptions = {
  readonly targets: readonly TargetFacts[];
  readonly gate?: Gate;
  /** In [0, 1): which queued message comes next, and whether it comes again. Absent: in order, once. */
  readonly random?: () => number;
};

/** Hub, members, relays and queues in one process, driven message by message. A crash loses all memory and returns the message. */
export class World {
  readonly hub: MemoryServer;
  readonly members: Map<string, MemoryServer>;
  readonly facts: TargetFacts[];
  readonly decisions: Decision[] = [];
  readonly outcomes: Outcome[] = [];
  readonly deps: SyncDeps;
  /** Of the hub, as its relay tells it; functions are configured with 1. */
  hubEpoch = 1;
  readonly #queue: Queued[] = [];
  readonly #random: (() => number) | undefined;
  #ids = 0;
  #handlers: Record<Queued['queue'], ReturnType<typeof createSyncDown>>;

  constructor({ targets, gate = () => {}, random }: WorldOptions) {
    this.hub = new MemoryServer({ gate });
    this.members = new Map(targets.map((t) => [t.key, new MemoryServer({ gate, isMember: true })]));
    this.facts = [...targets];
    this.#random = random;
    this.deps = {
      hub: this.hub.hub,
      member: (key) => this.members.get(key)?.member,
      store: {
        decisions: async (workspace, namespace) =>
          this.decisions.filter((d) => d.workspace === workspace && d.namespace === namespace),
        findTarget: async (key) => this.facts.find((target) => target.key === key),
        namespacesOf: async (key) => this.decisions.filter((d) => d.targets.some((target) => target.key === key)),
      },
      send: async (messages) => {
        for (const { queue, envelope } of messages) this.enqueue(queue as Queued['queue'], envelope);
        return { failed: [] };
      },
      clock: () => NOW_MS,
      ids: () => this.#id(),
      random: () => 0,
      settings: { sourceClusterName: 'hub', epoch: 1 },
    };
    this.#handlers = this.#newProcess();
  }

  member(target: TargetFacts): MemoryServer {
    const server = this.members.get(target.key);
    if (!server) throw new Error(`no member for ${target.name}`);
    return server;
  }

  /** The copies on a target, namespaces left out. */
  copies(target: TargetFacts): { key: ResourceKey; obj: KubeObject }[] {
    return this.member(target)
      .all()
      .filter(({ key }) => key.resource !== 'namespaces');
  }

  enqueue(queue: Queued['queue'], envelope: Envelope): void {
    this.#queue.push({ queue, envelope, receives: 0 });
    if (this.#random && this.#random() < 0.3) this.#queue.push({ queue, envelope, receives: 0 });
  }

  /** A decision took effect: placement sends one message for the namespace. */
  place(decision: Decision): void {
    const index = this.decisions.findIndex((d) => d.policy === decision.policy && d.workspace === decision.workspace);
    if (index >= 0) this.decisions.splice(index, 1);
    this.decisions.push(decision);
    this.evaluate('sync', decision);
  }

  /** What placement sends about a namespace: to `sync` also when a decision took effect, to both when a target came back. */
  evaluate(queue: Queued['queue'], { workspace, namespace }: Pick<Decision, 'workspace' | 'namespace'>): void {
    const key = { workspace, group: '', resource: 'namespaces', namespace: '', name: namespace };
    const source = { kind: 'function' as const, id: 'place', relay: '', epoch: 1 };
    this.enqueue(queue, { v: 1, id: this.#id(), at: NOW_MS, uid: '', rv: '', source, key, change: 'evaluate' });
  }

  /** Handles messages until none is left; @throws when that takes unreasonably long. */
  async settle(): Promise<void> {
    for (let steps = 0; steps < 3_000; steps += 1) {
      this.relay();
      const index = this.#random ? Math.floor(this.#random() * this.#queue.length) : 0;
      const [message] = this.#queue.splice(index, 1);
      if (!message) return;
      await this.#handle(message);
    }
    throw new Error(`the world does not settle: ${this.#queue.length} messages left`);
  }

  /** What the hub's relay does after a complete list: everything that is there becomes a message. */
  retell(): void {
    for (const { key, obj } of this.hub.all()) {
      if (isSynced(key)) this.enqueue('sync', this.#envelope({ key, type: 'upsert', obj }, 'hub'));
    }
  }

  /** What the relays have seen becomes messages. */
  relay(): void {
    for (const seen of this.hub.drain()) if (isSynced(seen.key)) this.enqueue('sync', this.#envelope(seen, 'hub'));
    for (const [target, server] of this.members) {
      for (const seen of server.drain()) {
        if (seen.obj.metadata.labels?.[OWNER_LABEL] !== target || !isSynced(seen.key)) continue;
        this.enqueue('status', this.#envelope({ ...seen, key: { ...seen.key, workspace: target } }, target));
      }
    }
  }

  async #handle(message: Queued): Promise<void> {
    message.receives += 1;
    try {
      const outcome = await this.#handlers[message.queue](message.envelope, message.receives);
      this.outcomes.push(outcome);
      if (outcome.kind === 'again' && message.receives < 20) this.#queue.push(message);
    } catch (error) {
      if (!(error instanceof Crash)) throw error;
      this.#handlers = this.#newProcess();
      this.#queue.push(message);
    }
  }

  #newProcess() {
    return { sync: createSyncDown(this.deps), status: createSyncUp(this.deps) };
  }

  #id(): string {
    this.#ids += 1;
    return `id-${this.#ids}`;
  }

  #envelope({ key, type, obj }: Seen, source: string): Envelope {
    const { managedFields: _m, ...metadata } = obj.metadata;
    const kind = source === 'hub' ? 'hub' : 'member';
    return {
      v: 1,
      id: this.#id(),
      at: NOW_MS,
      source: { kind, id: source, relay: 'r', epoch: kind === 'hub' ? this.hubEpoch : 1 },
      key,
      uid: metadata.uid ?? '',
      rv: metadata.resourceVersion ?? '',
      change: type,
      ...(kind === 'member' && type === 'upsert' && driftedFromApplied(obj) ? { drifted: true } : {}),
      ...(key.resource === 'secrets' ? {} : { body: { ...obj, metadata } }),
    };
  }
}

const NOW_MS = 1_000_000;
