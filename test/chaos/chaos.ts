import { cpSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createCheckpointStore } from '@tmc/adapters/table/checkpoint-store.ts';
import { systemSleep } from '@tmc/kernel/clock.ts';
import { type SeededRandom, seededRandom } from '@tmc/testkit/random.ts';
import { until } from '../real/harness/process.ts';
import { audit, compare, type Holdings, readServer } from './comparison.ts';
import { type Consumer, type ConsumerAnswer, holdsSecret, startConsumer } from './consumer-protocol.ts';
import { type Load, startLoad } from './load.ts';
import { ENDPOINT, WORKSPACE } from './names.ts';
import { larger, type Memory, prepareRelay, type RelayUnderTest } from './relay-process.ts';
import { compact, revisionOf, type Servers, startServers } from './servers.ts';

/** What was done to the relay and its surroundings. */
type Disturbances = {
  kills: number;
  /** SIGSTOP for longer than the watch window, then SIGCONT. */
  stops: number;
  stalls: number;
  halfOpens: number;
  cuts: number;
  compactions: number;
  apiRestarts: number;
  outages: number;
  /** The server was set back to an older state. */
  restores: number;
};

/** One run: servers, writers, consumer, relays, and what was counted. */
export type Chaos = {
  readonly servers: Servers;
  readonly load: Load;
  readonly relay: RelayUnderTest;
  /** A second relay of the same source; both elect. */
  readonly pair: readonly [RelayUnderTest, RelayUnderTest];
  readonly random: SeededRandom;
  readonly done: Disturbances;
  ask(): Promise<ConsumerAnswer>;
  /** Ends the load and waits until the consumer believes what the server holds; how long that took. @throws Error saying where they differ. */
  settle(): Promise<number>;
  /** While no relay runs: everything below the checkpoints is with the consumer; how much that is. @throws Error naming what is not. */
  auditCheckpoints(): Promise<number>;
  compact(): Promise<void>;
  /** SIGKILL of the API server; it is back when this resolves. */
  restartApiServer(): Promise<void>;
  /** Up to which revision of ConfigMaps the relay recorded everything as delivered in the present epoch; 0: nothing yet. */
  checkpoint(): Promise<bigint>;
  /** Everything the server holds now, to set it back to; its revision. */
  backUp(): Promise<bigint>;
  /** Sets the server back: revisions start over from then. It is up again when this resolves. */
  restore(): Promise<void>;
  /** Of the source, as the table has it: how often the relay noticed that revisions started over. */
  epoch(): Promise<number>;
  /** Counter of all relays and lives, summed over samples whose name and labels match. */
  counted(pattern: RegExp): number;
  /** Looks at the metrics of ready relays, and the series one of them lacked. */
  looks(): { readonly ready: number; readonly lacking: readonly string[] };
  /** Largest memory of a relay since the last call. */
  takePeak(): Memory;
  logs(): string;
  close(): Promise<void>;
};

/** Longest time until the consumer believes what the server holds. Half-open links are noticed within 20 s. */
const SETTLE_MS = 60_000;
/** How long the comparison must stay equal: nothing wrong comes after it. */
const STEADY_MS = 1_000;

/** Starts everything except the relays. */
export async function openChaos({ seed, bundle }: { seed: number; bundle: string }): Promise<Chaos> {
  const servers = await startServers();
  const stops: (() => Promise<void>)[] = [servers.stop];
  const close = async () => {
    for (const end of stops.splice(0).reverse()) await end();
  };
  try {
    const { endpoint, urls } = servers.queues;
    const consumer = startConsumer({ endpoint, queues: Object.values(urls), seed: seed + 1 });
    stops.push(consumer.stop);
    const prepare = async (name: string, election: boolean) => {
      const relay = await prepareRelay({ servers, bundle, name, election });
      stops.push(relay.close.bind(relay));
      return relay;
    };
    const relay = await prepare('relay', false);
    const pair = [await prepare('relay-a', true), await prepare('relay-b', true)] as const;
    const load = await startLoad(servers.api, seededRandom(seed + 2));
    stops.push(load.stop.bind(load));
    return new Run({ servers, consumer, load, relay, pair, random: seededRandom(seed), close });
  } catch (error) {
    await close();
    throw error;
  }
}

type Parts = Pick<Chaos, 'servers' | 'load' | 'relay' | 'pair' | 'random' | 'close'> & { readonly consumer: Consumer };

class Run implements Chaos {
  readonly servers: Servers;
  readonly load: Load;
  readonly relay: RelayUnderTest;
  readonly pair: readonly [RelayUnderTest, RelayUnderTest];
  readonly random: SeededRandom;
  readonly close: () => Promise<void>;
  readonly done: Disturbances = {
    kills: 0,
    stops: 0,
    stalls: 0,
    halfOpens: 0,
    cuts: 0,
    compactions: 0,
    apiRestarts: 0,
    outages: 0,
    restores: 0,
  };
  readonly #consumer: Consumer;

