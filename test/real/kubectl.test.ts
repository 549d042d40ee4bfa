import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { drive, KUBECTL, kubectlVersion } from '../kubectl/drive.ts';
import { RECORD, recordingOf } from '../kubectl/recording.ts';
import { SCRIPT } from '../kubectl/script.ts';
import { type Fleet, startFleet } from './harness/fleet.ts';

/**
 * The recordings of kubectl that the simulator is held to, held to real servers. With TMC_RECORD set they are written instead;
 * TMC_KUBECTL chooses the kubectl.
 */
describe('kubectl against a real API server', () => {
  let fleet: Fleet;

  beforeAll(async () => {
    fleet = await startFleet({ members: 1 });
  }, 120_000);

  afterAll(async () => {
    await fleet?.stop();
  }, 30_000);

  it('exits and prints as recorded', async ({ skip }) => {
    const kubectl = { binary: KUBECTL, kubeconfig: fleet.members[0]?.kubeconfigPath ?? '' };
    const version = await kubectlVersion(kubectl);
    if (version === undefined) {
      console.log('SKIPPED: kubectl against a real API server, because kubectl is not on PATH');
      return skip();
    }
    const recording = recordingOf(version);
    const seen = await drive(kubectl, SCRIPT);
    if (process.env['TMC_RECORD']) {
      writeFileSync(recording, seen);
      console.log(`recorded ${recording}`);
      return;
    }
    if (!existsSync(recording)) {
      console.log(
        `SKIPPED: kubectl against a real API server, because no recording of kubectl ${version} is there; make one: ${RECORD}`,
      );
      return skip();
    }
    expect(seen).toBe(readFileSync(recording, 'utf8'));
  }, 300_000);
});
