import middy from '@middy/core';
import type { Clock } from '@tmc/kernel/clock.ts';
import type { LambdaHandler } from './start.ts';
import type { Log } from './telemetry.ts';

export type ScheduledFunctionOptions = {
  /** What is due. */
  readonly run: () => Promise<void>;
  readonly log: Log;
  readonly clock: Clock;
  readonly middlewares?: readonly middy.MiddlewareObj[];
};

/** A Lambda function that a schedule invokes. It throws what `run` throws: Lambda tries again, and counts the error that alarms go by. */
export function scheduledFunction({
  run,
  log,
  clock,
  middlewares = [],
}: ScheduledFunctionOptions): LambdaHandler<unknown, void> {
  const handler = async (): Promise<void> => {
    const startMs = clock();
    await run();
    log.info({ outcome: 'done', durationMs: clock() - startMs }, 'schedule kept');
  };
  // Lambda's own time-out is the deadline: nobody waits for an early answer.
  return middy<unknown, void>({ timeoutEarlyInMillis: 0 })
    .use([...middlewares])
    .handler(handler) as LambdaHandler<unknown, void>;
}
