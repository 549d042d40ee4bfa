import { redriveFunction } from '@tmc/adapters/lambda/redrive-function.ts';
import { handlerFromEnvironment } from '@tmc/adapters/lambda/start.ts';
import { openQueues } from '@tmc/adapters/lambda/start-queues.ts';

/** Invoked by operators: `{queue, list: true}` tells of dead letters, `{queue, ids?, limit?}` sends them again. */
export const handler = handlerFromEnvironment('redrive', ({ env, ...telemetry }) =>
  redriveFunction({ queues: openQueues(env.TMC_QUEUES), ...telemetry }),
);
