import { createWatchSource } from '@tmc/adapters/kube/watch.ts';
import { createMemoryQueue } from '@tmc/adapters/memory/queue.ts';
import { createMemoryTable } from '@tmc/adapters/memory/table.ts';
import type { Queue } from '@tmc/adapters/queue/queue.ts';
import { createSender } from '@tmc/adapters/queue/send.ts';
import { createCheckpointStore } from '@tmc/adapters/table/checkpoint-store.ts';
import { type ResourceType, resourceType } from '@tmc/apis/resources.ts';
import { systemClock, systemSleep } from '@tmc/kernel/clock.ts';
import type { QueueName, SendMessages } from '@tmc/kernel/envelope.ts';
import type { Ids } from '@tmc/kernel/ids.ts';
import { startRelay } from '@tmc/relay/main.ts';
import type { Reading, ReadOrder } from './relay-reader.ts';

const CONFIG_MAPS = resourceType({ group: '', resource: 'configmaps' });
const DEPLOYMENTS = resourceType({ group: 'apps', resource: 'deployments' });
const FIFTY: readonly ResourceType[] = Array.from({ length: 50 }, (_, at) => ({
  ...DEPLOYMENTS,
  resource: `kinds${at}`,
}));
const RESOURCES = { configmaps: [CONFIG_MAPS], deployments: [DEPLOYMENTS], fifty: FIFTY };
const PATHS = { configmaps: '/api/v1/configmaps', deployments: '/apis/apps/v1/deployments', fifty: '' };

/** Begins to read as ordered. What is not needed is not loaded, so that it does not count. */
export async function startReading(order: ReadOrder, ids: Ids): Promise<Reading> {
  if (order.reader === 'relay') return relayReading(order, ids);
  return order.reader === 'watch' ? watchReading(order) : informerReading(order);
}

async function relayReading({ url, caPem, kind, sqs, queueHolds }: ReadOrder, ids: Ids): Promise<Reading> {
  const connection = { url, ca: caPem, authorization: () => 'Bearer bench' };
  const source = createWatchSource({ connection, clock: systemClock, endpoint: 'bench' });
  const sink = sqs === undefined ? { send: memorySink(queueHolds, ids), close: () => undefined } : await sqsSink(sqs);
  const relay = startRelay(
    { relay: 'bench', source: { kind: 'hub', id: 'bench', epoch: 0 }, resources: RESOURCES[kind] },
    {
      sources: [source],
      send: sink.send,
      checkpoints: createCheckpointStore(createMemoryTable()),
      workspaceOf: (upstreamObj) => upstreamObj.metadata.annotations?.['kcp.io/cluster'] ?? 'root',
      clock: systemClock,
      sleep: systemSleep,
      ids,
      random: Math.random,
    },
  );
  return {
    ready: () => relay.ready(),
    progress: () => {
      const { outbox, sources } = relay.metrics();
      const sum = (of: (state: (typeof sources)[number]) => number) =>
        sources.reduce((all, state) => all + of(state), 0);
      const events = sum((state) => state.counters.events);
      return {
        events,
        settled: outbox.entries === 0,
        coalesced: outbox.coalesced,
        listed: sum((state) => state.objects),
      };
    },
    stop: async () => {
      await relay.stop();
      source.close();
      sink.close();
    },
  };
}

/** Queues in memory that nobody reads: thrown away when they hold enough, so that only sending is measured. */
function memorySink(holds: number, ids: Ids): SendMessages {
  const fresh = () => {
    const queue = createMemoryQueue({ name: 'bench', clock: systemClock, ids });
    return createSender({ placement: queue, sync: queue, status: queue, recovery: queue });
  };
  let send = fresh();
  let held = 0;
  return (messages) => {
    held += messages.length;
    if (held > holds) {
      send = fresh();
      held = messages.length;
    }
    return send(messages);
  };
}

/** Queues of an SQS server, made when they are missing. */
async function sqsSink(endpoint: string): Promise<{ send: SendMessages; close(): void }> {
  const { connectQueues } = await import('@tmc/adapters/sqs/connect.ts');
  const credentials = { accessKeyId: 'bench', secretAccessKey: 'bench' };
  const queues = connectQueues({ endpoint, region: 'us-east-1', credentials });
  const named = async (name: QueueName): Promise<[QueueName, Queue]> => [name, queues.queue(await queues.ensure(name))];
  const all = await Promise.all((['placement', 'sync', 'status', 'recovery'] as const).map(named));
  return { send: createSender(Object.fromEntries(all) as Record<QueueName, Queue>), close: () => queues.close() };
}

async function kubeConfig({ url, caPem }: ReadOrder) {
  const { KubeConfig } = await import('@kubernetes/client-node');
  const config = new KubeConfig();
  const server = { name: 'bench', server: url, caData: Buffer.from(caPem).toString('base64'), skipTLSVerify: false };
  config.loadFromClusterAndUser(server, { name: 'bench', token: 'bench' });
  return config;
}

/** `Watch`: parses each line and calls back. */
async function watchReading(order: ReadOrder): Promise<Reading> {
  const { Watch } = await import('@kubernetes/client-node');
  let events = 0;
  const ended = (error: unknown) => {
    if (error && (error as Error).name !== 'AbortError') console.error(`Watch ended: ${error}`);
  };
  const count = () => {
    events += 1;
  };
  const watch = new Watch(await kubeConfig(order));
  const controller = await watch.watch(PATHS[order.kind], {}, count, ended);
  return {
    ready: () => true,
    progress: () => ({ events, settled: true, coalesced: 0, listed: 0 }),
    stop: async () => controller.abort(),
  };
}

/** `makeInformer`: parses each line and keeps the objects. */
async function informerReading(order: ReadOrder): Promise<Reading> {
  const { makeInformer } = await import('@kubernetes/client-node');
  let events = 0;
  const empty = async () => ({ apiVersion: 'v1', kind: 'List', metadata: { resourceVersion: '1' }, items: [] });
  const informer = makeInformer(await kubeConfig(order), PATHS[order.kind], empty);
  for (const verb of ['add', 'update', 'delete'] as const) {
    informer.on(verb, () => {
      events += 1;
    });
  }
  informer.on('error', (error) => {
    if ((error as Error).name !== 'AbortError') console.error(`informer: ${error}`);
  });
  await informer.start();
  return {
    ready: () => true,
    progress: () => ({ events, settled: true, coalesced: 0, listed: events }),
    stop: () => informer.stop(),
  };
}
