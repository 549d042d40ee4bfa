import type { Log } from '@tmc/adapters/lambda/telemetry.ts';
import { createSender } from '@tmc/adapters/queue/send.ts';
import { createCheckpointStore } from '@tmc/adapters/table/checkpoint-store.ts';
import { type Clock, systemClock, systemSleep } from '@tmc/kernel/clock.ts';
import { isTmcError, messageOf } from '@tmc/kernel/errors.ts';
import { randomIds } from '@tmc/kernel/ids.ts';
import type { Relay, RelayConfig, RelayPorts, SourceReport } from '@tmc/relay/main.ts';
import { startRelay } from '@tmc/relay/main.ts';
import { backoffMs } from '@tmc/relay/timing.ts';
import { type HttpEndpoints, startHttp } from '../http.ts';
import { exposeRelays } from '../relay-metrics.ts';
import { createLog, createMeter } from '../telemetry.ts';
import { type AwsOutlets, connectAws } from './aws.ts';
import { QUEUES_OF, type RelayProcessConfig } from './config.ts';
import { Outlet, watchedCheckpoints, watchQueues } from './outlets.ts';
import { missingOf, type ReadinessView } from './readiness.ts';
import { type ConnectedSource, planSource } from './source.ts';

/** A relay that runs alone: one hub or one member, into SQS, checkpoints in DynamoDB. */
export type RelayProcess = {
  readonly endpoints: HttpEndpoints;
  /** What is missing before it is ready, empty when nothing is. */
  notReady(): readonly string[];
  /** Ends reading, sends what is on its way, saves the checkpoints. Calling it again returns the same promise. */
  stop(): Promise<void>;
};

const CONNECT_RETRY = { firstMs: 500, maxMs: 30_000 };

/**
 * Starts the relay a configuration describes. Servers, queues and the table need not answer: they are tried until they do.
 * @throws TmcError ConfigurationError for a kubeconfig, Error for an address, that cannot be used.
 */
export async function startRelayProcess(config: RelayProcessConfig): Promise<RelayProcess> {
  const clock = systemClock;
  const log = createLog(config.log.level);
  const connect = await planSource(config, clock);
  const running = new Running(config, { clock, log, aws: connectAws(config) });
  const { registry } = createMeter();
  const relays = exposeRelays(registry, running.relays);
  const health = { notReady: () => running.notReady(), details: async () => running.describe() };
  const endpoints = await startHttp(config.listen, health, relays);
  log.info({ relay: running.name, health: endpoints.health, metrics: endpoints.metrics }, 'relay started');
  running.begin(connect);
  return {
    endpoints,
    notReady: () => running.notReady(),
    stop: async () => {
      await running.stop();
      await endpoints.close();
    },
  };
}

class Running {
  readonly name: string;
  /** The relay by its name, empty until the source is connected. */
  readonly relays = new Map<string, Relay>();
  readonly #config: RelayProcessConfig;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #aws: AwsOutlets;
  readonly #queues: readonly Outlet[];
  readonly #table: Outlet;
  readonly #ports: Pick<RelayPorts, 'send' | 'checkpoints' | 'clock' | 'sleep' | 'ids' | 'random'>;
  readonly #ended = new AbortController();
  #connecting: Promise<ConnectedSource | undefined> = Promise.resolve(undefined);
  #connectError: string | undefined;
  #stopping: Promise<void> | undefined;

  constructor(config: RelayProcessConfig, { clock, log, aws }: { clock: Clock; log: Log; aws: AwsOutlets }) {
    this.#config = config;
    this.#clock = clock;
    this.#log = log;
    this.#aws = aws;
    this.name = config.name ?? (config.member ? `member-${config.member.name}` : 'hub');
    const watched = watchQueues(aws.queues, QUEUES_OF[config.hub ? 'hub' : 'member'], { clock, log });
    this.#queues = watched.outlets;
    this.#table = new Outlet('table', { clock, log });
    this.#ports = {
      send: createSender(watched.queues),
      checkpoints: watchedCheckpoints(createCheckpointStore(aws.table), this.#table),
      clock,
      sleep: systemSleep,
      ids: randomIds,
      random: Math.random,
    };
  }

  begin(connect: () => Promise<ConnectedSource>): void {
    this.#connecting = this.#connect(connect);
    void this.#connecting.then((connected) => connected && this.#start(connected));
  }

  notReady(): readonly string[] {
    return missingOf(this.#view());
  }

  describe(): unknown {
    const { relay, ...view } = this.#view();
    return { ...view, metrics: relay?.metrics() };
  }

  stop(): Promise<void> {
    this.#stopping ??= this.#stop();
    return this.#stopping;
  }

  async #stop(): Promise<void> {
    this.#ended.abort();
    const connected = await this.#connecting;
    connected?.onSources(() => undefined);
    await Promise.all([...this.relays.values()].map((relay) => relay.stop()));
    await connected?.close();
    this.#aws.close();
    this.#log.info({ relay: this.name }, 'relay stopped');
  }

  #view(): ReadinessView {
    return {
      name: this.name,
      nowMs: this.#clock(),
      relay: this.relays.get(this.name),
      connectError: this.#connectError,
      queues: this.#queues.map((queue) => queue.state()),
      table: this.#table.state(),
    };
  }

  async #connect(connect: () => Promise<ConnectedSource>): Promise<ConnectedSource | undefined> {
    for (let failures = 1; !this.#ended.signal.aborted; failures += 1) {
      try {
        const connected = await connect();
        this.#connectError = undefined;
        return connected;
      } catch (error) {
        this.#connectFailed(error);
        await systemSleep(backoffMs(failures, CONNECT_RETRY, Math.random), this.#ended.signal);
      }
    }
    return undefined;
  }

  #connectFailed(error: unknown): void {
    const reason = messageOf(error);
    if (reason === this.#connectError) return;
    this.#connectError = reason;
    const hint = isTmcError(error) ? error.facts.hint : undefined;
    this.#log.warn({ relay: this.name, ...(hint !== undefined && { hint }) }, `cannot connect yet: ${reason}`);
  }

  #report({ endpoint, resource, state, message, hint }: SourceReport): void {
    const fields = { relay: this.name, endpoint, resource, state, ...(hint !== undefined && { hint }) };
    if (message === undefined) this.#log.info(fields, `${resource} at ${endpoint} is ${state} again`);
    else this.#log.warn(fields, `${resource} at ${endpoint} is ${state}: ${message}`);
  }

  #start(connected: ConnectedSource): void {
    if (this.#ended.signal.aborted) return;
    const { heartbeatMs, antiEntropyMs, outbox, drainMs } = this.#config;
    // What was deleted while nobody watched is found by comparing facts with the complete list.
    const listMarks = this.#config.listMarks ?? (connected.source.kind === 'hub' ? 'control' : undefined);
    const config: RelayConfig = {
      relay: this.name,
      source: connected.source,
      resources: connected.resources,
      limits: outbox,
      heartbeatMs,
      drainMs,
      antiEntropyMs,
      ...(listMarks && { listMarks }),
    };
    const relay = startRelay(config, {
      ...this.#ports,
      sources: connected.sources(),
      workspaceOf: connected.workspaceOf,
      report: (report) => this.#report(report),
    });
    connected.onSources((sources) => relay.setSources(sources));
    this.relays.set(this.name, relay);
  }
}
