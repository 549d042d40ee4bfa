import { consumes, type HubRuntime } from '@tmc/adapters/lambda/runtime.ts';
import type { SqsFunction } from '@tmc/adapters/lambda/sqs-function.ts';
import { consumerFromEnvironment } from '@tmc/adapters/lambda/start-consumer.ts';
import { startConsumer } from '@tmc/adapters/lambda/start-hub.ts';
import { createRecoveryStore } from '@tmc/adapters/table/recovery-store.ts';
import { createRecover } from '@tmc/recovery/handle.ts';

/** Consumes `recovery`: heartbeats and ticks in, the health of targets out. */
export function recover(runtime: HubRuntime): SqsFunction {
  const { hub, clock, settings } = runtime;
  const store = createRecoveryStore(runtime.table);
  const { heartbeatThresholdMs } = settings;
  return consumes('recovery', runtime, createRecover({ hub, store, clock, heartbeatThresholdMs }));
}

export const handler = consumerFromEnvironment('recover', async (start) => recover(await startConsumer(start)));
