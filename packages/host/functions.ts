import type { FunctionRuntime } from '@tmc/adapters/lambda/runtime.ts';
import type { SqsFunction } from '@tmc/adapters/lambda/sqs-function.ts';
import type { QueueName } from '@tmc/kernel/envelope.ts';
import { place } from '../../functions/place.ts';
import { recover } from '../../functions/recover.ts';
import { syncDown } from '../../functions/sync-down.ts';
import { syncUp } from '../../functions/sync-up.ts';
import { startEventSource } from './event-source.ts';

/** Which function consumes which queue, how long one invocation may take and how many full batches are under way at once. */
const CONSUMERS: Readonly<
  Record<QueueName, { make: (runtime: FunctionRuntime) => SqsFunction; timeoutMs: number; concurrency: number }>
> = {
  placement: { make: place, timeoutMs: 10_000, concurrency: 4 },
  sync: { make: syncDown, timeoutMs: 10_000, concurrency: 8 },
  // Few: in a burst the copies come first, what they say of themselves can wait.
  status: { make: syncUp, timeoutMs: 10_000, concurrency: 1 },
  recovery: { make: recover, timeoutMs: 10_000, concurrency: 1 },
};

export type RunningFunctions = { stop(): Promise<void> };

/** Starts every function of the deployed system on this host's queues. */
export function startFunctions(runtime: FunctionRuntime): RunningFunctions {
  const sources = Object.entries(CONSUMERS).map(([name, { make, timeoutMs, concurrency }]) =>
    startEventSource({
      queue: runtime.queues[name as QueueName],
      handler: make(runtime),
      timeoutMs,
      concurrency,
      log: runtime.log,
    }),
  );
  return { stop: async () => void (await Promise.all(sources.map((source) => source.stop()))) };
}
