import { createWatchSource } from '@tmc/adapters/kube/watch.ts';
import { type ResourceType, resourceType } from '@tmc/apis/resources.ts';
import { KCP_CLUSTER_ANNOTATION } from '@tmc/kernel/object.ts';
import type { WatchSource } from '@tmc/kernel/ports.ts';
import { type Relay, startRelay } from '@tmc/relay/main.ts';
import { type SeededRandom, seededRandom } from '@tmc/testkit/random.ts';
import { SimConsumer } from './consumer.ts';
import type { History, KindName } from './history.ts';
import { Ledger } from './ledger.ts';
import { Network } from './network.ts';
import { SimProcess } from './process.ts';
import { SimQueue } from './queue.ts';
import { Scheduler } from './scheduler.ts';
import { SimServer } from './server.ts';
import { SimTable } from './table.ts';
import { type Endpoint, SimTransport } from './transport.ts';
import { Truth } from './truth.ts';

/** The wall clock at the start; virtual. */
const START_MS = 1_767_225_600_000;
/** Longest line of a watch that is read: small, so that a line may be too large. */
export const MAX_LINE_BYTES = 32 * 1024;
const SOURCE = 'hub-1';

/** One relay process with the ports it sees the world through. */
export type Running = { readonly process: SimProcess; readonly relay: Relay };

/** Everything of one run. Relays come and go; what is theirs goes through a {@link SimProcess}. */
export class World {
  readonly history: History;
  readonly scheduler = new Scheduler();
  readonly truth = new Truth();
  readonly servers: readonly SimServer[];
  readonly endpoints: readonly Endpoint[];
  readonly ledger: Ledger;
  readonly consumer: SimConsumer;
  readonly queue: SimQueue;
  readonly table: SimTable;
  readonly running = new Set<Running>();
  /** Those of them that were told to stop. */
  readonly ending = new Set<Running>();
  /** Endpoints and kinds that relays are to read at present. */
  readonly present: Set<Endpoint>;
  /** Servers that were not to be read for a while. */
  readonly away = new Set<number>();
  readonly kinds: Set<KindName>;
  /** By how much the relays' clock was set forwards. */
  skewMs = 0;
  log: ((line: string) => void) | undefined;
  #started = 0;
  #messageIds = 0;
  #tokens = 0;

  constructor(history: History) {
    this.history = history;
    const { shape } = history;
    const { scheduler } = this;
    this.servers = Array.from({ length: shape.endpoints }, (_, index) => new SimServer(index, this.truth));
    this.endpoints = this.servers.map((server, index) => ({
      name: `https://shard-${index}`,
      server,
      network: new Network({ scheduler, random: this.random(10 + index), ...shape }),
      nextToken: () => {
        this.#tokens += 1;
        return `t${this.#tokens}`;
      },
      lists: new Map(),
    }));
    this.present = new Set(this.endpoints);
    this.kinds = new Set(shape.kinds);
    this.ledger = new Ledger(this.truth, this.servers, ({ index }) => this.away.has(index));
    this.consumer = new SimConsumer(scheduler, this.servers);
    const ports = { scheduler, shape, ledger: this.ledger };
    this.queue = new SimQueue({ ...ports, consumer: this.consumer, random: this.random(1) });
    const serverOf = (name: string) => this.endpoints.find((endpoint) => endpoint.name === name)?.server;
    this.table = new SimTable({ ...ports, serverOf, random: this.random(2) });
  }

  /** A sequence of its own for each part: taking a step out of a history leaves the others' luck alone. */
  random(part: number): SeededRandom {
    return seededRandom(this.history.seed * 31 + part);
  }

  note(line: string): void {
    this.log?.(`${(this.scheduler.nowMs / 1000).toFixed(3).padStart(9)} s  ${line}`);
  }

  start(): Running {
    this.#started += 1;
    const process = new SimProcess(`relay-${this.#started}`);
    const { shape } = this.history;
    const relay = startRelay(
      {
        relay: process.name,
        source: { kind: 'hub', id: SOURCE, epoch: 0 },
        resources: this.#resources(),
        limits: shape.outbox,
        listMarks: 'all',
        antiEntropyMs: shape.antiEntropyMs,
        tickMs: 60_000,
      },
      this.#ports(process),
    );
    const running = { process, relay };
    this.running.add(running);
    this.note(`${process.name} starts`);
    return running;
  }

