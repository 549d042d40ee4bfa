import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { freePorts, type ServerProcess, startProcess, until } from '../real/harness/process.ts';
import { credentials, NODE_FLAGS, REGION, TABLE, WORKSPACE } from './names.ts';
import type { Servers } from './servers.ts';

/** One relay that is started, killed and started again under the same name; its counters are added up over all its lives. */
export type RelayUnderTest = {
  readonly name: string;
  readonly logPath: string;
  /** Starts the next life. */
  start(): void;
  /** SIGKILL, if it lives; resolves when it is gone. */
  kill(): Promise<void>;
  signal(name: NodeJS.Signals): void;
  /** SIGTERM; resolves when it is gone. @throws Error with the end of its log when it did not end with code 0. */
  stop(): Promise<void>;
  /** Undefined while it runs as it should, else how it ended by itself. */
  ended(): string | undefined;
  /** Counters by name and labels as /metrics shows them, of all lives; those since the last look of a killed life are lost. */
  totals(): ReadonlyMap<string, number>;
  /** Resolves once the present life serves /healthz: its code is loaded, its reading begins. */
  begun(): Promise<void>;
  /** Resolves once the present life has listed everything. */
  ready(deadlineMs?: number): Promise<void>;
  /** Looks at /metrics while it was ready, and the series of {@link READ} that one of them lacked. */
  looks(): { readonly ready: number; readonly lacking: readonly string[] };
  /** Largest memory since the last call; highest of all lives. */
  takePeak(): Memory;
  /** How many lives it had. */
  lives(): number;
};

/** Memory of a process in MiB: all that is resident, and of that what is its own (not mapped from a file). */
export type Memory = { readonly resident: number; readonly own: number };

/** Series that a run reads: a counter that is not there would count as 0. */
const READ = ['tmc_relay_repaired_total', 'tmc_relay_comparisons_total', 'tmc_relay_state_entered_total'] as const;

/** How often counters are looked at: a killed life takes what is younger with it. */
const SCRAPE_MS = 200;
/** On a busy machine a process that starts answers late. */
const ANSWER_MS = 5_000;
const START_MS = 60_000;
/** Mean time between two comparisons with the server: several in every phase. */
const ANTI_ENTROPY_MS = 2_000;

type Options = {
  readonly servers: Servers;
  readonly bundle: string;
  readonly name: string;
  readonly election: boolean;
};

/** Prepares a relay; nothing runs before `start()`. */
export async function prepareRelay(options: Options): Promise<RelayUnderTest & { close(): Promise<void> }> {
  const [health = 0, metrics = 0] = await freePorts(2);
  const path = join(options.servers.folder, `${options.name}.yaml`);
  writeFileSync(path, configOf(options, { health, metrics }), { mode: 0o600 });
  return new Relay(options, path, { health, metrics });
}

function configOf({ servers, name, election }: Options, ports: { health: number; metrics: number }): string {
  const { links, queues } = servers;
  const behind = (url: string) => url.replace(/\/\/[^/]+/, `//127.0.0.1:${links.queues.port}`);
  const urls = Object.fromEntries(Object.entries(queues.urls).map(([queue, { url }]) => [queue, behind(url)]));
  // JSON is YAML.
  return JSON.stringify({
    name,
    hub: { kind: 'kubernetes', kubeconfig: servers.kubeconfigPath, workspace: WORKSPACE },
    aws: { region: REGION, credentials: credentials() },
    queues: { endpoint: behind(queues.endpoint), urls },
    table: { endpoint: `http://127.0.0.1:${links.table.port}`, name: TABLE },
    listMarks: 'all',
    antiEntropyMs: ANTI_ENTROPY_MS,
    election: election ? { enabled: true, leaseMs: 3_000, renewDeadlineMs: 2_000, retryMs: 500 } : { enabled: false },
    listen: { health: `127.0.0.1:${ports.health}`, metrics: `127.0.0.1:${ports.metrics}` },
    log: { level: 'info' },
  });
}

class Relay implements RelayUnderTest {
  readonly name: string;
  readonly logPath: string;
  readonly #bundle: string;
  readonly #configPath: string;
  readonly #ports: { health: number; metrics: number };
  readonly #ended: Map<string, number> = new Map();
  #last: ReadonlyMap<string, number> = new Map();
  #process: ServerProcess | undefined;
  #lives = 0;
  readonly #lacking = new Set<string>();
  #readyLooks = 0;
  #peak: Memory = NO_MEMORY;
  #looking: NodeJS.Timeout | undefined;

  constructor({ name, bundle, servers }: Options, configPath: string, ports: { health: number; metrics: number }) {
    this.name = name;
    this.logPath = join(servers.folder, `${name}.log`);
    this.#bundle = bundle;
    this.#configPath = configPath;
    this.#ports = ports;
  }

