import { findCondition } from '@tmc/kernel/condition.ts';
import type { Condition, KubeObject } from '@tmc/kernel/object.ts';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  configMap,
  endpointsOf,
  eventually,
  everywhere,
  key,
  namespace,
  type SimulatedFleet,
  spawnHost,
  startSimulatedFleet,
  syncTarget,
} from './fleet.ts';

/** `tmc run` as operators know it: probes, metrics, signals, and servers that go away and come back. */

type Host = ReturnType<typeof spawnHost>;

const ask = async (url: string): Promise<{ status: number; text: string }> => {
  const response = await fetch(url);
  return { status: response.status, text: await response.text() };
};

/** The value of one series of the Prometheus text, 0 while it is absent. */
async function series(metrics: string, name: string): Promise<number> {
  const { text } = await ask(`${metrics}/metrics`);
  const line = text.split('\n').find((l) => l.startsWith(`${name} `));
  return line === undefined ? 0 : Number(line.slice(name.length + 1));
}

const conditionOf = (obj: KubeObject | undefined, type: string): Condition | undefined =>
  findCondition((obj as { status?: { conditions?: Condition[] } } | undefined)?.status?.conditions, type);

const deployment = (name: string): KubeObject => ({
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name, namespace: 'shop' },
  spec: {
    replicas: 1,
    selector: { matchLabels: { app: name } },
    template: {
      metadata: { labels: { app: name } },
      spec: { containers: [{ name: 'web', image: 'nginx:1' }] },
    },
  },
});

