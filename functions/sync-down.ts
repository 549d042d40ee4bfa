import { handlerFromEnvironment } from '@tmc/adapters/lambda/environment.ts';
import { consumes, type FunctionRuntime } from '@tmc/adapters/lambda/runtime.ts';
import type { SqsFunction } from '@tmc/adapters/lambda/sqs-function.ts';
import { createSyncStore } from '@tmc/adapters/table/sync-store.ts';
import { createSyncDown } from '@tmc/sync/handle.ts';

/** Consumes `sync`: workloads in, copies in members out. */
export function syncDown(runtime: FunctionRuntime): SqsFunction {
  const { hub, member, send, clock, ids, random, settings } = runtime;
  const store = createSyncStore(runtime.table);
  return consumes('sync', runtime, createSyncDown({ hub, member, store, send, clock, ids, random, settings }));
}

export const handler = handlerFromEnvironment(syncDown);
