import type { FunctionRuntime } from '@tmc/adapters/lambda/runtime.ts';
import { createMemoryQueue } from '@tmc/adapters/memory/queue.ts';
import { createMemoryTable } from '@tmc/adapters/memory/table.ts';
import { createSender } from '@tmc/adapters/queue/send.ts';
import { retryError } from '@tmc/kernel/errors.ts';
import { createMemoryHub } from '@tmc/testkit/memory-hub.ts';
import type { Context, SQSEvent } from 'aws-lambda';
import { describe, expect, it } from 'vitest';
import { place } from './place.ts';

const key = { workspace: 'shop', group: 'scheduling.kcp.io', resource: 'placements', namespace: '', name: 'web' };

/** `place` while its table answers nothing. */
function placeWithoutTable() {
  let count = 0;
  const clock = () => 1_000_000;
  const ids = () => `id-${++count}`;
  const make = (name: string) => createMemoryQueue({ name, clock, ids });
  const queues = {
    sync: make('sync'),
    placement: make('placement'),
    status: make('status'),
    recovery: make('recovery'),
  };
  const hub = createMemoryHub();
  const fail = () => Promise.reject(retryError('Query of table tmc: throttled', { type: 'NetworkConnectivity' }));
  const quiet = () => undefined;
  const runtime: FunctionRuntime = {
    hub,
    member: () => undefined,
    workspaceName: (workspace) => workspace,
    table: { ...createMemoryTable(), get: fail, query: fail },
    queues,
    send: createSender(queues),
    clock,
    ids,
    random: () => 0,
    log: { debug: quiet, info: quiet, warn: quiet, error: quiet },
    meter: { count: quiet, observe: quiet },
    settings: { sourceClusterName: 'hub', epoch: 1, heartbeatThresholdMs: 10_000 },
  };
  return { hub, invoke: place(runtime) };
}

describe('place', () => {
  it('tells the user of a policy it gives up', async () => {
    const { hub, invoke } = placeWithoutTable();
    const { metadata } = hub.put(key, {
      apiVersion: 'scheduling.kcp.io/v1alpha1',
      kind: 'Placement',
      metadata: { name: 'web' },
      spec: {},
    });
    const { uid = '', resourceVersion: rv = '' } = metadata;
    const source = { kind: 'hub', id: 'hub', relay: 'r', epoch: 1 };
    const body = JSON.stringify({ v: 1, id: 'm', at: 1_000_000, source, key, uid, rv, change: 'upsert' });
    const attributes = { ApproximateReceiveCount: '5', SentTimestamp: '1000000', MessageGroupId: 'shop' };
    const event = { Records: [{ messageId: 'm', receiptHandle: 'r', body, attributes }] } as unknown as SQSEvent;
    const context = { getRemainingTimeInMillis: () => 10_000 } as Context;
    expect(await invoke(event, context)).toEqual({ batchItemFailures: [] });
    expect((await hub.get(key))?.['status']).toMatchObject({
      conditions: [
        {
          type: 'workload.kcp.io/Stalled',
          status: 'True',
          reason: 'GivenUp',
          message: 'given up after 5 attempts: Query of table tmc: throttled',
        },
      ],
    });
  });
});
