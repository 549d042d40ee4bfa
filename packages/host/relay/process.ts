import { systemClock } from '@tmc/kernel/clock.ts';
import { Registry } from 'prom-client';
import { type HttpEndpoints, startHttp } from '../http.ts';
import { exposeRelays } from '../relay-metrics.ts';
import { createLog } from '../telemetry.ts';
import { connectAws } from './aws.ts';
import type { RelayProcessConfig } from './config.ts';
import { RunningRelay } from './running.ts';
import { planSource } from './source.ts';

/** A relay that runs alone: one hub or one member, into SQS, checkpoints in DynamoDB. */
export type RelayProcess = {
  readonly endpoints: HttpEndpoints;
  /** What is missing before it is ready, empty when nothing is. */
  notReady(): readonly string[];
  /** Ends reading, sends what is on its way, saves the checkpoints. Calling it again returns the same promise. */
  stop(): Promise<void>;
};

/**
 * Starts the relay a configuration describes. Servers, queues and the table need not answer: they are tried until they do.
 * @throws TmcError ConfigurationError for a kubeconfig, Error for an address, that cannot be used.
 */
export async function startRelayProcess(config: RelayProcessConfig): Promise<RelayProcess> {
  const clock = systemClock;
  const log = createLog(config.log.level);
  const aws = connectAws(config);
  const connect = await planSource(config, { clock, log, table: aws.table });
  const running = new RunningRelay(config, { clock, log, aws });
  const health = { notReady: () => running.notReady(), details: async () => running.describe() };
  const endpoints = await startHttp(config.listen, health, exposeRelays(new Registry(), running.relays));
  log.info({ relay: running.name, health: endpoints.health, metrics: endpoints.metrics }, 'relay started');
  running.begin(connect);
  let stopping: Promise<void> | undefined;
  const stop = async () => {
    await running.stop();
    await endpoints.close();
  };
  return {
    endpoints,
    notReady: () => running.notReady(),
    stop: () => {
      stopping ??= stop();
      return stopping;
    },
  };
}
