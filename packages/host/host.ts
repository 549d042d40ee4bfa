import { connectFleet, type Fleet } from '@tmc/adapters/fleet/connect.ts';
import { installApis } from '@tmc/adapters/fleet/install.ts';
import { readKubeconfigs } from '@tmc/adapters/fleet/kubeconfigs.ts';
import type { FunctionRuntime } from '@tmc/adapters/lambda/runtime.ts';
import { createSender } from '@tmc/adapters/queue/send.ts';
import { type Clock, systemClock } from '@tmc/kernel/clock.ts';
import { isTmcError, TmcError } from '@tmc/kernel/errors.ts';
import { type Ids, type Random, randomIds } from '@tmc/kernel/ids.ts';
import type { HostConfig } from './config.ts';
import { type RunningFunctions, startFunctions } from './functions.ts';
import { type HttpEndpoints, startHttp } from './http.ts';
import { type RunningRelays, startRelays } from './relays.ts';
import { openStorage, type Storage } from './storage.ts';
import { createLog, createMeter } from './telemetry.ts';

/** A running embedded host: relays, queues, functions and state in this process. */
export type Host = {
  readonly endpoints: HttpEndpoints;
  /** What is missing before everything is up, empty when nothing is. */
  notReady(): readonly string[];
  /** Resolves when every source was listed; @throws Error naming what is missing after the deadline. */
  ready(deadlineMs?: number): Promise<void>;
  /** Drains: relays first, then what they sent, then the state. Calling it again returns the same promise. */
  stop(): Promise<void>;
};

/** What tests and benchmarks may replace or look into; a host of users needs none of it. */
export type HostOptions = {
  readonly clock?: Clock;
  readonly ids?: Ids;
  readonly random?: Random;
  /** Wraps the runtime before functions are made from it, to measure or to disturb. */
  readonly wrapRuntime?: (runtime: FunctionRuntime) => FunctionRuntime;
};

/**
 * Starts the host a configuration describes.
 * @throws TmcError when the state file, a kubeconfig or an address cannot be used; whatever was started by then is stopped again.
 */
export async function startHost(config: HostConfig, options: HostOptions = {}): Promise<Host> {
  const started: (() => Promise<void> | void)[] = [];
  try {
    return await assemble(config, options, started);
  } catch (error) {
    for (const stop of started.reverse()) await stop();
    throw error;
  }
}

async function assemble(
  config: HostConfig,
  options: HostOptions,
  started: (() => Promise<void> | void)[],
): Promise<Host> {
  const { clock = systemClock, ids = randomIds, random = Math.random, wrapRuntime = (r) => r } = options;
  const log = createLog(config.log.level);
  const meter = createMeter();
  const storage = openStorage(config.state.path, { clock, ids });
  started.push(() => storage.close());
  const plan = await readKubeconfigs(config);
  const fleet = await atHub(config.hub.kubeconfig, async () => {
    if (config.hub.installApis) await installApis(plan.hub);
    return connectFleet(plan, { clock });
  });
  started.push(() => fleet.close());
  const send = createSender(storage.queues);
  const runtime = wrapRuntime({
    ...fleet,
    ...storage,
    send,
    clock,
    ids,
    random,
    log,
    meter,
    settings: {
      sourceClusterName: config.sourceClusterName,
      epoch: fleet.epoch,
      heartbeatThresholdMs: config.heartbeat.thresholdMs,
    },
  });
  const functions = startFunctions(runtime);
  started.push(() => functions.stop());
  const relays = startRelays({ config, fleet, table: storage.table, send, clock, ids, random, log });
  started.push(() => relays.stop());
  const health = { notReady: () => relays.notReady(), details: () => describe(relays, storage) };
  const registry = relays.register(meter.registry);
  const endpoints = await startHttp(config.listen, health, registry);
  started.push(() => endpoints.close());
  log.info({ health: endpoints.health, metrics: endpoints.metrics, members: config.members.length }, 'host started');
  return running({ endpoints, relays, functions, fleet, storage });
}

/** Says which server a failed start is about: the texts of requests name only what was asked. */
async function atHub<T>(kubeconfig: string, step: () => Promise<T>): Promise<T> {
  try {
    return await step();
  } catch (error) {
    if (!isTmcError(error)) throw error;
    throw new TmcError(error.kind, `hub of ${kubeconfig}: ${error.message}`, { ...error.facts, cause: error });
  }
}

type Parts = {
  endpoints: HttpEndpoints;
  relays: RunningRelays;
  functions: RunningFunctions;
  fleet: Fleet;
  storage: Storage;
};

function running({ endpoints, relays, functions, fleet, storage }: Parts): Host {
  let stopping: Promise<void> | undefined;
  const stop = async () => {
    await relays.stop();
    await functions.stop();
    await fleet.close();
    storage.close();
    await endpoints.close();
  };
  return {
    endpoints,
    notReady: () => relays.notReady(),
    ready: (deadlineMs = 30_000) => waitReady(relays, deadlineMs),
    stop: () => {
      stopping ??= stop();
      return stopping;
    },
  };
}

async function waitReady(relays: RunningRelays, deadlineMs: number): Promise<void> {
  const startedAt = performance.now();
  for (;;) {
    const missing = relays.notReady();
    if (missing.length === 0) return;
    if (performance.now() - startedAt > deadlineMs) {
      throw new Error(`the host is not ready after ${deadlineMs / 1000} s: ${missing.join('; ')}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

/** The page of `/health`: every source with its state, every queue with its depth. */
async function describe(relays: RunningRelays, { queues }: Storage): Promise<unknown> {
  const depths = await Promise.all(
    Object.entries(queues).map(async ([name, queue]) => [name, await queue.depth()] as const),
  );
  return { relays: relays.describe(), queues: Object.fromEntries(depths) };
}
