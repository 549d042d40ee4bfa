/**
 * `npm run bench:latency`: from the write in the hub to the copy in every chosen member. Open loop (the next object is due by the
 * clock, whether or not the last one arrived) at 5 and 20 objects/s, then 300 objects × 3 members created at once. One process
 * watches hub and members on one monotonic clock. On the simulator, and on real API servers where their binaries are found.
 *   --only sim|real   --seconds N (per rate, default 12)   --json FILE (default bench/results/latency.json)
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { cpus, loadavg } from 'node:os';
import { dirname, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { type BenchFleet, realFleet, simulatedFleet } from './latency-fleet.ts';
import { measureBurst, measureRate, type RunResult } from './latency-run.ts';

const { values } = parseArgs({
  options: {
    only: { type: 'string' },
    seconds: { type: 'string', default: '12' },
    json: { type: 'string', default: 'bench/results/latency.json' },
  },
});

const results: RunResult[] = [];
for (const [name, start] of [
  ['sim', simulatedFleet],
  ['real', realFleet],
] as const) {
  if (values.only !== undefined && values.only !== name) continue;
  await measureFleet(name, start);
}
print(results);
const path = resolve(values.json);
mkdirSync(dirname(path), { recursive: true });
writeFileSync(path, `${JSON.stringify({ machine: { cpus: cpus().length, load: loadavg() }, results }, null, 2)}\n`);
console.log(`\nwritten to ${values.json}`);
process.exit(0);

async function measureFleet(name: string, start: () => Promise<BenchFleet | undefined>): Promise<void> {
  const fleet = await start();
  if (!fleet) {
    console.log('SKIPPED: real API servers are not at hand; set TMC_KUBE_ASSETS or install Go');
    return;
  }
  try {
    for (const perSecond of [5, 20]) {
      results.push(await measureRate(fleet, { name, perSecond, seconds: Number(values.seconds) }));
    }
    results.push(await measureBurst(fleet, { name, count: 300 }));
  } finally {
    await fleet.close();
  }
}

function print(rows: readonly RunResult[]): void {
  const columns: [string, (r: RunResult) => string][] = [
    ['servers', (r) => r.servers],
    ['workload', (r) => r.workload],
    ['objects', (r) => String(r.objects)],
    ['P50', (r) => r.latency.p50.toFixed(1)],
    ['P90', (r) => r.latency.p90.toFixed(1)],
    ['P99', (r) => r.latency.p99.toFixed(1)],
    ['max', (r) => r.latency.max.toFixed(1)],
    ['relay', (r) => r.stages.relay.toFixed(1)],
    ['queue', (r) => r.stages.queue.toFixed(1)],
    ['function', (r) => r.stages.function.toFixed(1)],
    ['apply', (r) => r.stages.apply.toFixed(1)],
    ['hub ack', (r) => r.hubAckMs.toFixed(1)],
    ['writes/s', (r) => r.memberWritesPerSecond.toFixed(0)],
    ['load', (r) => r.load.toFixed(2)],
  ];
  const cells = [columns.map(([title]) => title), ...rows.map((r) => columns.map(([, show]) => show(r)))];
  const widths = columns.map((_, i) => Math.max(...cells.map((row) => (row[i] ?? '').length)));
  console.log(
    '\nms from the hub write to the last chosen member; stages are medians (relay: write → message, apply: all members)',
  );
  for (const row of cells) console.log(row.map((cell, i) => cell.padStart(widths[i] ?? 0)).join('  '));
}
