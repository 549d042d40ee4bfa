import { createKubernetesHub } from '@tmc/adapters/kube/hub-kubernetes.ts';
import { createMember } from '@tmc/adapters/kube/member.ts';
import { createWatchSource } from '@tmc/adapters/kube/watch.ts';
import type { FunctionRuntime } from '@tmc/adapters/lambda/runtime.ts';
import { createMemoryQueue } from '@tmc/adapters/memory/queue.ts';
import { createMemoryTable } from '@tmc/adapters/memory/table.ts';
import type { Queue, Queues } from '@tmc/adapters/queue/queue.ts';
import { createSender } from '@tmc/adapters/queue/send.ts';
import { createCheckpointStore } from '@tmc/adapters/table/checkpoint-store.ts';
import { CONTROL_RESOURCES, NAMESPACES, SYNCED_RESOURCES } from '@tmc/apis/resources.ts';
import { startEventSource } from '@tmc/host/event-source.ts';
import { QUEUES, type QueueName } from '@tmc/kernel/envelope.ts';
import type { MemberApi, WatchSource } from '@tmc/kernel/ports.ts';
import { type Relay, type RelayConfig, startRelay } from '@tmc/relay/main.ts';
import type { TestClock } from '@tmc/testkit/clock.ts';
import { sequentialIds } from '@tmc/testkit/ids.ts';
import type { SeededRandom } from '@tmc/testkit/random.ts';
import { place } from '../../../functions/place.ts';
import { recover } from '../../../functions/recover.ts';
import { syncDown } from '../../../functions/sync-down.ts';
import { syncUp } from '../../../functions/sync-up.ts';
import { disturbedQueue } from './disturbed-queue.ts';
import type { Faults } from './faults.ts';
import { Invocations } from './invocations.ts';
import { Journal } from './journal.ts';
import { AUTHORIZATION, type Server, startServer } from './server.ts';
import { TARGETS, type TargetName, WORKSPACE } from './targets.ts';
import { createTransport } from './transport.ts';
import { watchedTable } from './watched-table.ts';

const FUNCTIONS = {
  placement: { make: place, instances: 2 },
  sync: { make: syncDown, instances: 3 },
  status: { make: syncUp, instances: 2 },
  recovery: { make: recover, instances: 1 },
} as const;
const TIMEOUT_MS = 10_000;

export type World = {
  readonly clock: TestClock;
  readonly faults: Faults;
  readonly hub: Server;
  readonly members: Readonly<Record<TargetName, Server>>;
  readonly queues: Queues;
  readonly relays: readonly Relay[];
  readonly journal: Journal;
};

export type WorldOptions = {
  readonly clock: TestClock;
  readonly random: SeededRandom;
  readonly faults: Faults;
  /** Replaces the members' APIs, to prove that a broken one is found out. */
  readonly wrapMember?: (member: MemberApi) => MemberApi;
};

/** Hub, members, relays, queues, table and functions in this process, without a socket and on virtual time. */
export function startWorld(options: WorldOptions): World {
  const { clock, random, faults } = options;
  const journal = new Journal(clock.now);
  const hub = startServer('hub', clock.now);
  const members = {
    west: startServer('west', clock.now, { delayMs: 200, pods: false }),
    east: startServer('east', clock.now, { delayMs: 300, pods: false }),
  };
  for (const server of [hub, members.west, members.east]) journal.follow(server);
  for (const member of [members.west, members.east]) journal.followVersions(member);
  const ids = sequentialIds();
  const queues = Object.fromEntries(
    QUEUES.map((name): [QueueName, Queue] => {
      const queue = createMemoryQueue({ name, clock: clock.now, ids, sleep: clock.sleep });
      return [name, disturbedQueue(queue, faults, random)];
    }),
  ) as unknown as Queues;
  const parts = { ...options, journal, hub, members, ids, queues, table: watchedTable(createMemoryTable(), journal) };
  startFunctions(parts);
  return { clock, faults, hub, members, queues, journal, relays: startRelays(parts) };
}

type Parts = WorldOptions & {
  readonly journal: Journal;
  readonly hub: Server;
  readonly members: Readonly<Record<TargetName, Server>>;
  readonly ids: () => string;
  readonly queues: Queues;
  readonly table: FunctionRuntime['table'];
};

const apiOf = (server: Server, { clock, faults }: Parts, step?: Invocations['step']) => ({
  connection: { url: `https://${server.name}.test`, authorization: () => AUTHORIZATION },
  clock: clock.now,
  transport: createTransport({ server, clock, faults, ...(step && { step }) }),
});

function startFunctions(parts: Parts): void {
  const { clock, random, ids, queues, journal, wrapMember = (member: MemberApi) => member } = parts;
  const invocations = new Invocations(parts.faults);
  const { step } = invocations;
  const send = createSender(queues);
  // What an instance knows of its servers, such as how patient to be with them, ends with it.
  const connect = (): Pick<FunctionRuntime, 'hub' | 'member'> => {
    const members = new Map(
      TARGETS.map(({ name, key }) => [key, wrapMember(createMember(apiOf(parts.members[name], parts, step)))]),
    );
    return {
      hub: createKubernetesHub({ ...apiOf(parts.hub, parts, step), workspace: WORKSPACE }),
      member: (key) => members.get(key),
    };
  };
  const shared: Omit<FunctionRuntime, 'hub' | 'member'> = {
    workspaceName: (workspace) => workspace,
    table: {
      get: (key) => step(() => parts.table.get(key)),
      query: (pk, query) => step(() => parts.table.query(pk, query)),
      write: (write) => step(() => parts.table.write(write)),
      transact: (writes) => step(() => parts.table.transact(writes)),
    },
    queues,
    send: (messages) => step(() => send(messages)),
    clock: clock.now,
    ids,
    random,
    log: journal.log,
    meter: { count: () => undefined, observe: () => undefined },
    settings: { sourceClusterName: 'hub', epoch: 0, heartbeatThresholdMs: 15_000 },
  };
  for (const name of QUEUES) {
    const { make, instances } = FUNCTIONS[name];
    for (let instance = 0; instance < instances; instance += 1) {
      const handler = invocations.crashing(() => make({ ...shared, ...connect() }));
      startEventSource({ queue: queues[name], handler, timeoutMs: TIMEOUT_MS, concurrency: 1, log: journal.log });
    }
  }
}

function startRelays(parts: Parts): Relay[] {
  const { clock, random, ids } = parts;
  const checkpoints = createCheckpointStore(parts.table);
  const send = createSender(parts.queues);
  const start = (config: RelayConfig, source: WatchSource): Relay =>
    startRelay(config, {
      sources: [source],
      send,
      checkpoints,
      workspaceOf: () => WORKSPACE,
      clock: clock.now,
      sleep: clock.sleep,
      ids,
      random,
    });
  const hubConfig: RelayConfig = {
    relay: 'hub',
    source: { kind: 'hub', id: WORKSPACE, epoch: 0 },
    resources: [...CONTROL_RESOURCES, NAMESPACES, ...SYNCED_RESOURCES],
  };
  return [
    start(hubConfig, createWatchSource({ ...apiOf(parts.hub, parts), endpoint: 'hub' })),
    ...TARGETS.map(({ name, key }) =>
      start(
        {
          relay: `member-${name}`,
          source: { kind: 'member', id: key, epoch: 0, target: { workspace: WORKSPACE, name } },
          resources: SYNCED_RESOURCES,
        },
        createWatchSource({ ...apiOf(parts.members[name], parts), endpoint: name }),
      ),
    ),
  ];
}
