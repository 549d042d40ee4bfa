import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { openKubernetes } from '@tmc/adapters/fleet/kubeconfigs.ts';
import type { ResourceKey } from '@tmc/kernel/key.ts';
import type { KubeObject } from '@tmc/kernel/object.ts';
import type { HubApi } from '@tmc/kernel/ports.ts';
import { type Kubesim, startKubesim } from '@tmc/kubesim/index.ts';

/** A hub and members on simulated API servers, with the config file of a host that serves them. */
export type SimulatedFleet = {
  readonly folder: string;
  readonly configPath: string;
  readonly hub: HubApi;
  readonly members: Readonly<Record<string, HubApi>>;
  readonly servers: Readonly<Record<string, Kubesim>>;
  close(): Promise<void>;
};

const WORKSPACE = 'shop';

/** Starts `names.length` members and a hub; the SyncTarget of a member has its name. */
export async function startSimulatedFleet(
  names: readonly string[],
  { logLevel = 'warn' }: { readonly logLevel?: 'warn' | 'info' } = {},
): Promise<SimulatedFleet> {
  const folder = mkdtempSync(join(tmpdir(), 'tmc-embedded-'));
  const servers: Record<string, Kubesim> = {};
  const apis: Record<string, HubApi> = {};
  for (const name of ['hub', ...names]) {
    const server = await startKubesim({ kind: 'kube', ...(name === 'hub' ? {} : { faker: {} }) });
    servers[name] = server;
    const kubeconfig = join(folder, `${name}.kubeconfig`);
    writeFileSync(kubeconfig, server.kubeconfig());
    apis[name] = await openKubernetes({ kubeconfig, workspace: WORKSPACE });
  }
  const configPath = join(folder, 'tmc.yaml');
  writeFileSync(configPath, hostConfig(names, logLevel));
  const { hub, ...members } = apis;
  if (!hub) throw new Error('no hub was started');
  return {
    folder,
    configPath,
    hub,
    members,
    servers,
    async close() {
      await Promise.all(Object.values(servers).map((server) => server.close()));
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

function hostConfig(names: readonly string[], logLevel: string): string {
  const members = names.map(
    (name) =>
      `  - { name: ${name}, kubeconfig: ${name}.kubeconfig, syncTarget: { workspace: ${WORKSPACE}, name: ${name} } }`,
  );
  return [
    `hub: { kind: kubernetes, kubeconfig: hub.kubeconfig, workspace: ${WORKSPACE} }`,
    'members:',
    ...members,
    'listen: { health: 127.0.0.1:0, metrics: 127.0.0.1:0 }',
    'heartbeat: { intervalMs: 500, thresholdMs: 15000 }',
    `log: { level: ${logLevel} }`,
    '',
  ].join('\n');
}

/** `tmc run` as a process of its own; output is kept for the message of a failing test. */
export function spawnHost(configPath: string) {
  const root = resolve(import.meta.dirname, '..', '..');
  const args = [
    '--disable-warning=ExperimentalWarning',
    join(root, 'packages/cli/main.ts'),
    'run',
    '--config',
    configPath,
  ];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk: Buffer) => {
      output += chunk.toString();
    });
  }
  const exited = new Promise<number | NodeJS.Signals | null>((settle) => {
    child.on('exit', (code, signal) => settle(signal ?? code));
  });
  return { child, exited, output: () => output };
}

/** Where a host that logs at level info says it serves its probes and metrics. */
export async function endpointsOf(host: ReturnType<typeof spawnHost>): Promise<{ health: string; metrics: string }> {
  let line: string | undefined;
  await eventually('the host says that it started', 20_000, async () => {
    line = host
      .output()
      .split('\n')
      .find((text) => text.includes('"host started"'));
    return line === undefined ? host.output() : undefined;
  });
  const { health, metrics } = JSON.parse(line ?? '{}') as { health: string; metrics: string };
  return { health: `http://${health}`, metrics: `http://${metrics}` };
}

export const key = (resource: string, name: string, namespace = ''): ResourceKey => ({
  workspace: WORKSPACE,
  group: GROUPS[resource] ?? '',
  resource,
  namespace,
  name,
});

const GROUPS: Record<string, string> = {
  deployments: 'apps',
  synctargets: 'workload.kcp.io',
  clusterworkloadplacements: 'workload.kcp.io',
};

export const syncTarget = (name: string): KubeObject => ({
  apiVersion: 'workload.kcp.io/v1alpha1',
  kind: 'SyncTarget',
  metadata: { name },
  spec: { workloadCluster: { name }, location: name, namespaceMapping: 'Preserve' },
});

/** Everything in the namespaces labelled `tmc: "yes"` goes to all targets, whole. */
export const everywhere = (targets: number): KubeObject => ({
  apiVersion: 'workload.kcp.io/v1alpha1',
  kind: 'ClusterWorkloadPlacement',
  metadata: { name: 'everywhere' },
  spec: {
    namespaceSelector: { matchLabels: { tmc: 'yes' } },
    minReplicas: targets,
    maxReplicas: targets,
    replicaScheduling: 'Duplicated',
  },
});

export const namespace = (name: string): KubeObject => ({
  apiVersion: 'v1',
  kind: 'Namespace',
  metadata: { name, labels: { tmc: 'yes' } },
});

export const configMap = (ns: string, name: string, data: Record<string, string>): KubeObject => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name, namespace: ns },
  data,
});

/** Asks until `ask` returns undefined; what it returns instead is the reason a timeout reports. */
export async function eventually(
  what: string,
  deadlineMs: number,
  ask: () => Promise<string | undefined>,
): Promise<void> {
  const startedAt = performance.now();
  for (;;) {
    const why = await ask().catch((error: unknown) => String(error));
    if (why === undefined) return;
    if (performance.now() - startedAt > deadlineMs)
      throw new Error(`${what}: not within ${deadlineMs} ms, because ${why}`);
    await new Promise((settle) => setTimeout(settle, 20));
  }
}
