import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { openKubernetes } from '@tmc/adapters/fleet/kubeconfigs.ts';
import { connectionFrom } from '@tmc/adapters/kube/kubeconfig.ts';
import { createWatchSource } from '@tmc/adapters/kube/watch.ts';
import { startHost } from '@tmc/host/host.ts';
import type { HubApi, WatchSource } from '@tmc/kernel/ports.ts';
import { stringify } from 'yaml';
import { startFleet } from '../test/real/harness/fleet.ts';
import { findBinary, KUBE_BINARIES } from '../test/real/tools/build.ts';
import { StageWatch } from './stages.ts';

/** A hub and three members with a host that serves them; every namespace labelled for it goes to all three. */
export type BenchFleet = {
  readonly workspace: string;
  readonly namespace: string;
  readonly hub: HubApi;
  readonly members: readonly { readonly name: string; readonly source: WatchSource }[];
  readonly stages: StageWatch;
  /** Deletes the Deployments of a run and waits until hub and members are clean. */
  removeAll(): Promise<void>;
  close(): Promise<void>;
};

type Servers = {
  readonly hub: string;
  readonly members: readonly { readonly name: string; readonly kubeconfig: string }[];
  stop(): Promise<void>;
};

const WORKSPACE = 'bench';
const NAMESPACE = 'bench';
const MEMBERS = ['m1', 'm2', 'm3'];
const DEPLOYMENTS = { group: 'apps', resource: 'deployments' };

/** Four simulated API servers, each in a process of its own. */
export async function simulatedFleet(): Promise<BenchFleet> {
  const folder = mkdtempSync(join(tmpdir(), 'tmc-bench-'));
  const started = await Promise.all(['hub', ...MEMBERS].map((name) => spawnKubesim(folder, name)));
  const [hub, ...members] = started;
  if (!hub) throw new Error('no hub was started');
  const stop = async () => {
    await Promise.all(started.map(({ child }) => ended(child)));
    rmSync(folder, { recursive: true, force: true });
  };
  return serve({ hub: hub.kubeconfig, members, stop });
}

/** Real API servers, undefined when their binaries are not at hand. */
export async function realFleet(): Promise<BenchFleet | undefined> {
  if (!KUBE_BINARIES.every((name) => findBinary(name))) return undefined;
  const fleet = await startFleet({ members: 3 });
  const members = fleet.members.map(({ name, kubeconfigPath }) => ({ name, kubeconfig: kubeconfigPath }));
  return serve({ hub: fleet.hub.kubeconfigPath, members, stop: () => fleet.stop() });
}

async function serve(servers: Servers): Promise<BenchFleet> {
  const stages = new StageWatch();
  const host = await startHost(
    {
      hub: { kind: 'kubernetes', kubeconfig: servers.hub, workspace: WORKSPACE, installApis: true },
      members: servers.members.map(({ name, kubeconfig }) => ({
        name,
        kubeconfig,
        syncTarget: { workspace: WORKSPACE, name },
      })),
      state: { path: join(mkdtempSync(join(tmpdir(), 'tmc-bench-state-')), 'state.db') },
      listen: { health: '127.0.0.1:0', metrics: '127.0.0.1:0' },
      heartbeat: { intervalMs: 1000, thresholdMs: 15_000 },
      sourceClusterName: 'bench',
      log: { level: 'warn' },
    },
    { wrapRuntime: (runtime) => stages.wrap(runtime) },
  );
  await host.ready(60_000);
  const hub = await openKubernetes({ kubeconfig: servers.hub, workspace: WORKSPACE });
  const members = await Promise.all(servers.members.map(openMember));
  await placeEverywhere(
    hub,
    members.map(({ name }) => name),
  );
  return {
    workspace: WORKSPACE,
    namespace: NAMESPACE,
    hub,
    members,
    stages,
    removeAll: () => removeAll([{ name: WORKSPACE, api: hub }, ...members]),
    close: async () => {
      await host.stop();
      hub.close();
      for (const { api, source } of members) {
        api.close();
        source.close();
      }
      await servers.stop();
    },
  };
}

