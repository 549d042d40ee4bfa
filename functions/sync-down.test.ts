import type { FunctionRuntime } from '@tmc/adapters/lambda/runtime.ts';
import { createMemoryQueue } from '@tmc/adapters/memory/queue.ts';
import { createMemoryTable } from '@tmc/adapters/memory/table.ts';
import { createSender } from '@tmc/adapters/queue/send.ts';
import { decisionKey, targetFactsKey } from '@tmc/adapters/table/keys.ts';
import { retryError } from '@tmc/kernel/errors.ts';
import { MemoryServer } from '@tmc/sync/testing/memory-server.ts';
import { decide, deploymentOf, keyOf, NS, targetNamed, WS } from '@tmc/sync/testing/world.ts';
import type { Context, SQSEvent } from 'aws-lambda';
import { describe, expect, it } from 'vitest';
import { syncDown } from './sync-down.ts';

const east = targetNamed('east');
const web = keyOf('deployments', 'web');

/** The function as the host and Lambda run it, with a hub in memory and a member that always fails. */
async function failingWorld() {
  const clock = () => 1_000_000;
  let id = 0;
  const ids = () => `id-${++id}`;
  const table = createMemoryTable();
  const decision = decide([east]);
  await table.write({ op: 'put', key: targetFactsKey(east.key), data: { value: east as never } });
  await table.write({ op: 'put', key: decisionKey(WS, NS, decision.policy), data: { decision: decision as never } });
  const make = (name: 'sync' | 'placement' | 'status' | 'recovery') => createMemoryQueue({ name, clock, ids });
  const queues = {
    sync: make('sync'),
    placement: make('placement'),
    status: make('status'),
    recovery: make('recovery'),
  };
  const hub = new MemoryServer();
  const fail = () => Promise.reject(retryError('PATCH deployments/web: 500', { type: 'ClusterUnreachable' }));
  const member = { get: fail, list: fail, apply: fail, delete: fail };
  const counted: Record<string, string>[] = [];
  const quiet = () => undefined;
  const runtime: FunctionRuntime = {
    hub: hub.hub,
    member: () => member,
    workspaceName: (workspace) => workspace,
    table,
    queues,
    send: createSender(queues),
    clock,
    ids,
    random: () => 0,
    log: { debug: quiet, info: quiet, warn: quiet, error: quiet },
    meter: { count: (_name, labels) => void counted.push(labels), observe: quiet },
    settings: { sourceClusterName: 'hub', epoch: 1, heartbeatThresholdMs: 10_000 },
  };
  return { hub, queue: queues.sync, counted, invoke: syncDown(runtime) };
}

describe('sync-down', () => {
  it('parks what a member refuses for ever at the fifth receive, with the reason, and tells the user', async () => {
    const { hub, queue, counted, invoke } = await failingWorld();
    const { metadata } = hub.put(web, deploymentOf('web'));
    const source = { kind: 'hub', id: 'hub', relay: 'r', epoch: 1 };
    const { uid, resourceVersion: rv } = metadata;
    const envelope = { v: 1, id: 'm', at: 1_000_000, source, key: web, uid, rv, change: 'upsert' };
    await queue.send([{ body: JSON.stringify(envelope), group: WS }]);
    const context = { getRemainingTimeInMillis: () => 10_000 } as Context;
    const options = { max: 10, visibilityMs: 60_000, waitMs: 0, signal: new AbortController().signal };
    for (let receive = 1; receive <= 5; receive += 1) {
      const [message] = await queue.receive(options);
      expect(message?.receiveCount).toBe(receive);
      const attributes = { ApproximateReceiveCount: String(receive), SentTimestamp: '1000000', MessageGroupId: WS };
      const record = { messageId: message?.id, receiptHandle: message?.receipt, body: message?.body, attributes };
      const { batchItemFailures } = await invoke({ Records: [record] } as unknown as SQSEvent, context);
      expect(batchItemFailures).toHaveLength(receive < 5 ? 1 : 0);
      await queue.changeVisibility([{ receipt: message?.receipt ?? '', afterMs: 0 }]);
    }
    expect(await queue.depth()).toEqual({ visible: 0, inFlight: 0, delayed: 0, dead: 1 });
    const [dead] = await queue.listDead();
    expect(dead?.reason).toMatch(/^given up after 5 attempts: east: PATCH deployments\/web: 500$/);
    expect(counted.map(({ outcome }) => outcome)).toEqual(['again', 'again', 'again', 'again', 'park']);
    const { conditions } = { ...hub.find(web) }['status'] as unknown as { conditions: object[] };
    expect(conditions).toMatchObject([
      { type: 'workload.kcp.io/Synced', status: 'False', reason: 'SyncFailed' },
      { type: 'workload.kcp.io/Stalled', status: 'True', reason: 'GivenUp', message: dead?.reason },
    ]);
  });
});
