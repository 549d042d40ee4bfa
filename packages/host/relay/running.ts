import { electionScope } from '@tmc/adapters/fleet/relay-ids.ts';
import type { Log } from '@tmc/adapters/lambda/telemetry.ts';
import { createSender } from '@tmc/adapters/queue/send.ts';
import { createCheckpointStore } from '@tmc/adapters/table/checkpoint-store.ts';
import { createLeaseStore } from '@tmc/adapters/table/lease-store.ts';
import { type Clock, systemSleep } from '@tmc/kernel/clock.ts';
import { isTmcError, messageOf } from '@tmc/kernel/errors.ts';
import { randomIds } from '@tmc/kernel/ids.ts';
import type { ElectionTerms } from '@tmc/leases/election.ts';
import { type Election, startElection } from '@tmc/leases/election-runner.ts';
import { type Relay, type RelayConfig, startRelay } from '@tmc/relay/main.ts';
import { backoffMs } from '@tmc/relay/timing.ts';
import { reportTo } from '../relay-reports.ts';
import type { AwsOutlets } from './aws.ts';
import { QUEUES_OF, type RelayProcessConfig } from './config.ts';
import { guarded, type RelayOutlets } from './guard.ts';
import { Outlet, watchedCheckpoints, watchQueues } from './outlets.ts';
import { missingOf, type ReadinessView } from './readiness.ts';
import type { ConnectedSource } from './source.ts';

/** What a stop may take beyond the relay's own: to hand the lease over, to close connections. */
const HAND_OVER_MS = 2_000;
const CONNECT_RETRY = { firstMs: 500, maxMs: 30_000 };

type Ports = { readonly clock: Clock; readonly log: Log; readonly aws: AwsOutlets };

/** One relay over its life in a process: not connected, perhaps standing for election, relaying, stopped. */
export class RunningRelay {
  readonly name: string;
  /** The relay by its name; empty while it does not relay. */
  readonly relays = new Map<string, Relay>();
  readonly #config: RelayProcessConfig;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #aws: AwsOutlets;
  readonly #queues: readonly Outlet[];
  readonly #table: Outlet;
  readonly #outlets: RelayOutlets;
  readonly #ended = new AbortController();
  #connecting: Promise<ConnectedSource | undefined> = Promise.resolve(undefined);
  #connected: ConnectedSource | undefined;
  #connectError: string | undefined;
  #election: Election | undefined;
  #stopFollowing = () => {};
  #stopping: Promise<void> | undefined;

  constructor(config: RelayProcessConfig, { clock, log, aws }: Ports) {
    this.#config = config;
    this.#clock = clock;
    this.#log = log;
    this.#aws = aws;
    this.name = config.name ?? (config.member ? `member-${config.member.name}` : 'hub');
    const watched = watchQueues(aws.queues, QUEUES_OF[config.hub ? 'hub' : 'member'], { clock, log });
    this.#queues = watched.outlets;
    this.#table = new Outlet('table', { clock, log });
    const outlets = {
      send: createSender(watched.queues),
      checkpoints: watchedCheckpoints(createCheckpointStore(aws.table), this.#table),
    };
    this.#outlets = config.election.enabled ? guarded(outlets, () => this.#election?.leads() === true) : outlets;
  }

  /** Connects, tried until it succeeds, then relays or stands for election. */
  begin(connect: () => Promise<ConnectedSource>): void {
    this.#connecting = this.#connect(connect);
    void this.#connecting.then((connected) => connected && this.#enter(connected));
  }

  notReady(): readonly string[] {
    return missingOf(this.#view());
  }

  /** What `/health` shows. */
  describe(): unknown {
    const { relay, nowMs: _now, ...view } = this.#view();
    return { ...view, metrics: relay?.metrics() };
  }

  stop(): Promise<void> {
    this.#stopping ??= this.#stop();
    return this.#stopping;
  }

  /** A leader drains while it still leads, then lets the next one follow. What hangs is left at the deadline: the process ends. */
  async #stop(): Promise<void> {
    this.#ended.abort();
    const deadline = new AbortController();
    const late = systemSleep(this.#config.drainMs + HAND_OVER_MS, deadline.signal).then(() => undefined);
    const connected = this.#connected ?? (await Promise.race([this.#connecting, late]));
    await Promise.race([this.#endRelay({ abandon: false }), late]);
    await Promise.race([this.#election?.stop(), late]);
    await Promise.race([connected?.close(), late]);
    deadline.abort();
    this.#aws.close();
    this.#log.info({ relay: this.name }, 'relay stopped');
  }

  #view(): ReadinessView {
    return {
      name: this.name,
      nowMs: this.#clock(),
      relay: this.relays.get(this.name),
      connectError: this.#connectError,
      connected: this.#connected !== undefined,
      sourceErrors: this.#connected?.problems() ?? [],
      election: this.#election?.state(),
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

  #enter(connected: ConnectedSource): void {
    if (this.#ended.signal.aborted) return;
    this.#connected = connected;
    const { enabled, ...terms } = this.#config.election;
    if (enabled) this.#stand(connected, terms);
    else this.#startRelay(connected);
  }

  #stand(connected: ConnectedSource, terms: ElectionTerms): void {
    const { kind, id } = connected.source;
    this.#election = startElection(
      {
        scope: electionScope(kind, id),
        holder: `${this.name}/${randomIds()}`,
        terms,
        elected: () => this.#elected(connected),
        lost: (reason) => this.#lost(reason),
      },
      {
        store: createLeaseStore(this.#aws.table),
        monotonicMs: () => performance.now(),
        clock: this.#clock,
        sleep: systemSleep,
        random: Math.random,
      },
    );
  }

  #elected(connected: ConnectedSource): void {
    this.#log.info({ relay: this.name }, 'elected: relays from now on');
    this.#startRelay(connected);
  }

  async #lost(reason: string): Promise<void> {
    this.#log.warn({ relay: this.name }, `no longer leads: ${reason}`);
    await this.#endRelay({ abandon: true });
  }

  #startRelay(connected: ConnectedSource): void {
    if (this.#ended.signal.aborted) return;
    const { heartbeatMs, antiEntropyMs, outbox, drainMs } = this.#config;
    // What was deleted while nobody watched is found by comparing facts with the complete list.
    const listMarks = this.#config.listMarks ?? (connected.source.kind === 'hub' ? 'control' : undefined);
    const config: RelayConfig = {
      relay: this.name,
      source: connected.source,
      resources: connected.resources(),
      limits: outbox,
      heartbeatMs,
      antiEntropyMs,
      drainMs,
      ...(listMarks && { listMarks }),
    };
    const relay = startRelay(config, {
      ...this.#outlets,
      sources: connected.sources(),
      workspaceOf: connected.workspaceOf,
      report: reportTo(this.#log, this.name),
      clock: this.#clock,
      sleep: systemSleep,
      ids: randomIds,
      random: Math.random,
    });
    this.#stopFollowing = connected.follow(relay);
    this.relays.set(this.name, relay);
  }

  async #endRelay(how: { readonly abandon: boolean }): Promise<void> {
    const relay = this.relays.get(this.name);
    this.#stopFollowing();
    await relay?.stop(how);
    this.relays.delete(this.name);
  }
}
