import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Kubesim, startKubesim } from '@tmc/kubesim/index.ts';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  conditionOf,
  deployment,
  eventually,
  hubKey,
  MEMBERS,
  placeNamespace,
  startWorld,
  type World,
} from './world.ts';

/** What a workload costs the hub, counted by the hub's API server: every write of ours and none of the user's. */
describe('hub writes', () => {
  let world: World;
  let hub: Kubesim;
  const servers: Kubesim[] = [];
  const folder = mkdtempSync(join(tmpdir(), 'tmc-writes-'));
  const COUNT = 20;

  beforeAll(async () => {
    const start = async (name: string) => {
      const server = await startKubesim({ kind: 'kube', ...(name === 'hub' ? {} : { faker: {} }) });
      servers.push(server);
      const kubeconfig = join(folder, name);
      writeFileSync(kubeconfig, server.kubeconfig());
      return { name, kubeconfig, server };
    };
    const started = await start('hub');
    hub = started.server;
    world = await startWorld({ hub: started.kubeconfig, members: await Promise.all(MEMBERS.map(start)) });
    await placeNamespace(world, 'counted', { minReplicas: 3, maxReplicas: 3 });
    await eventually('three targets are chosen', async () => {
      const policy = await world.hub.get(hubKey('clusterworkloadplacements', 'counted'));
      const chosen = (policy?.['status'] as { selectedTargets?: string[] } | undefined)?.selectedTargets ?? [];
      return chosen.length === 3 ? undefined : `${chosen}`;
    });
  });

  afterAll(async () => {
    await world?.stop();
    await Promise.all(servers.map((server) => server.close()));
    rmSync(folder, { recursive: true, force: true });
  });

  const names = Array.from({ length: COUNT }, (_, i) => `web-${i}`);

  /** Waits until every Deployment is rolled out in the hub's eyes and nothing moves any more. */
  async function settled(image: string): Promise<void> {
    for (const name of names) {
      await eventually(`${name} is rolled out with ${image}`, async () => {
        const object = await world.hub.get(hubKey('deployments', name, 'counted'));
        const status = object?.['status'] as {
          updatedReplicas?: number;
          readyReplicas?: number;
          observedGeneration?: number;
        };
        if (status?.observedGeneration !== object?.metadata.generation) return 'an older generation is observed';
        const ready = status?.readyReplicas === 3 && status.updatedReplicas === 3;
        return ready && conditionOf(object, 'Available')?.status === 'True' ? undefined : JSON.stringify(status);
      });
    }
    let last = -1;
    await eventually('two looks two seconds apart count the same', async () => {
      const now = hub.requests.total('deployments');
      const same = now === last;
      last = now;
      if (same) return undefined;
      await new Promise((settle) => setTimeout(settle, 2_000));
      return 'writes go on';
    });
  }

  it('a new Deployment on three clusters costs at most 3, an image update at most 1', async () => {
    hub.requests.reset();
    for (const name of names)
      await world.hub.create(hubKey('deployments', name, 'counted'), deployment('counted', name));
    await settled('nginx:1.27');
    const created = hub.requests.total('deployments') - COUNT;
    expect(created / COUNT, JSON.stringify(hub.requests.all())).toBeLessThanOrEqual(3);
    expect(created / COUNT).toBeGreaterThanOrEqual(2);

    hub.requests.reset();
    const template = (name: string) => ({
      spec: { containers: [{ name: 'app', image: 'nginx:1.28' }] },
      metadata: { labels: { app: name } },
    });
    for (const name of names) {
      await world.hub.patch(hubKey('deployments', name, 'counted'), { spec: { template: template(name) } });
    }
    await settled('nginx:1.28');
    const updated = hub.requests.total('deployments') - COUNT;
    expect(updated / COUNT, JSON.stringify(hub.requests.all())).toBeLessThanOrEqual(1);
  });
});