  /** From now on nothing of this process has an effect. */
  forget(running: Running): void {
    this.running.delete(running);
    this.ending.delete(running);
  }

  /** Tells the running relays what to read. */
  reconfigure(): void {
    for (const { process, relay } of this.running) {
      if (process.isDead) continue;
      relay.setResources(this.#resources());
      relay.setSources([...this.present].map((endpoint) => this.#source(endpoint, process)));
    }
  }

  /** Looks at what relays show of themselves: no secret in it, memory within bounds. */
  inspect(): void {
    for (const { process, relay } of this.running) {
      if (process.isDead) continue;
      const { sources, outbox } = relay.metrics();
      for (const { lastError, lastHint } of sources)
        this.ledger.noSecret('the state of a relay', `${lastError} ${lastHint}`);
      this.ledger.noSecret('the last error of the outbox', outbox.lastError ?? '');
    }
  }

  #resources(): ResourceType[] {
    return this.history.shape.kinds.filter((kind) => this.kinds.has(kind)).map(resourceOf);
  }

  #ports(process: SimProcess): Parameters<typeof startRelay>[1] {
    const { scheduler, queue, table } = this;
    const checkLimit = () => this.#checkOutbox(process);
    return {
      sources: [...this.present].map((endpoint) => this.#source(endpoint, process)),
      send: (messages) => {
        checkLimit();
        return process.reach(() => queue.send(process.name, messages));
      },
      checkpoints: {
        load: (key) => process.reach(() => table.load(key)),
        save: (key, checkpoint) => process.reach(() => table.save(key, checkpoint)),
        loadEpoch: (source) => process.reach(() => table.loadEpoch(source)),
        raiseEpoch: (source, to) => {
          this.ledger.epochBegins(to);
          return process.reach(() => table.raiseEpoch(source, to));
        },
      },
      workspaceOf: (object) => object.metadata.annotations?.[KCP_CLUSTER_ANNOTATION] ?? '',
      clock: () => START_MS + scheduler.nowMs + this.skewMs,
      sleep: (ms, signal) => process.pass(scheduler.sleep(ms, signal)),
      ids: () => {
        this.#messageIds += 1;
        return `m-${this.#messageIds}`;
      },
      random: this.random(100 + this.#started),
      report: (report) => {
        this.ledger.noSecret('a report', report);
        this.note(`${process.name} reports ${report.resource} ${report.state}: ${report.message ?? 'well again'}`);
      },
    };
  }

  #source(endpoint: Endpoint, process: SimProcess): WatchSource {
    const { scheduler } = this;
    const transport = new SimTransport(endpoint, { scheduler, shape: this.history.shape });
    return createWatchSource({
      connection: { url: endpoint.name },
      endpoint: endpoint.name,
      prefix: '/clusters/*',
      maxLineBytes: MAX_LINE_BYTES,
      clock: () => START_MS + scheduler.nowMs + this.skewMs,
      transport: {
        request: (ask) => process.reach(() => transport.request(ask)),
        open: (ask) =>
          process.reach(async () => {
            const answer = await transport.open(ask);
            process.onDeath(() => answer.stream.close());
            return answer;
          }),
        close: () => {},
      },
    });
  }

  /** One message, and those that are forced in past the limit, may be more than the limit alone. */
  #checkOutbox(process: SimProcess): void {
    const { maxBytes } = this.history.shape.outbox;
    for (const { process: other, relay } of this.running) {
      if (other !== process) continue;
      const { bytes } = relay.metrics().outbox;
      if (bytes > maxBytes + OVER_BYTES) {
        this.ledger.fail(
          'bounded memory',
          `the outbox of ${process.name} holds ${bytes} bytes, its limit is ${maxBytes}`,
        );
      }
    }
  }
}

/** One message with a body of the largest size, which is taken when it is alone, and a tick. */
const OVER_BYTES = 8 * 1024;

function resourceOf(kind: KindName): ResourceType {
  const [resource = '', ...group] = kind.split('.');
  return resourceType({ group: group.join('.'), resource });
}