async function openMember({ name, kubeconfig }: Servers['members'][number]) {
  const connection = await connectionFrom({ path: kubeconfig });
  const api = await openKubernetes({ kubeconfig, workspace: name });
  return { name, api, source: createWatchSource({ connection }) };
}

async function placeEverywhere(hub: HubApi, names: readonly string[]): Promise<void> {
  const ours = (resource: string, name: string) => ({
    workspace: WORKSPACE,
    group: 'workload.kcp.io',
    resource,
    namespace: '',
    name,
  });
  for (const name of names) {
    await hub.create(ours('synctargets', name), {
      apiVersion: 'workload.kcp.io/v1alpha1',
      kind: 'SyncTarget',
      metadata: { name },
      spec: { workloadCluster: { name }, namespaceMapping: 'Preserve' },
    });
  }
  await hub.create(ours('clusterworkloadplacements', 'everywhere'), {
    apiVersion: 'workload.kcp.io/v1alpha1',
    kind: 'ClusterWorkloadPlacement',
    metadata: { name: 'everywhere' },
    spec: {
      minReplicas: names.length,
      maxReplicas: names.length,
      namespaceSelector: { matchLabels: { bench: 'yes' } },
    },
  });
  const namespace = { workspace: WORKSPACE, group: '', resource: 'namespaces', namespace: '', name: NAMESPACE };
  await hub.create(namespace, {
    apiVersion: 'v1',
    kind: 'Namespace',
    metadata: { name: NAMESPACE, labels: { bench: 'yes' } },
  });
  await poll('a decision for the namespace', async () => {
    const labels = (await hub.get(namespace))?.metadata.labels ?? {};
    return Object.keys(labels).filter((label) => label.startsWith('state.workload.kcp.io/')).length === names.length;
  });
}

async function removeAll(servers: readonly { name: string; api: HubApi }[]): Promise<void> {
  const left = () =>
    Promise.all(servers.map(({ name, api }) => api.list(DEPLOYMENTS, { workspace: name, namespace: NAMESPACE })));
  const [hub] = servers;
  const [upstream] = await left();
  await Promise.all(
    (upstream?.items ?? []).map(({ metadata: { name } }) =>
      hub?.api.delete({ ...DEPLOYMENTS, workspace: WORKSPACE, namespace: NAMESPACE, name }),
    ),
  );
  await poll('hub and members without Deployments', async () =>
    (await left()).every((list) => list.items.length === 0),
  );
}

async function poll(what: string, ask: () => Promise<boolean>): Promise<void> {
  const deadline = performance.now() + 120_000;
  while (!(await ask())) {
    if (performance.now() > deadline) throw new Error(`${what}: not within two minutes`);
    await new Promise((settle) => setTimeout(settle, 100));
  }
}

type Target = { server: string; caFile: string; users: { admin: { token: string } } };

async function spawnKubesim(folder: string, name: string) {
  mkdirSync(join(folder, name));
  const targetFile = join(folder, name, 'target.json');
  const main = resolve(import.meta.dirname, '..', 'packages', 'kubesim', 'main.ts');
  const child = spawn(process.execPath, [main, '--kind', 'kube', '--write-target', targetFile], { stdio: 'ignore' });
  await poll(`simulator ${name} serves`, async () => existsSync(targetFile));
  const target = JSON.parse(readFileSync(targetFile, 'utf8')) as Target;
  const kubeconfig = join(folder, `${name}.kubeconfig`);
  writeFileSync(
    kubeconfig,
    stringify({
      apiVersion: 'v1',
      kind: 'Config',
      'current-context': name,
      clusters: [
        {
          name,
          cluster: { server: target.server, 'certificate-authority': resolve(dirname(targetFile), target.caFile) },
        },
      ],
      users: [{ name, user: { token: target.users.admin.token } }],
      contexts: [{ name, context: { cluster: name, user: name } }],
    }),
  );
  return { name, kubeconfig, child };
}

function ended(child: ChildProcess): Promise<void> {
  return new Promise((settle) => {
    child.once('exit', () => settle());
    child.kill('SIGTERM');
  });
}
