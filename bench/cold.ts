/**
 * What a cold start of each function costs: its bundle in bytes, and in fresh processes of this Node the time of its import, the
 * memory after it, and the first invocation: until the environment is checked, and until everything is wired.
 *
 *   npm run bench:cold [-- --rounds 15] [--only place,api] [--check]
 *
 * Rounds are interleaved: each starts an empty module (the yardstick), Node's own modules that bundles import, and each function once.
 * `--check` ends with 1 when a budget is missed.
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { gzipSync } from 'node:zlib';
import { FUNCTION_NAMES, variablesOf } from '@tmc/adapters/lambda/environment.ts';
import { build } from 'esbuild';
import { bundleOptions } from '../scripts/bundle-options.ts';
import { type ColdStart, coldStart, type Subject } from './cold-process.ts';
import { percentiles } from './percentiles.ts';
import { load, printTable, verdict } from './print.ts';
import { yardstick } from './yardstick.ts';

const BUDGET = { importMs: 80, bytes: 700_000 };
const MIN_ROUNDS = 15;

const { values: flags } = parseArgs({
  options: { rounds: { type: 'string' }, only: { type: 'string' }, check: { type: 'boolean', default: false } },
});
const rounds = Number(flags.rounds ?? MIN_ROUNDS);
const names = FUNCTION_NAMES.filter((name) => flags.only?.split(',').includes(name) ?? true);
if (!(rounds >= 1) || names.length === 0) throw new Error('--rounds takes a number, --only names of functions');

const folder = mkdtempSync(join(tmpdir(), 'tmc-cold-'));
try {
  await build(
    bundleOptions(
      names.map((name) => `${name}.ts`),
      folder,
    ),
  );
  const bundles = names.map((name) => ({ name, path: join(folder, `${name}.mjs`) }));
  const subjects: Subject[] = [
    { name: 'empty module', path: write('empty.mjs', '') },
    { name: 'node modules alone', path: write('builtins.mjs', builtinsOf(bundles.map(({ path }) => path))) },
    ...bundles.map((bundle) => ({ ...bundle, variables: variablesOf(bundle.name) })),
  ];
  const measured = await measure(subjects);
  report(subjects, measured);
} finally {
  rmSync(folder, { recursive: true, force: true });
}

function write(name: string, content: string): string {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
}

/** A module that imports Node's modules as these bundles do, and nothing else. */
function builtinsOf(paths: readonly string[]): string {
  const imports = paths.flatMap((path) => readFileSync(path, 'utf8').match(/from"node:[\w/]+"/g) ?? []);
  return [...new Set(imports)].map((from) => `import ${from.slice('from'.length)};`).join('\n');
}

async function measure(subjects: readonly Subject[]): Promise<ReadonlyMap<Subject, ColdStart[]>> {
  const measured = new Map<Subject, ColdStart[]>(subjects.map((subject) => [subject, []]));
  for (let round = 0; round < rounds; round += 1) {
    for (const [subject, starts] of measured) starts.push(await coldStart(subject, folder));
  }
  return measured;
}

function report(subjects: readonly Subject[], measured: ReadonlyMap<Subject, ColdStart[]>): void {
  const rows = subjects.map((subject) => rowOf(subject, measured.get(subject) ?? []));
  const emptyMs = rows[0]?.importMs.p50 ?? Number.NaN;
  const ms = (value: number) => (Number.isFinite(value) ? value.toFixed(1) : '–');
  const mib = (bytes: number) => (bytes / 1024 / 1024).toFixed(0);
  console.log(`cold starts, medians of ${rounds} processes of Node ${process.version}, load ${load()}, ${yardstick()}`);
  printTable(rows, {
    function: ({ name }) => name,
    'import ms': ({ importMs }) => ms(importMs.p50),
    'min ms': ({ minMs }) => ms(minMs),
    'CPU ms': ({ importCpuMs }) => ms(importCpuMs.p50),
    '× empty': ({ importMs }) => (importMs.p50 / emptyMs).toFixed(0),
    'RSS MiB': ({ rssBytes }) => mib(rssBytes.p50),
    'checked ms': ({ checkedMs }) => ms(checkedMs.p50),
    'wired ms': ({ wiredMs }) => ms(wiredMs.p50),
    bytes: ({ bytes }) => bytes.toLocaleString('en'),
    gzip: ({ gzip }) => gzip.toLocaleString('en'),
  });
  const bundles = rows.slice(rows.length - names.length);
  const slowestMs = Math.max(...bundles.map(({ importMs }) => importMs.p50));
  const cpuMs = Math.max(...bundles.map(({ importCpuMs }) => importCpuMs.p50));
  const largest = Math.max(...bundles.map(({ bytes }) => bytes));
  // A machine that others use takes longer by the clock than it works; a quiet one, with threads side by side, works longer.
  const met = [Math.min(slowestMs, cpuMs) <= BUDGET.importMs, largest <= BUDGET.bytes] as const;
  const slowest = `slowest import ${slowestMs.toFixed(1)} ms by the clock, ${cpuMs.toFixed(1)} ms of processor time`;
  console.log(`${slowest}: ${verdict(met[0], `the lesser ≤ ${BUDGET.importMs} ms on this machine`)}`);
  console.log(`largest bundle ${largest.toLocaleString('en')} bytes: ${verdict(met[1], `≤ ${BUDGET.bytes} bytes`)}`);
  if (flags.check && met.includes(false)) process.exitCode = 1;
}

function rowOf({ name, path }: Subject, starts: readonly ColdStart[]) {
  const content = readFileSync(path);
  const medianOf = (part: keyof ColdStart) => percentiles(starts.map((start) => start[part] ?? Number.NaN));
  const measures = starts.some(({ wiredMs }) => wiredMs !== undefined);
  const isFunction = starts.some(({ checkedMs }) => checkedMs !== undefined);
  const absent = { p50: Number.NaN };
  return {
    name,
    bytes: content.length,
    gzip: gzipSync(content).length,
    importMs: medianOf('importMs'),
    minMs: Math.min(...starts.map(({ importMs }) => importMs)),
    importCpuMs: medianOf('importCpuMs'),
    rssBytes: medianOf('rssBytes'),
    checkedMs: isFunction ? medianOf('checkedMs') : absent,
    wiredMs: measures ? medianOf('wiredMs') : absent,
  };
}
