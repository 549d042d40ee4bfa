/**
 * `npm run test:real`: contract, scenarios and demo on real kube-apiserver, kube-controller-manager and etcd; with kcp as hub where
 * `KCP_BIN` or `kcp` on PATH exists. Closes with one line `N passed, N failed`.
 */
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { findKcp } from '../test/real/harness/kcp.ts';
import { ensureKubeBinaries } from '../test/real/tools/build.ts';

const root = resolve(import.meta.dirname, '..');
await ensureKubeBinaries();
if (!findKcp()) console.log('SKIPPED: the suites with kcp as hub, because neither KCP_BIN nor kcp on PATH exists');

const scratch = mkdtempSync(join(tmpdir(), 'tmc-real-'));
const report = join(scratch, 'real.json');
const vitest = join(root, 'node_modules', 'vitest', 'vitest.mjs');
// One file after the other: each starts servers of its own, and the machine may have two cores.
const args = ['run', '--project', 'real', '--no-file-parallelism', '--reporter=default', '--reporter=json'];
const child = spawn(process.execPath, [vitest, ...args, `--outputFile.json=${report}`, ...process.argv.slice(2)], {
  cwd: root,
  stdio: 'inherit',
});
child.on('exit', (code) => {
  let passed = 0;
  let failed = 1;
  try {
    const totals = JSON.parse(readFileSync(report, 'utf8')) as { numPassedTests: number; numFailedTests: number };
    passed = totals.numPassedTests;
    failed = totals.numFailedTests || (code === 0 ? 0 : 1);
  } catch {
    // No report: the suite died, which is the one failure counted above.
  }
  rmSync(scratch, { recursive: true, force: true });
  console.log(`\n${passed} passed, ${failed} failed`);
  process.exit(failed === 0 ? 0 : 1);
});
