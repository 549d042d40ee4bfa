import { consumes, type FunctionRuntime } from '@tmc/adapters/lambda/runtime.ts';
import type { SqsFunction } from '@tmc/adapters/lambda/sqs-function.ts';
import { consumerFromEnvironment } from '@tmc/adapters/lambda/start-consumer.ts';
import { startFleet } from '@tmc/adapters/lambda/start-members.ts';
import { createSyncStore } from '@tmc/adapters/table/sync-store.ts';
import { createSyncDown } from '@tmc/sync/handle.ts';
import { reportStalled } from '@tmc/sync/report.ts';

/** Consumes `sync`: workloads in, copies in members out. */
export function syncDown(runtime: FunctionRuntime): SqsFunction {
  const { hub, member, send, clock, ids, random, workspaceName } = runtime;
  const settings = { ...runtime.settings, workspaceName };
  const store = createSyncStore(runtime.table);
  const handle = createSyncDown({ hub, member, store, send, clock, ids, random, settings });
  return consumes('sync', runtime, handle, (envelope, reason) => reportStalled({ hub, clock }, envelope, reason));
}

export const handler = consumerFromEnvironment('sync-down', async (start) => syncDown(await startFleet(start)));
