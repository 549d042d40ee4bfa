import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startKubesim } from '@tmc/kubesim/index.ts';
import { describeKcpScenarios } from './kcp-scenarios.ts';

describeKcpScenarios('a simulated kcp', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'tmc-kcp-scenario-'));
  const file = (name: string, text: string): string => {
    const path = join(folder, `${name.replaceAll(':', '-')}.kubeconfig`);
    writeFileSync(path, text, { mode: 0o600 });
    return path;
  };
  const kcp = await startKubesim({ kind: 'kcp' });
  const members = await Promise.all(
    ['member-1', 'member-2'].map(async (name) => {
      const server = await startKubesim({ kind: 'kube', faker: {} });
      return { name, server, kubeconfig: file(name, server.kubeconfig()) };
    }),
  );
  return {
    kubeconfig: (path) => file(path, kcp.kubeconfig({ path })),
    createWorkspace: (path, type) => kcp.createWorkspace(path, type),
    restartKcp: () => kcp.restart({ troubles: true }),
    members,
    async stop() {
      await Promise.all([kcp, ...members.map(({ server }) => server)].map((server) => server.close()));
      rmSync(folder, { recursive: true, force: true });
    },
  };
});
