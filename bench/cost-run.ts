import { paginateFilterLogEvents } from '@aws-sdk/client-cloudwatch-logs';
import { UpdateFunctionConfigurationCommand, waitUntilFunctionUpdatedV2 } from '@aws-sdk/client-lambda';
import type { RecordedCall } from '../test/aws/calls/call.ts';
import { configurationOf } from '../test/aws/functions.ts';
import { countOf } from '../test/aws/queues.ts';
import type { Servers, Simulators } from '../test/aws/servers.ts';
import type { System } from '../test/aws/system.ts';
import { until } from '../test/real/harness/process.ts';
import { type Invocation, invocationIn, lineBytes } from './cost-usage.ts';

/** Counts what a deployed system does while something happens to it. */

export type Deployed = System<Servers & { readonly simulators: Simulators }>;

/** What was counted: all calls through the recorder, all invocations and the bytes of log by function. */
export type Counted = {
  readonly calls: readonly RecordedCall[];
  readonly invocations: readonly Invocation[];
  readonly logBytes: Readonly<Record<string, number>>;
  readonly elapsedMs: number;
};

/** The level of production: a development stage says more. */
const LEVEL = 'INFO';

export async function logLess({ clients, deployment }: Deployed): Promise<void> {
  const client = clients.functions;
  for (const FunctionName of Object.values(deployment.functions)) {
    const { Environment } = await configurationOf(clients, FunctionName);
    const Variables = { ...Environment?.Variables, POWERTOOLS_LOG_LEVEL: LEVEL };
    await client.send(new UpdateFunctionConfigurationCommand({ FunctionName, Environment: { Variables } }));
    await waitUntilFunctionUpdatedV2({ client, minDelay: 1, maxWaitTime: 30 }, { FunctionName });
  }
}

/** Does it, waits until nothing more comes of it, and counts. `isDone` says what is missing from the effect. */
export async function count(
  system: Deployed,
  act: () => Promise<unknown>,
  isDone: () => Promise<string | undefined> = async () => undefined,
): Promise<Counted> {
  system.recorder.reset();
  const sinceMs = Date.now();
  await act();
  await until('the effect of what was done', isDone, DEADLINE_MS);
  const elapsedMs = Date.now() - sinceMs;
  await quiet(system);
  const calls = [...system.recorder.calls()];
  return { calls, elapsedMs, ...(await logged(system, sinceMs)) };
}

const DEADLINE_MS = 180_000;
const QUIET_MS = 1_500;

/** Waits until no queue has messages and nothing but signs of life has been called for a while. */
export async function quiet({ clients, deployment, recorder }: Deployed): Promise<void> {
  const { recovery, ...others } = deployment.queues;
  const lifeQueue = nameOf(recovery.url);
  const eventCalls = () =>
    recorder.calls().filter(({ identity, resource }) => identity !== 'recover' && !resource.endsWith(`:${lifeQueue}`))
      .length;
  let known = -1;
  let sinceMs = Date.now();
  await until(
    'the queues to be empty and nobody to call',
    async () => {
      const counts = await Promise.all(Object.values(others).map(({ url }) => countOf(clients, url)));
      const waiting = counts.reduce((sum, { visible, inFlight }) => sum + visible + inFlight, 0);
      if (waiting > 0 || eventCalls() !== known) {
        known = eventCalls();
        sinceMs = Date.now();
      }
      return Date.now() - sinceMs >= QUIET_MS ? undefined : `${waiting} messages wait, ${known} calls so far`;
    },
    DEADLINE_MS,
  );
}

/** Physical name of the queue at an address. */
export const nameOf = (url: string): string => new URL(url).pathname.split('/').at(-1) ?? '';

/** What the functions logged since a time, and the invocations that the platform's lines tell of. */
async function logged(
  { clients, deployment }: Deployed,
  sinceMs: number,
): Promise<Pick<Counted, 'invocations' | 'logBytes'>> {
  const invocations: Invocation[] = [];
  const logBytes: Record<string, number> = {};
  for (const [name, physical] of Object.entries(deployment.functions)) {
    const { LoggingConfig } = await configurationOf(clients, physical);
    const asked = { logGroupName: LoggingConfig?.LogGroup ?? `/aws/lambda/${physical}`, startTime: sinceMs };
    const client = clients.logs;
    let bytes = 0;
    for await (const { events = [] } of paginateFilterLogEvents({ client }, asked)) {
      for (const { message = '', timestamp = 0 } of events) {
        // Not every emulator filters by time.
        if (timestamp < sinceMs) continue;
        bytes += lineBytes(message);
        const durationMs = invocationIn(message);
        if (durationMs !== undefined) invocations.push({ function: name, durationMs });
      }
    }
    logBytes[name] = bytes;
  }
  return { invocations, logBytes };
}
