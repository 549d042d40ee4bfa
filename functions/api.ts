import { openTable } from '@tmc/adapters/dynamo/client.ts';
import { apiRoutes } from '@tmc/adapters/lambda/api-routes.ts';
import { httpFunction } from '@tmc/adapters/lambda/http-function.ts';
import { handlerFromEnvironment, SETTINGS } from '@tmc/adapters/lambda/start.ts';
import { openQueues } from '@tmc/adapters/lambda/start-queues.ts';
import { createPlacementStore } from '@tmc/adapters/table/placement-store.ts';
import { createRecoveryStore } from '@tmc/adapters/table/recovery-store.ts';

/** Answers signed requests to its URL: what the fleet looks like, read only. */
export const handler = handlerFromEnvironment('api', ({ env, clock, ...telemetry }) => {
  const { table } = openTable(env.TMC_TABLE);
  const routes = apiRoutes({
    placement: createPlacementStore(table, { nowS: () => Math.floor(clock() / 1000) }),
    recovery: createRecoveryStore(table),
    queues: openQueues(env.TMC_QUEUES),
    clock,
    heartbeatThresholdMs: SETTINGS.heartbeatThresholdMs,
  });
  return httpFunction({ routes, clock, ...telemetry });
});
