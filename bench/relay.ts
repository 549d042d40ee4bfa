/**
 * `npm run bench:relay`: what one relay process reads, sends and costs, from a generator in a process of its own that sends
 * prepared watch lines as fast as the socket takes them. Nothing is random: the lines are the same in every run.
 *   --quick (a smoke: few events, 10,000 keys, 5 s idle)   --long (idle for five minutes)   --only events,memory,idle
 *   --rounds N (default 5)   --events N (of one round, default 64,000)   --json FILE (default bench/results/relay.json)
 *   --keys 10000,100000,1000000 (memory)   --profile FOLDER (CPU profiles of the readers)   --node-flags "…" (of the readers)
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { cpus, loadavg } from 'node:os';
import { dirname, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { startElasticMq } from '../test/emulators/elasticmq.ts';
import { whyNoJava } from '../test/emulators/java.ts';
import { load, printTable, verdict } from './print.ts';
import { type Idle, measureIdle } from './relay-idle.ts';
import { allowedBytes, type Memory, measureMemory } from './relay-memory.ts';
import { bundleReader, startSource } from './relay-parts.ts';
import { type Contestant, measureThroughput, type Throughput } from './relay-throughput.ts';
import { yardstick } from './yardstick.ts';

const { values } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    long: { type: 'boolean', default: false },
    only: { type: 'string', default: 'events,memory,idle' },
    rounds: { type: 'string' },
    events: { type: 'string' },
    json: { type: 'string', default: 'bench/results/relay.json' },
    keys: { type: 'string' },
    profile: { type: 'string' },
    'node-flags': { type: 'string', default: '' },
  },
});
const TARGET = { perCpuSecond: 10_000, idleShare: 0.005 };
const MIB = 1024 * 1024;
/** Sending to an SQS server is much slower than to memory: such a round reads this share of the events. */
const SQS_SHARE = 0.25;

const rounds = Number(values.rounds ?? (values.quick ? 1 : 5));
const events = Number(values.events ?? (values.quick ? 6_400 : 64_000));
const only = new Set(values.only.split(','));
const nodeFlags = [
  ...values['node-flags'].split(' ').filter(Boolean),
  ...(values.profile === undefined ? [] : ['--cpu-prof', `--cpu-prof-dir=${resolve(values.profile)}`]),
];
const results = { throughput: [] as Throughput[], memory: [] as Memory[], idle: [] as Idle[] };

console.log(`yardstick: ${yardstick()}`);
const source = await startSource();
const program = await bundleReader();
const parts = { source, program, nodeFlags };
console.log(
  `${cpus().length} cores, load ${load()}; events of one round ${events}, rounds ${rounds}, and one before that does not count`,
);
try {
  if (only.has('events')) await throughput();
  if (only.has('memory')) await memory();
  if (only.has('idle')) await idle();
} finally {
  await source.end();
  program.remove();
}
const path = resolve(values.json);
mkdirSync(dirname(path), { recursive: true });
writeFileSync(path, `${JSON.stringify({ machine: { cpus: cpus().length, load: loadavg() }, ...results }, null, 2)}\n`);
console.log(`\nyardstick: ${yardstick()}\nload ${load()}; written to ${values.json}`);
process.exit(0);

async function throughput(): Promise<void> {
  const sqs = values.quick ? undefined : await elasticMq();
  const contestants: Contestant[] = [
    { name: 'relay → memory', reader: 'relay' },
    ...(sqs ? [{ name: 'relay → ElasticMQ', reader: 'relay', sqs: sqs.endpoint, share: SQS_SHARE } as const] : []),
    { name: 'client-node Watch', reader: 'watch' },
    { name: 'client-node makeInformer', reader: 'informer' },
  ];
  try {
    for (const kind of ['deployments', 'configmaps'] as const) {
      results.throughput.push(...(await measureThroughput({ ...parts, contestants, kind, events, rounds })));
    }
  } finally {
    await sqs?.stop();
  }
  printThroughput(results.throughput);
}

async function elasticMq() {
  const why = await whyNoJava();
  if (why === undefined) return startElasticMq();
  console.log(`SKIPPED: ElasticMQ, because ${why}`);
  return undefined;
}

function printThroughput(rows: readonly Throughput[]): void {
  const relays = new Map(rows.filter(({ name }) => name === 'relay → memory').map((row) => [row.kind, row]));
  const ratio = (row: Throughput) => (relays.get(row.kind)?.perCpuSecond ?? 0) / row.perCpuSecond;
  const count = (value: number) => Math.round(value).toLocaleString('en');
  console.log('\nevents per second of the reading process; client-node parses, keeps or drops, and sends nothing');
  printTable(rows, {
    kind: (r) => r.kind,
    reader: (r) => r.name,
    'per CPU s': (r) => count(r.perCpuSecond),
    'per wall s': (r) => count(r.perWallSecond),
    'relay is × of it': (r) => ratio(r).toFixed(2),
    coalesced: (r) => `${(r.coalesced * 100).toFixed(1)} %`,
    'never came': (r) => count(r.missing),
    target: (r) =>
      r.name === 'relay → memory' ? verdict(r.perCpuSecond >= TARGET.perCpuSecond, '≥ 10,000 per CPU s') : '',
    load: (r) => r.load.toFixed(1),
  });
}

async function memory(): Promise<void> {
  const sizes = [0, ...(values.keys ?? (values.quick ? '10000' : '10000,100000,1000000')).split(',').map(Number)];
  for (const keys of sizes) results.memory.push(await measureMemory(parts, keys));
  const base = results.memory[0]?.steady ?? 0;
  const mib = (bytes: number) => (bytes / MIB).toFixed(1);
  console.log(
    '\nresident memory of the relay process, MiB (objects of 250 bytes in 4,000 namespaces of 200 workspaces)',
  );
  printTable(results.memory, {
    keys: (r) => r.keys.toLocaleString('en'),
    'after list': (r) => mib(r.listed),
    'after relist': (r) => mib(r.relisted),
    'after events': (r) => mib(r.steady),
    peak: (r) => mib(r.peak),
    heap: (r) => mib(r.heapSteady),
    'bytes per key': (r) => (r.keys === 0 ? '-' : ((r.steady - base) / r.keys).toFixed(0)),
    'target (64 MiB + 200 B per key)': (r) =>
      verdict(r.steady <= allowedBytes(r.keys), `≤ ${mib(allowedBytes(r.keys))}`),
  });
}

async function idle(): Promise<void> {
  const seconds = values.quick ? 5 : values.long ? 300 : 70;
  const row = await measureIdle(parts, seconds);
  results.idle.push(row);
  console.log('\nprocessor time of an idle relay');
  printTable([row], {
    watches: (r) => String(r.watches),
    seconds: (r) => String(r.seconds),
    'CPU ms': (r) => r.cpuMs.toFixed(0),
    'of a core': (r) => `${(r.share * 100).toFixed(2)} %`,
    target: (r) => verdict(r.share < TARGET.idleShare, '< 0.5 %'),
    'RSS MiB': (r) => (r.rss / MIB).toFixed(1),
  });
}