  start(): void {
    this.#lives += 1;
    const args = [...NODE_FLAGS, this.#bundle, '--config', this.#configPath];
    this.#process = startProcess(process.execPath, args, { log: this.logPath });
    const life = this.#lives;
    clearTimeout(this.#looking);
    const look = async () => {
      await this.#look(life);
      if (life === this.#lives && this.#process) this.#looking = setTimeout(() => void look(), SCRAPE_MS);
    };
    this.#looking = setTimeout(() => void look(), SCRAPE_MS);
  }

  async kill(): Promise<void> {
    const running = this.#process;
    if (!running) return;
    const end = running.ended();
    this.#process = undefined;
    this.#bury();
    if (end !== undefined) throw new Error(`the relay ended by itself: ${end}`);
    await running.kill();
  }

  signal(name: NodeJS.Signals): void {
    this.#process?.signal(name);
  }

  async stop(): Promise<void> {
    const running = this.#process;
    if (!running) return;
    const end = running.ended();
    if (end === undefined) await this.#look(this.#lives);
    this.#process = undefined;
    this.#bury();
    if (end !== undefined) throw new Error(`the relay ended by itself: ${end}`);
    await running.stop();
    const how = running.ended() ?? '';
    if (!how.includes(' ended with 0')) throw new Error(`the relay did not end as it should: ${how}`);
  }

  async close(): Promise<void> {
    clearTimeout(this.#looking);
    const running = this.#process;
    this.#process = undefined;
    await running?.kill();
  }

  ended(): string | undefined {
    return this.#process?.ended();
  }

  totals(): ReadonlyMap<string, number> {
    const sum = new Map(this.#ended);
    addTo(sum, this.#last);
    return sum;
  }

  async begun(): Promise<void> {
    await this.#answers('/healthz', 'to begin', START_MS);
  }

  async ready(deadlineMs = START_MS): Promise<void> {
    await this.#answers('/readyz', 'to be ready', deadlineMs);
  }

  async #answers(path: string, what: string, deadlineMs: number): Promise<void> {
    await until(
      `${this.name} ${what}`,
      async () => {
        const end = this.ended();
        if (end !== undefined) throw new Error(end);
        return missingAnswer(`http://127.0.0.1:${this.#ports.health}${path}`);
      },
      deadlineMs,
    );
  }

  looks(): { readonly ready: number; readonly lacking: readonly string[] } {
    return { ready: this.#readyLooks, lacking: [...this.#lacking] };
  }

  takePeak(): Memory {
    const peak = this.#peak;
    this.#peak = NO_MEMORY;
    return peak;
  }

  lives(): number {
    return this.#lives;
  }

  #bury(): void {
    addTo(this.#ended, this.#last);
    this.#last = new Map();
  }

  async #look(life: number): Promise<void> {
    const running = this.#process;
    if (!running) return;
    this.#peak = larger([this.#peak, memoryOf(running.pid)]);
    const counters = await scrape(this.#ports.metrics);
    if (!counters || life !== this.#lives || this.#process !== running) return;
    this.#last = counters;
    if (counters.get(`tmc_relay_ready{relay="${this.name}"}`) !== 1) return;
    this.#readyLooks += 1;
    const names = [...counters.keys()];
    for (const name of READ) if (!names.some((each) => each.startsWith(`${name}{`))) this.#lacking.add(name);
  }
}

function addTo(sum: Map<string, number>, counters: ReadonlyMap<string, number>): void {
  for (const [name, value] of counters) sum.set(name, (sum.get(name) ?? 0) + value);
}

/** The samples of a Prometheus page by name with labels; undefined when it does not answer, as a stopped process does not. */
async function scrape(port: number): Promise<ReadonlyMap<string, number> | undefined> {
  try {
    const answer = await fetch(`http://127.0.0.1:${port}/metrics`, { signal: AbortSignal.timeout(ANSWER_MS) });
    const lines = (await answer.text()).split('\n').filter((line) => line !== '' && !line.startsWith('#'));
    return new Map(
      lines.map((line) => {
        const at = line.lastIndexOf(' ');
        return [line.slice(0, at), Number(line.slice(at + 1))] as const;
      }),
    );
  } catch {
    return undefined;
  }
}

async function missingAnswer(url: string): Promise<string | undefined> {
  try {
    const answer = await fetch(url, { signal: AbortSignal.timeout(ANSWER_MS) });
    return answer.ok ? undefined : `${url} answers ${answer.status}: ${(await answer.text()).slice(0, 500)}`;
  } catch (error) {
    return String((error as Error).cause ?? error);
  }
}

const NO_MEMORY: Memory = { resident: 0, own: 0 };

/** The largest of each kind. */
export function larger(memories: readonly Memory[]): Memory {
  return {
    resident: Math.max(...memories.map(({ resident }) => resident)),
    own: Math.max(...memories.map(({ own }) => own)),
  };
}

/** Memory of a process by /proc; 0 where there is none. What is resident is the highest ever, its own part that of now. */
function memoryOf(pid: number): Memory {
  try {
    const status = readFileSync(`/proc/${pid}/status`, 'utf8');
    const mib = (name: string) => Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(status)?.[1] ?? 0) / 1024;
    return { resident: mib('VmHWM'), own: mib('RssAnon') };
  } catch {
    return NO_MEMORY;
  }
}
