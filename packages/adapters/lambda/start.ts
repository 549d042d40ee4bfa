import { type Clock, systemClock } from '@tmc/kernel/clock.ts';
import type { Context } from 'aws-lambda';
import { type Environment, type FunctionName, readEnvironment } from './environment.ts';
import { createTelemetry, type Telemetry } from './powertools.ts';

/** What all installations on AWS have in common. */
export const SETTINGS = { sourceClusterName: 'kcp-virtual', heartbeatThresholdMs: 15_000 } as const;

/** What a function has before it reaches anybody. */
export type Start<Env> = Telemetry & { readonly env: Env; readonly clock: Clock };

export type LambdaHandler<Event, Answer> = (event: Event, context: Context) => Promise<Answer>;

/**
 * A Lambda handler that makes its function at the first invocation from the environment and keeps it. What fails is tried anew by
 * the next invocation: a hub that does not answer then may answer.
 * @throws TmcError ConfigurationError naming every variable that is missing or wrong.
 */
export function handlerFromEnvironment<Name extends FunctionName, Event, Answer>(
  name: Name,
  make: (start: Start<Environment<Name>>) => LambdaHandler<Event, Answer> | Promise<LambdaHandler<Event, Answer>>,
): LambdaHandler<Event, Answer> {
  let made: Promise<LambdaHandler<Event, Answer>> | undefined;
  const start = async () => {
    const env = readEnvironment(name, process.env);
    const { POWERTOOLS_LOG_LEVEL: level } = env as Environment<'api'>;
    return make({ env, clock: systemClock, ...createTelemetry(name, level) });
  };
  return async (event, context) => {
    made ??= start();
    const handler = await made.catch((error: unknown) => {
      made = undefined;
      throw error;
    });
    return handler(event, context);
  };
}
