import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startKubesim } from '@tmc/kubesim/index.ts';
import { describeScenarios } from './scenarios.ts';
import { MEMBERS, startWorld } from './world.ts';

describeScenarios('simulated API servers', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'tmc-scenario-'));
  const servers = await Promise.all(
    ['hub', ...MEMBERS].map(async (name) => {
      const server = await startKubesim({ kind: 'kube', ...(name === 'hub' ? {} : { faker: {} }) });
      const kubeconfig = join(folder, `${name}.kubeconfig`);
      writeFileSync(kubeconfig, server.kubeconfig());
      return { name, kubeconfig, server };
    }),
  );
  const [hub, ...members] = servers;
  const world = await startWorld({ hub: hub!.kubeconfig, members });
  return {
    ...world,
    async stop() {
      await world.stop();
      await Promise.all(servers.map(({ server }) => server.close()));
      rmSync(folder, { recursive: true, force: true });
    },
  };
});
