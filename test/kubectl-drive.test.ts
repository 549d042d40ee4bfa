import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { drive } from './kubectl/drive.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'fake-kubectl-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** A kubectl whose watch does this, and whose other commands leave a file `done`. */
function fakeKubectl(watch: string) {
  const binary = join(folder, 'kubectl');
  const script = `#!${process.execPath}
const { existsSync, writeFileSync } = require('node:fs');
const done = ${JSON.stringify(join(folder, 'done'))};
const log = () => console.error('I0101 00:00:00.000000 1 round_trippers.go:1] GET https://x/configmaps?watch=true 200 OK in 1 ms');
if (process.argv.includes('--watch')) { ${watch} } else writeFileSync(done, '');
`;
  writeFileSync(binary, script, { mode: 0o700 });
  return { binary, kubeconfig: 'none' };
}

const WATCH = { run: 'get configmaps --watch', during: ['create configmap seen'], until: /ADDED/ };

it('the commands of a watch run once the server accepted it', async () => {
  // Long enough for a command to be done that does not wait.
  const kubectl = fakeKubectl(`
    setTimeout(() => {
      console.log(existsSync(done) ? "TOO EARLY ADDED" : "EMPTY");
      log();
      const looking = setInterval(() => {
        if (!existsSync(done)) return;
        clearInterval(looking);
        console.log('ADDED');
      }, 20);
    }, 1_000);`);
  expect(await drive(kubectl, [WATCH])).toBe(
    '$ kubectl get configmaps --watch\nexit ended by the script\nEMPTY\nADDED\n',
  );
});

it('a watch that ends before it shows what it should is told with what it said', async () => {
  const kubectl = fakeKubectl(`log(); console.error('lost'); process.exitCode = 3;`);
  await expect(drive(kubectl, [WATCH])).rejects.toThrow(/shows no \/ADDED\/: it ended with 3; so far:.*lost/s);
});
