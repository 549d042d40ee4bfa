import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Kubesim, startKubesim } from '@tmc/kubesim/index.ts';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { drive, KUBECTL, kubectlVersion } from '../kubectl/drive.ts';
import { RECORD, recordingOf } from '../kubectl/recording.ts';
import { SCRIPT } from '../kubectl/script.ts';

/** kubectl as a client: the same command lines must end as they did against a real API server with its controllers. */
describe('kubectl against the simulator', () => {
  let kubesim: Kubesim;
  let folder: string;
  let kubeconfig: string;

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'kubectl-test-'));
    kubesim = await startKubesim({ kind: 'kube', faker: {} });
    kubeconfig = join(folder, 'kubeconfig');
    writeFileSync(kubeconfig, kubesim.kubeconfig(), { mode: 0o600 });
  });

  afterAll(async () => {
    await kubesim.close();
    rmSync(folder, { recursive: true, force: true });
  });

  it('exits and prints as against a real server', async ({ skip }) => {
    const kubectl = { binary: KUBECTL, kubeconfig };
    const version = await kubectlVersion(kubectl);
    if (version === undefined) {
      console.log('SKIPPED: kubectl against the simulator, because kubectl is not on PATH');
      return skip();
    }
    console.log(`kubectl is ${version}`);
    const recording = recordingOf(version);
    if (!existsSync(recording)) {
      console.log(
        `SKIPPED: kubectl against the simulator, because no recording of kubectl ${version} is there; make one: ${RECORD}`,
      );
      return skip();
    }
    expect(await drive(kubectl, SCRIPT)).toBe(readFileSync(recording, 'utf8'));
  }, 180_000);
});
