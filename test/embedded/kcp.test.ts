import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Kubesim, startKubesim } from '@tmc/kubesim/index.ts';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { endpointsOf, eventually, spawnHost } from './fleet.ts';

/** `tmc run` with kcp as the hub: what it says when something is missing, and a first start to the end. */
describe('a host with kcp as its hub', () => {
  let folder: string;
  let kcp: Kubesim;
  let member: Kubesim;

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'tmc-embedded-kcp-'));
    kcp = await startKubesim({ kind: 'kcp' });
    member = await startKubesim({ kind: 'kube' });
    writeFileSync(join(folder, 'admin.kubeconfig'), kcp.kubeconfig({ path: 'root' }));
    writeFileSync(join(folder, 'stranger.kubeconfig'), kcp.kubeconfig({ path: 'root', token: 'expired-long-ago' }));
    writeFileSync(join(folder, 'east.kubeconfig'), member.kubeconfig());
  });

  afterAll(async () => {
    await Promise.all([kcp?.close(), member?.close()]);
    rmSync(folder, { recursive: true, force: true });
  });

  type Setup = { kubeconfig?: string; installApis?: boolean; exportName?: string; members?: readonly string[] };

  /** Starts a host on a config file of its own. */
  function start(name: string, { kubeconfig = 'admin', installApis = false, exportName, members = [] }: Setup) {
    const path = join(folder, `${name}.yaml`);
    const exported = exportName === undefined ? '' : `, export: { name: ${exportName} }`;
    const lines = [
      `hub: { kind: kcp, kubeconfig: ${kubeconfig}.kubeconfig, installApis: ${installApis}${exported} }`,
      members.length > 0 ? 'members:' : 'members: []',
      ...members.map(
        (m) =>
          `  - { name: ${m.replaceAll(':', '-')}, kubeconfig: east.kubeconfig, syncTarget: { workspace: '${m}', name: east } }`,
      ),
      `state: { path: ${name}.db }`,
      'listen: { health: 127.0.0.1:0, metrics: 127.0.0.1:0 }',
      'log: { level: info }',
    ];
    writeFileSync(path, `${lines.join('\n')}\n`);
    return spawnHost(path);
  }

  async function refusal(name: string, setup: Setup): Promise<string> {
    const host = start(name, setup);
    expect(await host.exited, host.output()).toBe(1);
    expect(host.output(), 'no stack trace for users').not.toMatch(/\n +at /);
    return host.output();
  }

  async function startsAndStops(name: string, setup: Setup): Promise<void> {
    const host = start(name, setup);
    const { health } = await endpointsOf(host);
    await eventually(`host ${name} is ready`, 30_000, async () => {
      const response = await fetch(`${health}/readyz`);
      return response.status === 200 ? undefined : await response.text();
    });
    host.child.kill('SIGTERM');
    expect(await host.exited, host.output()).toBe(0);
  }

  it('says what to change, and installed by an administrator it runs and drains', async () => {
    const missing = await refusal('missing', {});
    expect(missing).toMatch(/root:tmc.*tmc\.kcp\.io/);
    expect(missing).toMatch(/What to do: .*installApis: true/);

    await startsAndStops('install', { installApis: true });
    const wrongName = await refusal('wrong-name', { exportName: 'tcm.kcp.io' });
    expect(wrongName).toMatch(/root:tmc has no endpoint slice of export tcm\.kcp\.io\nWhat to do: .*correct its name/);

    const noWorkspace = await refusal('no-workspace', { members: ['root:acme'] });
    expect(noWorkspace).toMatch(/root:acme/);
    expect(noWorkspace).toMatch(/What to do: create the workspace/);

    const id = await kcp.createWorkspace('root:acme', { path: 'root:tmc', name: 'tmc-tenant' });
    await startsAndStops('by-path', { members: ['root:acme'] });
    await startsAndStops('by-id', { members: [id] });
  });

  it.each([true, false])('credentials that are not accepted are named (installApis: %s)', async (installApis) => {
    const refused = await refusal(`stranger-${installApis}`, { kubeconfig: 'stranger', installApis });
    expect(refused).toMatch(/401 Unauthorized/);
    expect(refused).toMatch(/401.*refused was the bearer token of the configuration.*\nWhat to do: put a token/);
    expect(refused).not.toContain('expired-long-ago');
  });
});
