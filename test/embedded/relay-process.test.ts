import { once } from 'node:events';
import { chmodSync, copyFileSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { join } from 'node:path';
import { openKubernetes } from '@tmc/adapters/fleet/kubeconfigs.ts';
import type { HubApi } from '@tmc/kernel/ports.ts';
import { WATCH_STATES } from '@tmc/relay/watch-state.ts';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { whyNoJava } from '../emulators/java.ts';
import { configMap, key, namespace } from './fleet.ts';
import {
  createDoor,
  eventually,
  type RelayChild,
  type RelayWorld,
  ready,
  spawnCommand,
  spawnRelay,
  startRelayWorld,
  WORKSPACE,
} from './relay-harness.ts';

const missing = await whyNoJava();
if (missing) console.warn(`SKIPPED: the relay process with ElasticMQ and DynamoDB Local: ${missing}`);

describe.skipIf(missing !== undefined)('the relay as a single file', () => {
  let world: RelayWorld;
  let hub: HubApi & { close(): void };
  let node: string;
  let children: RelayChild[] = [];
  let made = 0;

  beforeAll(async () => {
    world = await startRelayWorld();
    hub = await openKubernetes({ kubeconfig: world.kubeconfig, workspace: WORKSPACE });
    await hub.create(key('namespaces', 'demo'), namespace('demo'));
    node = join(world.folder, 'node');
    copyFileSync(process.execPath, node);
    chmodSync(node, 0o755);
  });
  afterEach(async () => {
    for (const { child, exited } of children) {
      child.kill('SIGKILL');
      await exited;
    }
    children = [];
  });
  afterAll(async () => {
    hub?.close();
    await world?.close();
  });

  const start = (name: string, changes?: object): RelayChild => {
    const relay = spawnRelay(world, world.config(name, changes), { node });
    children.push(relay);
    return relay;
  };
  /** A new object in the hub, and its message in the queue. */
  const relayed = async (): Promise<void> => {
    made += 1;
    const name = `c-${made}`;
    await hub.create(key('configmaps', name, 'demo'), configMap('demo', name, { n: String(made) }));
    await world.receive('sync', (envelope) => envelope.key.name === name);
  };
  const term = async ({ child, exited, output }: RelayChild): Promise<void> => {
    child.kill('SIGTERM');
    expect(await exited, output()).toBe(0);
  };

  it('starts as nobody, with no write access and an empty environment, relays, and ends with 0', async () => {
    const relay = start('alone');
    const { metrics } = await relay.addresses();
    console.log(`relay.mjs serves after ${Math.round(performance.now() - relay.startedAtMs)} ms`);
    await ready(relay);
    await relayed();
    const text = await (await fetch(`http://${metrics}/metrics`)).text();
    for (const state of WATCH_STATES) {
      expect(text).toContain(`tmc_relay_state_entered_total{relay="alone",resource="configmaps",state="${state}"}`);
    }
    expect(text).toContain('tmc_relay_repaired_total{relay="alone",resource="configmaps"} 0');
    await term(relay);
    expect(relay.output()).not.toMatch(/level":50/);
  });

  it('a restart resumes: what came while it was away is told', async () => {
    const first = start('again');
    await ready(first);
    await relayed();
    await term(first);
    await hub.create(key('configmaps', 'meanwhile', 'demo'), configMap('demo', 'meanwhile', {}));
    await ready(start('again'));
    await world.receive('sync', ({ key: { name } }) => name === 'meanwhile');
  });

  it('queues and table that are away: it says so once each, keeps trying, and works when they are back', async () => {
    const [queues, table] = await Promise.all([createDoor(world.endpoints.queues), createDoor(world.endpoints.table)]);
    const behind = (url: string) => queues.endpoint + new URL(url).pathname;
    const urls = Object.fromEntries(Object.entries(world.urls).map(([name, url]) => [name, behind(url)]));
    const relay = start('patient', {
      queues: { endpoint: queues.endpoint, urls },
      table: { endpoint: table.endpoint, name: 'tmc' },
    });
    await eventually('it misses the table', async () =>
      relay.output().includes('"outlet":"table"') ? true : undefined,
    );
    await table.open();
    const refused = await eventually('it misses the queues', async () => {
      const answer = await relay.readyz();
      return answer.text.includes('refuses messages') ? answer : undefined;
    });
    expect(refused.code).toBe(503);
    expect(refused.text).toMatch(/relay patient: queue (placement|sync|recovery) refuses messages: .*ECONNREFUSED/);
    await queues.open();
    await ready(relay);
    await relayed();
    expect(relay.output().match(/"outlet":"table".*ECONNREFUSED/g)).toHaveLength(1);
    await term(relay);
    await Promise.all([queues.close(), table.close()]);
  });

  it('a queue that does not exist is named with what to do, and the others go on', async () => {
    const urls = { ...world.urls, placement: `${world.urls.placement}-mistyped` };
    const relay = start('mistyped', { queues: { endpoint: world.endpoints.queues, urls } });
    await relayed();
    const line = await eventually('it names the queue', async () =>
      relay
        .output()
        .split('\n')
        .find((each) => each.includes('"outlet":"queue placement"')),
    );
    expect(JSON.parse(line)).toMatchObject({ level: 40, hint: 'check queues.urls in the configuration' });
    expect((await relay.readyz()).text).toContain('relay mistyped: queue placement refuses messages');
  });

  describe('two replicas', () => {
    const election = { enabled: true, leaseMs: 3_000, renewDeadlineMs: 2_000, retryMs: 250 };
    const leader = (relays: RelayChild[]) =>
      eventually('one leads', async () => relays.find((relay) => relay.output().includes('elected')));

    it('after SIGTERM the other one takes over at its next look; the one that stands by is ready', async () => {
      // Without a release nobody would follow for a minute.
      const long = { ...election, leaseMs: 60_000, renewDeadlineMs: 40_000 };
      const pair = [start('a', { election: long }), start('b', { election: long })];
      const first = await leader(pair);
      const second = pair.find((relay) => relay !== first) as RelayChild;
      await Promise.all(pair.map(ready));
      await relayed();
      expect(second.output()).not.toContain('elected');
      await term(first);
      const stoppedAtMs = performance.now();
      await leader([second]);
      console.log(
        `the other replica leads ${Math.round(performance.now() - stoppedAtMs)} ms after the end of the first`,
      );
      await relayed();
      await term(second);
    });

    it('after SIGKILL the other one takes over when the lease has stood unchanged', async () => {
      const pair = [start('c', { election }), start('d', { election })];
      const first = await leader(pair);
      const second = pair.find((relay) => relay !== first) as RelayChild;
      await Promise.all(pair.map(ready));
      first.child.kill('SIGKILL');
      await relayed();
      expect(second.output()).toContain('elected');
      await term(second);
    });

    it('a leader that was frozen for longer than its lease stops relaying, and stands by', async () => {
      const pair = [start('e', { election }), start('f', { election })];
      const first = await leader(pair);
      const second = pair.find((relay) => relay !== first) as RelayChild;
      await Promise.all(pair.map(ready));
      first.child.kill('SIGSTOP');
      await leader([second]);
      first.child.kill('SIGCONT');
      await eventually('it notices', async () => (first.output().includes('no longer leads') ? true : undefined));
      await relayed();
      await ready(first);
      await Promise.all(pair.map(term));
    });
  });

  it.each([
    ['a file', 'nowhere.json', /cannot read the configuration/],
    [
      'two mistakes',
      'mistaken',
      /lingerMs: expected at most 10[\s\S]*queues\.urls\.recovery: expected the URL of this queue/,
    ],
    ['a kubeconfig', 'no-kubeconfig', /kubeconfig .*absent cannot be used: there is no such file/],
    ['an address', 'no-address', /cannot listen on 127\.0\.0\.1:\d+: .*EADDRINUSE/],
  ])('without %s that can be used it ends with 1 and says what to do', async (_what, name, text) => {
    const { placement, sync } = world.urls;
    world.config('mistaken', {
      outbox: { lingerMs: 500 },
      queues: { endpoint: world.endpoints.queues, urls: { placement, sync } },
    });
    world.config('no-kubeconfig', { hub: { kind: 'kubernetes', kubeconfig: 'absent', workspace: WORKSPACE } });
    const taken = createServer().listen(0, '127.0.0.1');
    await once(taken, 'listening');
    const { port } = taken.address() as AddressInfo;
    world.config('no-address', { listen: { health: `127.0.0.1:${port}`, metrics: '127.0.0.1:0' } });
    const path = join(world.folder, name.endsWith('.json') ? name : `${name}.json`);
    const relay = spawnRelay(world, path, { node });
    children.push(relay);
    const code = await relay.exited;
    taken.close();
    expect(code, relay.output()).toBe(1);
    expect(relay.output()).toMatch(text);
    expect(relay.output()).not.toMatch(/\n +at /);
  });

  it('`tmc relay` starts the same', async () => {
    const relay = spawnCommand(world.config('command'));
    children.push(relay);
    await ready(relay);
    await relayed();
    await term(relay);
  });
});
