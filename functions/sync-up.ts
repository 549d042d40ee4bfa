import { consumes, type FunctionRuntime } from '@tmc/adapters/lambda/runtime.ts';
import type { SqsFunction } from '@tmc/adapters/lambda/sqs-function.ts';
import { consumerFromEnvironment } from '@tmc/adapters/lambda/start-consumer.ts';
import { startFleet } from '@tmc/adapters/lambda/start-members.ts';
import { createSyncStore } from '@tmc/adapters/table/sync-store.ts';
import { createSyncUp } from '@tmc/sync/handle-up.ts';

/** Consumes `status`: states of copies in, status in the hub and repairs out. */
export function syncUp(runtime: FunctionRuntime): SqsFunction {
  const { hub, member, send, clock, ids, random, workspaceName } = runtime;
  const settings = { ...runtime.settings, workspaceName };
  const store = createSyncStore(runtime.table);
  return consumes('status', runtime, createSyncUp({ hub, member, store, send, clock, ids, random, settings }));
}

export const handler = consumerFromEnvironment('sync-up', async (start) => syncUp(await startFleet(start)));
