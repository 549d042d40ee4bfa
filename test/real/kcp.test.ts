import { describe } from 'vitest';
import { describeKcpScenarios } from '../scenario/kcp-scenarios.ts';
import { startFleet } from './harness/fleet.ts';
import { findKcp, startKcp } from './harness/kcp.ts';

/** Tenants of a kcp the user installed, with real API servers as members. */
const binary = findKcp();
if (!binary) console.warn('SKIPPED: no kcp found. Set KCP_BIN or put kcp v0.32 on PATH to test tenants on it.');

describe.skipIf(!binary)('real kcp', () => {
  describeKcpScenarios('a real kcp', async () => {
    const kcp = await startKcp(binary ?? '');
    const fleet = await startFleet({ members: 2 }).catch(async (error: unknown) => {
      await kcp.stop();
      throw error;
    });
    return {
      kubeconfig: kcp.kubeconfig,
      createWorkspace: kcp.createWorkspace,
      restartKcp: kcp.restart,
      members: fleet.members.map(({ name, kubeconfigPath }) => ({ name, kubeconfig: kubeconfigPath })),
      async stop() {
        await fleet.stop();
        await kcp.stop();
      },
    };
  });
});
