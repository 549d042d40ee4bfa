import { scheduledFunction } from '@tmc/adapters/lambda/scheduled-function.ts';
import { handlerFromEnvironment } from '@tmc/adapters/lambda/start.ts';
import { startHub } from '@tmc/adapters/lambda/start-hub.ts';
import { createRecoveryStore } from '@tmc/adapters/table/recovery-store.ts';
import { createSweep } from '@tmc/recovery/handle.ts';

/** Runs each minute behind the ticks of the hub relay: targets are judged although no relay lives to ask for it. */
export const handler = handlerFromEnvironment('sweep', async (start) => {
  const { hub, table, clock, settings, ...telemetry } = await startHub(start);
  const { heartbeatThresholdMs } = settings;
  const run = createSweep({ hub, store: createRecoveryStore(table), clock, heartbeatThresholdMs });
  return scheduledFunction({ run, clock, ...telemetry });
});
