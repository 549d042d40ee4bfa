/**
 * `npm run bench:kubesim`: what the API server simulator costs. One simulator in a process of its own; this process sends the
 * requests over HTTP/2.
 *   --quick (few writes)   --count N (writes of each sort, default 3,000)   --only start,memory,writes   --profile FOLDER
 */
import { cpus } from 'node:os';
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { startKubesim } from '@tmc/kubesim/index.ts';
import { ended, nextMessage, startChild } from './child.ts';
import { Requests, type Server, type Write, writeAll } from './kubesim-requests.ts';
import { load, printTable, verdict } from './print.ts';
import { median } from './relay-throughput.ts';
import { yardstick } from './yardstick.ts';

const { values } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    count: { type: 'string' },
    only: { type: 'string', default: 'start,memory,writes' },
    profile: { type: 'string' },
  },
});
const MIB = 1024 * 1024;
const AT_ONCE = 32;
const OBJECTS = 1_000;
const TARGET = { startMs: 100, growthMib: 60, writesPerSecond: 3_000 };
const count = Number(values.count ?? (values.quick ? 300 : 3_000));

type Serving = Server & { readonly startMs: number };
type Cost = { readonly rss: number; readonly heapUsed: number; readonly cpuMs: number };

const parts = { start: measureStart, memory: measureMemory, writes: measureWrites };
console.log(`${cpus().length} cores, load ${load()}; yardstick: ${yardstick()}`);
for (const [name, measure] of Object.entries(parts)) if (values.only.split(',').includes(name)) await measure();
console.log(`\nload ${load()}; yardstick: ${yardstick()}`);
process.exit(0);

async function measureStart(): Promise<void> {
  const own: number[] = [];
  const warm: number[] = [];
  for (let round = 0; round < (values.quick ? 2 : 7); round += 1) {
    own.push(await timed(() => startAlone()));
    // The first one here loads the code.
    const ms = await timed(() => startHere());
    if (round > 0) warm.push(ms);
  }
  console.log('\nfrom the order to start to the first answer, ms, medians');
  printTable(
    [
      { where: 'in a process that has started one before', ms: median(warm), met: median(warm) <= TARGET.startMs },
      { where: 'as a process of its own (Node and sources included)', ms: median(own), met: undefined },
    ],
    {
      simulator: (r) => r.where,
      ms: (r) => r.ms.toFixed(0),
      target: (r) => (r.met === undefined ? '' : verdict(r.met, `≤ ${TARGET.startMs}`)),
    },
  );
}

/** Milliseconds of something that gives back how to end it. */
async function timed(begin: () => Promise<() => Promise<void>>): Promise<number> {
  const startedMs = performance.now();
  const end = await begin();
  const tookMs = performance.now() - startedMs;
  await end();
  return tookMs;
}

async function startAlone(): Promise<() => Promise<void>> {
  const child = startChild('kubesim-process.ts');
  await firstAnswer(await nextMessage<Serving>(child));
  return () => ended(child);
}

async function startHere(): Promise<() => Promise<void>> {
  const kubesim = await startKubesim({ kind: 'kube' });
  await firstAnswer({ ...kubesim, token: kubesim.adminToken });
  return () => kubesim.close();
}

async function firstAnswer(server: Server): Promise<void> {
  const requests = new Requests(server);
  await requests.send({ method: 'GET', path: '/api/v1/namespaces' });
  requests.close();
}

async function measureMemory(): Promise<void> {
  const { child, server } = await startChildServer(['--expose-gc']);
  const cost = (collect: boolean) => ask(child, collect);
  const empty = await cost(true);
  const requests = new Requests(server);
  await writeAll(requests, 'create', { from: 0, to: OBJECTS, atOnce: AT_ONCE });
  const full = await cost(false);
  const collected = await cost(true);
  requests.close();
  await ended(child);
  const growth = (full.rss - empty.rss) / MIB;
  console.log(`\n${OBJECTS} Deployments with managedFields, MiB`);
  printTable([{ empty, full, collected, growth }], {
    'RSS empty': (r) => (r.empty.rss / MIB).toFixed(1),
    'RSS with them': (r) => (r.full.rss / MIB).toFixed(1),
    growth: (r) => r.growth.toFixed(1),
    'live bytes per object': (r) => ((r.collected.heapUsed - r.empty.heapUsed) / OBJECTS).toFixed(0),
    target: (r) => verdict(r.growth <= TARGET.growthMib, `growth ≤ ${TARGET.growthMib}`),
  });
}

async function measureWrites(): Promise<void> {
  const { child, server } = await startChildServer();
  const requests = new Requests(server);
  const rows: { write: string; wall: number; cpu: number }[] = [];
  // Not counted: compiled code.
  for (const write of ['create', 'update', 'patch', 'apply', 'configMap'] as const)
    await writeAll(requests, write, { from: 0, to: Math.min(count, 500), atOnce: AT_ONCE });
  const mixed = { writes: 0, wallMs: 0, cpuMs: 0 };
  for (const write of ['create', 'update', 'patch', 'apply', 'configMap'] satisfies Write[]) {
    const before = await ask(child, false);
    const startedMs = performance.now();
    await writeAll(requests, write, { from: 1_000, to: 1_000 + count, atOnce: AT_ONCE });
    const wallMs = performance.now() - startedMs;
    const cpuMs = (await ask(child, false)).cpuMs - before.cpuMs;
    rows.push({ write, wall: (count / wallMs) * 1000, cpu: (count / cpuMs) * 1000 });
    if (write === 'create' || write === 'update' || write === 'patch') {
      mixed.writes += count;
      mixed.wallMs += wallMs;
      mixed.cpuMs += cpuMs;
    }
  }
  requests.close();
  await ended(child);
  rows.push({
    write: 'create + update + patch',
    wall: (mixed.writes / mixed.wallMs) * 1000,
    cpu: (mixed.writes / mixed.cpuMs) * 1000,
  });
  console.log(`\nwrites per second, ${count} of each sort, ${AT_ONCE} at a time`);
  printTable(rows, {
    write: (r) => r.write,
    'per wall s': (r) => r.wall.toFixed(0),
    'per CPU s of the simulator': (r) => r.cpu.toFixed(0),
    target: (r) =>
      r.write === 'create + update + patch'
        ? verdict(r.cpu >= TARGET.writesPerSecond, `≥ ${TARGET.writesPerSecond} per CPU s`)
        : '',
  });
}

async function startChildServer(flags: readonly string[] = []) {
  const profile = values.profile === undefined ? [] : ['--cpu-prof', `--cpu-prof-dir=${resolve(values.profile)}`];
  const child = startChild('kubesim-process.ts', { nodeFlags: [...flags, ...profile] });
  return { child, server: await nextMessage<Serving>(child) };
}

function ask(child: ReturnType<typeof startChild>, collect: boolean): Promise<Cost> {
  child.send({ collect });
  return nextMessage<Cost>(child);
}
