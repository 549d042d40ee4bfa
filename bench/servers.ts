import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { stringify } from 'yaml';
import { findBinary, KUBE_BINARIES } from '../test/real/tools/build.ts';
import { ended, nextMessage, startChild } from './child.ts';
import { poll } from './poll.ts';
import { processorTimeMs } from './processor-time.ts';

type Kubeconfigs = {
  readonly hub: string;
  readonly members: readonly { readonly name: string; readonly kubeconfig: string }[];
};

/** API servers in other processes. */
export type Servers = Kubeconfigs & {
  /** Processor time of all of them so far, undefined where it cannot be told. */
  cpuMs(): number | undefined;
  stop(): Promise<void>;
};

/** Four simulated API servers, each in a process of its own. */
export async function simulatedServers(): Promise<Servers> {
  const folder = mkdtempSync(join(tmpdir(), 'tmc-bench-'));
  const started = await Promise.all(['hub', 'm1', 'm2', 'm3'].map((name) => spawnKubesim(folder, name)));
  const [hub, ...members] = started;
  if (!hub) throw new Error('no hub was started');
  const stop = async () => {
    await Promise.all(started.map(({ child }) => ended(child)));
    rmSync(folder, { recursive: true, force: true });
  };
  const cpuMs = () => processorTimeMs(started.flatMap(({ child }) => child.pid ?? []));
  return { hub: hub.kubeconfig, members, cpuMs, stop };
}

/** Real API servers, undefined when their binaries are not at hand. */
export async function realServers({ pods }: { readonly pods: boolean }): Promise<Servers | undefined> {
  if (!KUBE_BINARIES.every((name) => findBinary(name))) return undefined;
  const child = startChild('real-fleet.ts', { args: pods ? ['--pods'] : [] });
  const kubeconfigs = await nextMessage<Kubeconfigs>(child);
  return { ...kubeconfigs, cpuMs: () => processorTimeMs([child.pid ?? 0]), stop: () => ended(child) };
}

type Target = { server: string; caFile: string; users: { admin: { token: string } } };

async function spawnKubesim(
  folder: string,
  name: string,
): Promise<{ name: string; kubeconfig: string; child: ChildProcess }> {
  mkdirSync(join(folder, name));
  const targetFile = join(folder, name, 'target.json');
  const main = resolve(import.meta.dirname, '..', 'packages', 'kubesim', 'main.ts');
  const child = spawn(process.execPath, [main, '--kind', 'kube', '--write-target', targetFile], { stdio: 'ignore' });
  await poll(`simulator ${name} serves`, async () => existsSync(targetFile));
  const target = JSON.parse(readFileSync(targetFile, 'utf8')) as Target;
  const kubeconfig = join(folder, `${name}.kubeconfig`);
  const authority = resolve(dirname(targetFile), target.caFile);
  writeFileSync(
    kubeconfig,
    stringify({
      apiVersion: 'v1',
      kind: 'Config',
      'current-context': name,
      clusters: [{ name, cluster: { server: target.server, 'certificate-authority': authority } }],
      users: [{ name, user: { token: target.users.admin.token } }],
      contexts: [{ name, context: { cluster: name, user: name } }],
    }),
  );
  return { name, kubeconfig, child };
}
