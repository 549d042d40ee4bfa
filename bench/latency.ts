/**
 * `npm run bench:latency`: from the write in the hub to the copy in every chosen member. Open loop (the next object is due by the
 * clock, whether or not the last one arrived) at 1, 5 and 20 objects/s, then 300 objects × 3 members created at once and given a
 * new image at once, then foreign edits of copies repaired. API servers and the host run in processes of their own; this one
 * writes and watches. On the simulator, and on real API servers where their binaries are found.
 *   --only sim|real   --seconds N (per rate, default 12)   --rates 1,5,20   --count N (at once, default 300)
 *   --pods (real: run workload controllers and kubelets too)   --profile FOLDER (CPU profile of the host)
 *   --json FILE (default bench/results/latency.json)
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { cpus, loadavg } from 'node:os';
import { dirname, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { type Ceiling, measureCeiling } from './ceiling.ts';
import { type DriftResult, measureDrift } from './drift-run.ts';
import { serve } from './latency-fleet.ts';
import { measureBurst, measureRate, type RunResult } from './latency-run.ts';
import { printTable } from './print.ts';
import { realServers, type Servers, simulatedServers } from './servers.ts';

const { values } = parseArgs({
  options: {
    only: { type: 'string' },
    seconds: { type: 'string', default: '12' },
    rates: { type: 'string', default: '1,5,20' },
    count: { type: 'string', default: '300' },
    pods: { type: 'boolean', default: false },
    profile: { type: 'string' },
    json: { type: 'string', default: 'bench/results/latency.json' },
  },
});

const results: RunResult[] = [];
const ceilings: Ceiling[] = [];
const drifts: DriftResult[] = [];
console.log(`load ${loads()} on ${cpus().length} cores`);
for (const [name, start] of [
  ['sim', simulatedServers],
  ['real', () => realServers({ pods: values.pods })],
] as const) {
  if (values.only !== undefined && values.only !== name) continue;
  await measureFleet(name, await start());
}
print();
const path = resolve(values.json);
mkdirSync(dirname(path), { recursive: true });
const machine = { cpus: cpus().length, load: loadavg() };
writeFileSync(path, `${JSON.stringify({ machine, pods: values.pods, results, ceilings, drifts }, null, 2)}\n`);
console.log(`\nload ${loads()}; written to ${values.json}`);
process.exit(0);

async function measureFleet(name: string, servers: Servers | undefined): Promise<void> {
  if (!servers) {
    console.log('SKIPPED: real API servers are not at hand; set TMC_KUBE_ASSETS or install Go');
    return;
  }
  const fleet = await serve(servers, { profileFolder: values.profile });
  const count = Number(values.count);
  try {
    // Not counted: caches and compiled code, as in a host that has been up for a while.
    await measureRate(fleet, { name, perSecond: 10, seconds: 3 });
    for (const perSecond of values.rates.split(',').filter(Boolean).map(Number)) {
      results.push(await measureRate(fleet, { name, perSecond, seconds: Number(values.seconds) }));
    }
    ceilings.push(await measureCeiling(fleet, { name, count }));
    results.push(...(await measureBurst(fleet, { name, count })));
    drifts.push(await measureDrift(fleet, { name, samples: 60 }));
  } finally {
    await fleet.close();
  }
}

function loads(): string {
  return loadavg()
    .map((load) => load.toFixed(1))
    .join(' ');
}

function print(): void {
  const ms = (value: number) => value.toFixed(1);
  console.log('\nms from the hub write to the last chosen member; stages are medians (relay: write → message)');
  printTable(results, {
    servers: (r) => r.servers,
    workload: (r) => r.workload,
    objects: (r) => String(r.objects),
    P50: (r) => ms(r.latency.p50),
    P90: (r) => ms(r.latency.p90),
    P99: (r) => ms(r.latency.p99),
    max: (r) => ms(r.latency.max),
    relay: (r) => ms(r.stages.relay),
    queue: (r) => ms(r.stages.queue),
    function: (r) => ms(r.stages.function),
    apply: (r) => ms(r.stages.apply),
    'hub ack': (r) => ms(r.hubAckMs),
    'writes/s': (r) => r.memberWritesPerSecond.toFixed(0),
    'wall s': (r) => (r.wallMs / 1000).toFixed(1),
    'host CPU': (r) => ms(r.hostCpuMs),
    'servers CPU': (r) => (r.serversCpuMs === undefined || Number.isNaN(r.serversCpuMs) ? '-' : ms(r.serversCpuMs)),
    'hub writes': (r) => r.hubWrites?.toFixed(2) ?? '-',
    load: (r) => r.load.toFixed(1),
  });
  console.log('\nthe API servers alone: hub create, hub patch and three applies by hand, 80 objects at a time');
  printTable(ceilings, {
    servers: (r) => r.servers,
    'writes/s': (r) => r.memberWritesPerSecond.toFixed(0),
    create: (r) => ms(r.createMs),
    patch: (r) => ms(r.patchMs),
    'three applies': (r) => ms(r.applyMs),
  });
  console.log('\nms from a foreign edit of a copy to its repair, one by one');
  printTable(drifts, {
    servers: (r) => r.servers,
    samples: (r) => String(r.samples),
    P50: (r) => ms(r.repaired.p50),
    P90: (r) => ms(r.repaired.p90),
    P99: (r) => ms(r.repaired.p99),
    max: (r) => ms(r.repaired.max),
    load: (r) => r.load.toFixed(1),
  });
}