describe('a running host', () => {
  let fleet: SimulatedFleet;
  let host: Host;
  let at: { health: string; metrics: string };

  beforeAll(async () => {
    fleet = await startSimulatedFleet(['west', 'east'], { logLevel: 'info' });
    host = spawnHost(fleet.configPath);
    at = await endpointsOf(host);
    await isReady();
    await fleet.hub.create(key('synctargets', 'west'), syncTarget('west'));
    await fleet.hub.create(key('synctargets', 'east'), syncTarget('east'));
    await fleet.hub.create(key('clusterworkloadplacements', 'everywhere'), everywhere(2));
    await fleet.hub.create(key('namespaces', 'shop'), namespace('shop'));
    await create('first');
    await arrives('first');
  });

  afterAll(async () => {
    host?.child.kill('SIGKILL');
    await fleet?.close();
  });

  const isReady = (deadlineMs = 20_000) =>
    eventually('the host is ready', deadlineMs, async () => {
      const { status, text } = await ask(`${at.health}/readyz`);
      return status === 200 ? undefined : text;
    });

  const healthPage = async () =>
    JSON.parse((await ask(`${at.health}/health`)).text) as {
      relays: Record<string, object[]>;
      queues: Record<string, { dead: number }>;
    };

  async function arrives(name: string, members = ['west', 'east'], deadlineMs = 20_000): Promise<void> {
    for (const member of members) {
      await eventually(`${name} in ${member}`, deadlineMs, async () =>
        (await fleet.members[member]?.get(key('configmaps', name, 'shop'))) ? undefined : host.output().slice(-1500),
      );
    }
  }

  /** Connections that a restart of the server cut tell so once. */
  const create = (name: string) =>
    eventually(`${name} is created`, 10_000, async () => {
      const before = await fleet.hub.get(key('configmaps', name, 'shop'));
      if (!before) await fleet.hub.create(key('configmaps', name, 'shop'), configMap('shop', name, { a: '1' }));
      return undefined;
    });

  it('serves probes, a health page and metrics that move with what it does', async () => {
    expect(await ask(`${at.health}/healthz`)).toEqual({ status: 200, text: 'ok\n' });
    expect((await ask(`${at.health}/nowhere`)).status).toBe(404);
    const handled = 'tmc_messages_handled_total{queue="sync",outcome="done"}';
    const before = await series(at.metrics, handled);
    await create('counted');
    await arrives('counted');
    await eventually('the counter moves', 5_000, async () => {
      const now = await series(at.metrics, handled);
      return now > before ? undefined : `it is ${now} and was ${before}`;
    });
    expect(await series(at.metrics, 'tmc_relay_ready{relay="west"}')).toBe(1);
    expect(
      await series(at.metrics, 'tmc_relay_source_total{relay="hub",resource="configmaps",kind="upserts"}'),
    ).toBeGreaterThan(0);
    const { relays, queues } = await healthPage();
    expect(Object.keys(relays).sort()).toEqual(['east', 'hub', 'west']);
    expect(Object.keys(queues).sort()).toEqual(['placement', 'recovery', 'status', 'sync']);
  });

  it('a message nobody can handle is parked in sight of operator and user, until the object changes', async () => {
    const poison = key('deployments', 'poison', 'shop');
    const before = (await healthPage()).queues['sync']?.dead ?? 0;
    const refused = { method: 'PATCH', path: /deployments\/poison(\?|$)/, times: 1_000_000 };
    const accept = fleet.servers['hub']?.faults.add({ ...refused, fault: { kind: 'status', code: 422 } });
    await fleet.hub.create(poison, deployment('poison'));
    const stalled = async () => conditionOf(await fleet.hub.get(poison), 'workload.kcp.io/Stalled');
    await eventually('the user is told', 20_000, async () => {
      const condition = await stalled();
      return condition?.status === 'True' && condition.message.includes('422') ? undefined : JSON.stringify(condition);
    });
    await eventually('the dead letter is counted', 5_000, async () => {
      const { dead } = (await healthPage()).queues['sync'] ?? { dead: 0 };
      return dead > before ? undefined : `${dead} dead letters`;
    });
    expect(await series(at.metrics, 'tmc_messages_handled_total{queue="sync",outcome="park"}')).toBeGreaterThan(0);
    expect(host.output()).toMatch(/"queue":"sync".*"msg":"message parked"/);
    accept?.();
    await fleet.hub.patch(poison, { metadata: { labels: { mended: 'yes' } } });
    await eventually('the copies', 20_000, async () =>
      (await fleet.members['west']?.get(poison)) ? undefined : host.output().slice(-1500),
    );
    await eventually('the user is told that it is well', 10_000, async () => {
      const condition = await stalled();
      return condition?.status === 'False' ? undefined : JSON.stringify(condition);
    });
  });

  it('a second host on the same state file says so and ends 1; the first lives on', async () => {
    const second = spawnHost(fleet.configPath);
    expect(await second.exited).toBe(1);
    expect(second.output()).toMatch(/could not open the state file .*state\.db.*locked/);
    expect(second.output()).toMatch(/stop the other process that uses it/);
    expect(second.output()).not.toMatch(/\n +at /);
    expect((await ask(`${at.health}/healthz`)).status).toBe(200);
  });

  it.each(['east', 'hub'])('%s going away makes it not ready, not dead; it catches up by itself', async (name) => {
    const server = fleet.servers[name];
    if (!server) throw new Error(`no server ${name}`);
    const comeBack = server.faults.add({ times: 1_000_000, fault: { kind: 'status', code: 503 } });
    const created = `during-outage-of-${name}`;
    try {
      await server.restart();
      await eventually('readiness names it', 30_000, async () => {
        const { status, text } = await ask(`${at.health}/readyz`);
        return status === 503 && text.includes(`relay ${name}:`) ? undefined : `${status} ${text}`;
      });
      expect((await ask(`${at.health}/healthz`)).status).toBe(200);
      expect(await series(at.metrics, `tmc_relay_sources_missing{relay="${name}"}`)).toBeGreaterThan(0);
      if (name !== 'hub') {
        await create(created);
        await arrives(created, ['west']);
      }
    } finally {
      comeBack();
    }
    if (name === 'hub') await create(created);
    await arrives(created, ['west', 'east'], 60_000);
    await isReady(60_000);
    expect(host.child.exitCode).toBeNull();
  });

  it('a member that says nothing holds up its own copies only, and gets them later', async () => {
    const wentBack = 'tmc_messages_handled_total{queue="sync",outcome="again"}';
    const before = await series(at.metrics, wentBack);
    const silence = { method: 'PATCH', path: '/configmaps/silent', times: 1_000_000 };
    const speak = fleet.servers['east']?.faults.add({ ...silence, fault: { kind: 'delay', ms: 600_000 } });
    await create('silent');
    await create('beside');
    await arrives('silent', ['west']);
    await arrives('beside');
    await eventually('the call to east is given up', 20_000, async () => {
      const now = await series(at.metrics, wentBack);
      return now > before ? undefined : 'no message went back';
    });
    speak?.();
    await arrives('silent', ['east'], 30_000);
    expect(host.output()).not.toContain('batch failed');
  });

  it('SIGTERM drains and ends 0 within seconds, though watches are open; the next start goes on', async () => {
    await create('before-the-stop');
    const signalledAt = performance.now();
    host.child.kill('SIGTERM');
    expect(await host.exited, host.output()).toBe(0);
    expect(performance.now() - signalledAt).toBeLessThan(5_000);
    expect(host.output()).not.toMatch(/"level":50/);
    await create('while-stopped');
    host = spawnHost(fleet.configPath);
    at = await endpointsOf(host);
    await arrives('before-the-stop');
    await arrives('while-stopped');
    await isReady();
  });
});