  constructor({ servers, consumer, load, relay, pair, random, close }: Parts) {
    [this.servers, this.#consumer, this.load, this.relay, this.pair] = [servers, consumer, load, relay, pair];
    [this.random, this.close] = [random, close];
  }

  ask(): Promise<ConsumerAnswer> {
    return this.#consumer.ask();
  }

  async settle(): Promise<number> {
    await this.load.pause();
    const startedMs = Date.now();
    const server = await readServer(this.servers.api);
    await until('the consumer to believe what the server holds', () => this.#missing(server), SETTLE_MS);
    const tookMs = Date.now() - startedMs;
    await systemSleep(STEADY_MS, new AbortController().signal);
    const later = await this.#missing(await readServer(this.servers.api));
    if (later !== undefined) throw new Error(`the consumer believed what the server holds, but not for long: ${later}`);
    return tookMs;
  }

  async #missing(server: Holdings): Promise<string | undefined> {
    for (const relay of [this.relay, ...this.pair]) {
      const end = relay.ended();
      if (end !== undefined) throw new Error(`${relay.name} ended by itself: ${end}`);
    }
    const found = compare((await this.ask()).entries, server);
    return found.length === 0 ? undefined : `${found.length} differences:\n  ${found.slice(0, 20).join('\n  ')}`;
  }

  async auditCheckpoints(): Promise<number> {
    const server = await readServer(this.servers.api);
    await until('the consumer to drain its queues', async () => {
      const { waiting } = await this.ask();
      return waiting === 0 ? undefined : `${waiting} messages wait`;
    });
    const { lost, covered } = await audit(this.servers.table, (await this.ask()).entries, server);
    if (lost.length > 0)
      throw new Error(`below the checkpoint, but never delivered:\n  ${lost.slice(0, 20).join('\n  ')}`);
    if (covered === 0) throw new Error('no object lies below a checkpoint: nothing was audited');
    return covered;
  }

  async compact(): Promise<void> {
    await compact(this.servers.etcd);
    this.done.compactions += 1;
  }

  async restartApiServer(): Promise<void> {
    await this.servers.api.kill();
    await this.servers.api.start();
    this.done.apiRestarts += 1;
  }

  async checkpoint(): Promise<bigint> {
    const store = createCheckpointStore(this.servers.table);
    const found = await store.load({ source: WORKSPACE, endpoint: ENDPOINT, resource: 'configmaps' });
    // One of an older epoch speaks of another history, and may be higher.
    return found?.epoch === (await this.epoch()) ? BigInt(found.rv) : 0n;
  }

  async backUp(): Promise<bigint> {
    const { etcd, folder } = this.servers;
    const revision = await revisionOf(etcd);
    await etcd.kill();
    cpSync(etcd.dataFolder, join(folder, 'backup'), { recursive: true });
    await etcd.start();
    return revision;
  }

  async restore(): Promise<void> {
    const { etcd, api, folder } = this.servers;
    await api.kill();
    await etcd.kill();
    rmSync(etcd.dataFolder, { recursive: true });
    renameSync(join(folder, 'backup'), etcd.dataFolder);
    await etcd.start();
    await api.start();
    this.done.restores += 1;
  }

  epoch(): Promise<number> {
    return createCheckpointStore(this.servers.table).loadEpoch(WORKSPACE);
  }

  counted(pattern: RegExp): number {
    let sum = 0;
    for (const relay of [this.relay, ...this.pair]) {
      for (const [name, value] of relay.totals()) if (pattern.test(name)) sum += value;
    }
    return sum;
  }

  looks(): { readonly ready: number; readonly lacking: readonly string[] } {
    const looks = [this.relay, ...this.pair].map((relay) => relay.looks());
    return {
      ready: looks.reduce((sum, { ready }) => sum + ready, 0),
      lacking: [...new Set(looks.flatMap(({ lacking }) => lacking))],
    };
  }

  takePeak(): Memory {
    return larger([this.relay, ...this.pair].map((relay) => relay.takePeak()));
  }

  logs(): string {
    return [this.relay, ...this.pair].map(({ logPath }) => readLog(logPath)).join('\n');
  }
}

function readLog(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    // Never started.
    return '';
  }
}

/** Keeps what helps to find out why a run failed. Returns where. */
export async function keepEvidence(chaos: Chaos, folder: string): Promise<string> {
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'relay.log'), chaos.logs());
  writeFileSync(join(folder, 'consumer.json'), JSON.stringify(await chaos.ask().catch(String), null, 1));
  const server = await readServer(chaos.servers.api).catch(String);
  writeFileSync(
    join(folder, 'server.json'),
    JSON.stringify(typeof server === 'string' ? server : [...server], null, 1),
  );
  return folder;
}

/** True when a relay's log holds the value of a Secret. */
export function logsHoldSecret(chaos: Chaos): boolean {
  return holdsSecret(chaos.logs());
}
