import { chmodSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parse, stringify } from 'yaml';
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

/** What `tmc run` says when it cannot start, and what it starts in spite of. */

type Kubeconfig = {
  clusters: { cluster: { server: string } }[];
  users: { user: Record<string, unknown> }[];
};

/** Ends with code 1 and a text without a stack trace; resolves with the text. */
async function refusal(configPath: string): Promise<string> {
  const host = spawnHost(configPath);
  const code = await host.exited;
  expect(code, host.output()).toBe(1);
  expect(host.output()).not.toMatch(/\n +at /);
  return host.output();
}

/** The address of a port nobody listens on. */
async function deadAddress(): Promise<string> {
  const server = createServer();
  const port = await new Promise<number>((settle) => {
    server.listen(0, '127.0.0.1', () => settle((server.address() as { port: number }).port));
  });
  await new Promise((settle) => server.close(settle));
  return `https://127.0.0.1:${port}`;
}

describe('starting a host', () => {
  let fleet: SimulatedFleet;
  let hosts: ReturnType<typeof spawnHost>[] = [];

  beforeAll(async () => {
    fleet = await startSimulatedFleet(['west', 'east'], { logLevel: 'info' });
  });

  afterAll(async () => {
    for (const host of hosts) host.child.kill('SIGKILL');
    hosts = [];
    await fleet?.close();
  });

  const path = (file: string) => join(fleet.folder, file);

  /** A config like the fleet's with state of its own, changed by `edit`. */
  function variant(name: string, edit: (text: string) => string): string {
    const text = `${edit(readFileSync(fleet.configPath, 'utf8'))}state: { path: .tmc/${name}.db }\n`;
    writeFileSync(path(`${name}.yaml`), text);
    return path(`${name}.yaml`);
  }

  /** A copy of a kubeconfig, changed by `edit`; resolves with its file name. */
  function kubeconfig(from: string, name: string, edit: (config: Kubeconfig) => void): string {
    const config = parse(readFileSync(path(`${from}.kubeconfig`), 'utf8')) as Kubeconfig;
    edit(config);
    writeFileSync(path(`${name}.kubeconfig`), stringify(config));
    return `${name}.kubeconfig`;
  }

  const cluster = (config: Kubeconfig) => config.clusters[0]?.cluster ?? { server: '' };
  const withUser = (user: Record<string, unknown>) => (config: Kubeconfig) => {
    config.users = config.users.map((entry) => ({ ...entry, user }));
  };

  it('names every mistake of a configuration on a line of its own', async () => {
    writeFileSync(
      path('wrong.yaml'),
      [
        'hub: { kind: kubernetes, kubeconfig: 7 }',
        'members:',
        "  - { name: '', kubeconfig: west.kubeconfig, syncTarget: { workspace: shop } }",
        'listen: { health: nowhere }',
        'colour: red',
        '',
      ].join('\n'),
    );
    const lines = (await refusal(path('wrong.yaml'))).split('\n').map((line) => line.trim());
    expect(lines).toContain('hub.kubeconfig: expected string, received 7');
    expect(lines).toContain('members.0.name: expected at least 1 character(s), received ""');
    expect(lines).toContain('members.0.syncTarget.name: expected string, received nothing');
    expect(lines).toContain('listen.health: expected an address host:port, received "nowhere"');
    expect(lines).toContain('colour: expected no such setting, received one');
    expect(lines.filter((line) => line.includes(': expected '))).toHaveLength(5);
  });

  it('says that a configuration or kubeconfig file is missing, or lacks the context', async () => {
    expect(await refusal(path('nowhere.yaml'))).toMatch(/cannot read the configuration .*nowhere\.yaml.*\nWhat to do:/);
    const noFile = variant('no-file', (text) => text.replace('kubeconfig: hub.', 'kubeconfig: gone.'));
    expect(await refusal(noFile)).toMatch(/kubeconfig .*gone\.kubeconfig cannot be used: there is no such file\nWhat/);
    const exec = {
      apiVersion: 'client.authentication.k8s.io/v1',
      command: path('no-plugin'),
      interactiveMode: 'Never',
    };
    const noPlugin = kubeconfig('hub', 'no-plugin', withUser({ exec }));
    const pluginFails = variant('plugin-fails', (text) => text.replace('hub.kubeconfig', noPlugin));
    expect(await refusal(pluginFails)).toMatch(/no-plugin\.kubeconfig cannot be used: .*no-plugin(.|\n)*\nWhat to do:/);
    const noContext = variant('no-context', (text) =>
      text.replace('hub.kubeconfig,', 'hub.kubeconfig, context: prod,'),
    );
    expect(await refusal(noContext)).toMatch(/hub\.kubeconfig cannot be used: it has no context prod\nWhat to do:/);
  });

  it('says that the hub cannot be reached, refuses the token, or that an address is taken', async () => {
    const server = await deadAddress();
    const away = kubeconfig('hub', 'away', (config) => {
      cluster(config).server = server;
    });
    const hubAway = variant('hub-away', (text) => text.replace('hub.kubeconfig', away));
    expect(await refusal(hubAway)).toMatch(/^hub of .*away\.kubeconfig: .*ECONNREFUSED.*\nWhat to do: .*kubeconfig/);
    const wrong = kubeconfig('hub', 'wrong-token', withUser({ token: 'not-the-token' }));
    const wrongToken = variant('wrong-token', (text) => text.replace('hub.kubeconfig', wrong));
    const text = await refusal(wrongToken);
    expect(text).toMatch(/^hub of .*wrong-token\.kubeconfig: .*401.*refused was.*\nWhat to do: .*token/);
    expect(text).not.toContain('not-the-token');
    const taken = createServer();
    const port = await new Promise<number>((settle) => {
      taken.listen(0, '127.0.0.1', () => settle((taken.address() as { port: number }).port));
    });
    const portTaken = variant('port-taken', (config) =>
      config.replace('health: 127.0.0.1:0', `health: 127.0.0.1:${port}`),
    );
    expect(await refusal(portTaken)).toMatch(new RegExp(`cannot listen on 127.0.0.1:${port}`));
    await new Promise((settle) => taken.close(settle));
  });

  it('a member that is away at the start keeps nobody waiting; an exec plugin and a token file give credentials', async () => {
    const server = await deadAddress();
    const east = kubeconfig('east', 'east-away', (config) => {
      cluster(config).server = server;
    });
    writeFileSync(path('west.token'), 'outdated');
    const west = kubeconfig('west', 'west-file', withUser({ tokenFile: 'west.token' }));
    const plugin = path('plugin.mjs');
    const credential = {
      apiVersion: 'client.authentication.k8s.io/v1',
      kind: 'ExecCredential',
      status: { token: fleet.servers['hub']?.adminToken },
    };
    writeFileSync(plugin, `#!${process.execPath}\nconsole.log(${JSON.stringify(JSON.stringify(credential))});\n`);
    chmodSync(plugin, 0o700);
    const exec = { apiVersion: 'client.authentication.k8s.io/v1', command: plugin, interactiveMode: 'Never' };
    const hub = kubeconfig('hub', 'hub-exec', withUser({ exec }));
    const configPath = variant('member-away', (text) =>
      text.replace('hub.kubeconfig', hub).replace('west.kubeconfig', west).replace('east.kubeconfig', east),
    );
    const host = spawnHost(configPath);
    hosts.push(host);
    const { health } = await endpointsOf(host);
    const readyz = async () => (await fetch(`${health}/readyz`)).text();
    await eventually('readiness names the members that do not answer, and only those', 20_000, async () => {
      const text = await readyz();
      const named = ['hub', 'west', 'east'].map((name) => text.includes(`relay ${name}: `));
      const why = /relay west: .*401/.test(text) && /relay east: .*ECONNREFUSED/.test(text);
      return why && named.join() === 'false,true,true' ? undefined : text;
    });
    writeFileSync(path('west.token'), fleet.servers['west']?.adminToken ?? '');
    await fleet.hub.create(key('synctargets', 'west'), syncTarget('west'));
    await fleet.hub.create(key('synctargets', 'east'), syncTarget('east'));
    await fleet.hub.create(key('clusterworkloadplacements', 'everywhere'), everywhere(1));
    await fleet.hub.create(key('namespaces', 'shop'), namespace('shop'));
    await fleet.hub.create(key('configmaps', 'served', 'shop'), configMap('shop', 'served', { a: '1' }));
    await eventually('the copy in west', 40_000, async () =>
      (await fleet.members['west']?.get(key('configmaps', 'served', 'shop'))) ? undefined : await readyz(),
    );
    expect(await readyz()).toMatch(/relay east: /);
    expect((await fetch(`${health}/readyz`)).status).toBe(503);
  });
});
