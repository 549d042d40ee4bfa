import { randomUUID } from 'node:crypto';
import { runDefinitionController } from './controllers/crd.ts';
import { runGarbageCollector } from './controllers/garbage.ts';
import { runNamespaceController } from './controllers/namespace.ts';
import { runFaker } from './faker/faker.ts';
import type { FakerOptions } from './faker/options.ts';
import { builtinResources, REVIEWS } from './resources/builtin.ts';
import { Registry } from './resources/registry.ts';
import { Authorizer } from './server/authorize.ts';
import type { Clock, Sim } from './server/context.ts';
import { type TokenIdentity, Tokens } from './server/identity.ts';
import { Serving } from './server/serving.ts';
import { Store } from './store/store.ts';

export interface SimulationOptions {
  kind: 'kube' | 'kcp';
  tokens?: TokenIdentity[];
  /** Events remembered for watches and snapshots (default 20,000). */
  historyLimit?: number;
  clock?: Clock;
  faker?: FakerOptions | false;
}

/** A simulated server without a socket: `answer(sim, …)` of `server/handle.ts` is how requests reach it. */
export interface Simulation {
  sim: Sim;
  /** Ends the controllers. */
  stop(): void;
}

export interface SimulationParts {
  adminToken: string;
  stopping: AbortSignal;
  countWrite: Sim['countWrite'];
}

const NAMESPACES = ['default', 'kube-system', 'kube-public', 'kube-node-lease'];

/** Makes the store, registry and controllers of one server. */
export function createSimulation(options: SimulationOptions, parts: SimulationParts): Simulation {
  const sim = createSim(options, parts);
  const stops = [runDefinitionController(sim), runNamespaceController(sim), runGarbageCollector(sim)];
  if (options.faker) stops.push(runFaker(sim, options.faker));
  if (options.kind === 'kube') for (const name of NAMESPACES) seedNamespace(sim, name);
  return {
    sim,
    stop: () => {
      for (const end of stops) end();
    },
  };
}

function createSim(options: SimulationOptions, { adminToken, stopping, countWrite }: SimulationParts): Sim {
  const store = new Store({ historyLimit: options.historyLimit ?? 20_000 });
  const admin = { token: adminToken, user: 'admin', groups: ['system:masters'] };
  return {
    kind: options.kind,
    store,
    registry: new Registry([...builtinResources(options.kind), ...REVIEWS]),
    serving: new Serving(),
    tokens: new Tokens([admin, ...(options.tokens ?? [])]),
    authorizer: new Authorizer(store),
    clock: options.clock ?? { now: () => new Date() },
    layer: undefined,
    url: '',
    stopping,
    countWrite,
  };
}

function seedNamespace(sim: Sim, name: string): void {
  sim.store.put(
    { storage: 'namespaces.core', cluster: '', namespace: '', name },
    {
      apiVersion: 'v1',
      kind: 'Namespace',
      metadata: {
        name,
        uid: randomUUID(),
        creationTimestamp: `${sim.clock.now().toISOString().slice(0, 19)}Z`,
        labels: { 'kubernetes.io/metadata.name': name },
      },
      spec: { finalizers: ['kubernetes'] },
      status: { phase: 'Active' },
    },
  );
}
