import { consumes, type HubRuntime } from '@tmc/adapters/lambda/runtime.ts';
import type { SqsFunction } from '@tmc/adapters/lambda/sqs-function.ts';
import { consumerFromEnvironment } from '@tmc/adapters/lambda/start-consumer.ts';
import { startConsumer } from '@tmc/adapters/lambda/start-hub.ts';
import { createPlacementStore } from '@tmc/adapters/table/placement-store.ts';
import { createPlace } from '@tmc/placement/handle.ts';
import { reportStalled } from '@tmc/placement/stalled.ts';

/** Consumes `placement`: control kinds and namespaces in, decisions out. */
export function place(runtime: HubRuntime): SqsFunction {
  const { hub, send, clock, ids } = runtime;
  const store = createPlacementStore(runtime.table, { nowS: () => Math.floor(clock() / 1000) });
  const handle = createPlace({ hub, store, send, clock, ids });
  return consumes('placement', runtime, handle, (envelope, reason) => reportStalled({ hub, clock }, envelope, reason));
}

export const handler = consumerFromEnvironment('place', async (start) => place(await startConsumer(start)));
