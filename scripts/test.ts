/**
 * `npm test`: every check this machine can run without real servers, in order of speed, each as a process of its own so that one
 * that dies does not take the others along. Closes with one line `N passed, N failed`. `--check` stops before the suites that start
 * whole systems; names of steps (`unit`, `types`) run just those.
 */
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

type Tally = { passed: number; failed: number };
type Step = { title: string; command: string; args: string[]; report?: string };

const root = resolve(import.meta.dirname, '..');
const scratch = mkdtempSync(join(tmpdir(), 'tmc-test-'));
const bin = (name: string) => join(root, 'node_modules', '.bin', name);
const node = (script: string, ...args: string[]): Pick<Step, 'command' | 'args'> => ({
  command: process.execPath,
  args: ['--disable-warning=ExperimentalWarning', join(root, script), ...args],
});

const CHECKS: Step[] = [
  { title: 'format and lint', command: bin('biome'), args: ['check', '--error-on-warnings', '.'] },
  { title: 'types', command: bin('tsc'), args: ['-p', '.'] },
  { title: 'unused code', command: bin('knip'), args: ['--no-progress'] },
  { title: 'function bundles', ...node('scripts/bundle.ts') },
  { title: 'size budgets', command: bin('size-limit'), args: [] },
];

const SUITES = ['unit', 'contract', 'stacks', 'scenario', 'embedded', 'docs'].map(
  (project): Step => ({
    title: `tests: ${project}`,
    ...node('node_modules/vitest/vitest.mjs', 'run', '--project', project, ...reporters(project)),
    report: join(scratch, `${project}.json`),
  }),
);

function reporters(project: string): string[] {
  return ['--reporter=default', '--reporter=json', `--outputFile.json=${join(scratch, `${project}.json`)}`];
}

function run({ title, command, args }: Step): Promise<number> {
  console.log(`\n== ${title}`);
  return new Promise((settle) => {
    const child = spawn(command, args, { cwd: root, stdio: 'inherit' });
    child.on('error', () => settle(1));
    child.on('exit', (code) => settle(code ?? 1));
  });
}

/** Counts of a suite's report; a suite that left none counts as one failure. */
function tally(step: Step, exitCode: number): Tally {
  if (!step.report) return exitCode === 0 ? { passed: 1, failed: 0 } : { passed: 0, failed: 1 };
  try {
    const report = JSON.parse(readFileSync(step.report, 'utf8')) as { numPassedTests: number; numFailedTests: number };
    const failed = report.numFailedTests || (exitCode === 0 ? 0 : 1);
    return { passed: report.numPassedTests, failed };
  } catch {
    return { passed: 0, failed: 1 };
  }
}

const only = process.argv.slice(2).filter((a) => !a.startsWith('--'));
const QUICK = ['tests: unit', 'tests: contract'];
const suites = process.argv.includes('--check') ? SUITES.filter((s) => QUICK.includes(s.title)) : SUITES;
const steps = [...CHECKS, ...suites];
const total: Tally = { passed: 0, failed: 0 };
const broken: string[] = [];
const chosen = steps.filter((s) => only.length === 0 || only.some((name) => s.title.includes(name)));
if (chosen.length === 0) {
  console.error(`no step is called ${only.join(' or ')}; there are: ${steps.map((s) => s.title).join(' · ')}`);
  process.exit(2);
}
for (const step of chosen) {
  const result = tally(step, await run(step));
  total.passed += result.passed;
  total.failed += result.failed;
  if (result.failed > 0) broken.push(step.title);
}
rmSync(scratch, { recursive: true, force: true });
if (broken.length > 0) console.log(`\nfailed: ${broken.join(', ')}`);
console.log(`\n${total.passed} passed, ${total.failed} failed`);
process.exit(total.failed === 0 ? 0 : 1);
