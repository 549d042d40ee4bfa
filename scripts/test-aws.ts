/**
 * `npm run test:aws [-- --only ministack|localstack] [files…]`: the system deployed by the command users run, with functions that
 * execute inside the emulator, relays as processes, and a hub and members on simulated API servers; on each emulator in turn. With
 * `EMULATOR_ENDPOINT` and `EMULATOR_NAME` set that one is used, such as a LocalStack container. Closes with `N passed, N failed`.
 */
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { type Target, targetFrom } from '../test/aws/target.ts';
import type { AwsEmulator } from '../test/emulators/aws-emulator.ts';
import { startLocalStack, whyNoLocalStack } from '../test/emulators/localstack.ts';
import { startMiniStack, whyNoMiniStack } from '../test/emulators/ministack.ts';
import { ensureKubeBinaries, whyNoKubeBinaries } from '../test/real/tools/build.ts';

/** The tests that are given an endpoint. */
const SYSTEM = ['test/aws/deployed.test.ts', 'test/aws/real-servers.test.ts'];

type Tally = { readonly passed: number; readonly failed: number };

const PEERS: Readonly<
  Record<Target['name'], { start: () => Promise<AwsEmulator>; whyNot: () => Promise<string | undefined> }>
> = {
  ministack: { start: startMiniStack, whyNot: whyNoMiniStack },
  localstack: { start: startLocalStack, whyNot: whyNoLocalStack },
};

const root = resolve(import.meta.dirname, '..');
const { values, positionals } = parseArgs({ options: { only: { type: 'string' } }, allowPositionals: true });
if (values.only !== undefined && !(values.only in PEERS)) {
  console.error(`there is no emulator "${values.only}": --only takes ${Object.keys(PEERS).join(' or ')}`);
  process.exit(2);
}
// Leaving this way ends the emulator too.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => process.exit(130));

// Built here, where nothing times out: they take minutes.
if ((await whyNoKubeBinaries()) === undefined) await ensureKubeBinaries();
const given = targetFrom(process.env);
const tallies: Tally[] = [];
if (given) tallies.push(await testOn(given));
else {
  for (const name of ['ministack', 'localstack'] as const) {
    if (values.only === undefined || values.only === name) tallies.push(await testOnOwn(name));
  }
  // Recorder, judge, emulators and the apply mode: they start what they need.
  if (values.only === undefined && positionals.length === 0)
    tallies.push(
      await vitest(
        SYSTEM.flatMap((file) => ['--exclude', file]),
        {},
      ),
    );
}
const sum = (of: keyof Tally) => tallies.reduce((total, tally) => total + tally[of], 0);
console.log(`\n${sum('passed')} passed, ${sum('failed')} failed`);
process.exit(sum('failed') === 0 ? 0 : 1);

/** Starts an emulator for the time of the tests. */
async function testOnOwn(name: Target['name']): Promise<Tally> {
  const missing = await PEERS[name].whyNot();
  if (missing !== undefined) {
    console.log(`SKIPPED: test:aws on ${name}, because ${missing}`);
    return { passed: 0, failed: 0 };
  }
  const emulator = await PEERS[name].start();
  try {
    return await testOn(emulator);
  } finally {
    await emulator.stop();
  }
}

async function testOn({ name, endpoint }: Pick<Target, 'name' | 'endpoint'>): Promise<Tally> {
  console.log(`\n== ${name} at ${endpoint}`);
  const startedAt = performance.now();
  const files = positionals.length > 0 ? positionals : SYSTEM;
  const tally = await vitest(files, { EMULATOR_ENDPOINT: endpoint, EMULATOR_NAME: name });
  console.log(`${name}: ${((performance.now() - startedAt) / 1000).toFixed(0)} s`);
  return tally;
}

async function vitest(args: readonly string[], env: NodeJS.ProcessEnv): Promise<Tally> {
  const scratch = mkdtempSync(join(tmpdir(), 'tmc-aws-'));
  const report = join(scratch, 'aws.json');
  const program = join(root, 'node_modules', 'vitest', 'vitest.mjs');
  // One file after the other: they share the emulator, and the machine may have two cores.
  const all = ['run', '--project', 'aws', '--no-file-parallelism', '--reporter=verbose', '--reporter=json', ...args];
  const child = spawn(process.execPath, [program, ...all, `--outputFile.json=${report}`], {
    cwd: root,
    stdio: 'inherit',
    env: { ...process.env, ...env },
  });
  const code = await new Promise<number | null>((settle) => child.on('exit', settle));
  const tally = tallyOf(report, code);
  rmSync(scratch, { recursive: true, force: true });
  return tally;
}

/** Counts of a report; a suite that left none counts as one failure. */
function tallyOf(report: string, code: number | null): Tally {
  try {
    const totals = JSON.parse(readFileSync(report, 'utf8')) as { numPassedTests: number; numFailedTests: number };
    return { passed: totals.numPassedTests, failed: totals.numFailedTests || (code === 0 ? 0 : 1) };
  } catch {
    return { passed: 0, failed: 1 };
  }
}
