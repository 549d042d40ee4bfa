/**
 * Finds the real API server, controller manager and etcd, and builds with the Go toolchain what is nowhere to be found.
 * Looked for, in this order: TMC_KUBE_ASSETS, KUBEBUILDER_ASSETS, PATH, `.cache/kube-<version>` in the repository,
 * `$XDG_CACHE_HOME/serverless-tmc/kube-<version>`. Run as a program it makes sure all are there and prints their paths.
 */
import { spawn } from 'node:child_process';
import { accessSync, constants, mkdirSync, renameSync } from 'node:fs';
import { homedir } from 'node:os';
import { delimiter, join, resolve } from 'node:path';

const KUBE_VERSION = '1.36.3';

export const KUBE_BINARIES = ['etcd', 'kube-apiserver', 'kube-controller-manager'] as const;
export type KubeBinary = (typeof KUBE_BINARIES)[number];
/** Paths of the executables. */
export type KubeBinaries = Readonly<Record<KubeBinary, string>>;

const tools = import.meta.dirname;
const repositoryCache = resolve(tools, '../../../.cache', `kube-${KUBE_VERSION}`);

/** The package each binary is built from, in the tools module that pins it. */
const SOURCES: Readonly<Record<KubeBinary, { module: string; packagePath: string }>> = {
  etcd: { module: 'etcd', packagePath: 'go.etcd.io/etcd/server/v3' },
  'kube-apiserver': { module: 'kube', packagePath: 'k8s.io/kubernetes/cmd/kube-apiserver' },
  'kube-controller-manager': { module: 'kube', packagePath: 'k8s.io/kubernetes/cmd/kube-controller-manager' },
};

/** The binary as found, undefined when it must be built. */
export function findBinary(name: KubeBinary, env: NodeJS.ProcessEnv = process.env): string | undefined {
  const userCache = env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache');
  const folders = [
    env['TMC_KUBE_ASSETS'],
    env['KUBEBUILDER_ASSETS'],
    ...(env['PATH'] ?? '').split(delimiter),
    repositoryCache,
    join(userCache, 'serverless-tmc', `kube-${KUBE_VERSION}`),
  ];
  return folders
    .filter((folder) => folder !== undefined && folder !== '')
    .map((folder) => join(folder as string, name))
    .find(isExecutable);
}

/**
 * All three binaries, built when they must be: about 6 minutes on two cores, once.
 * @throws Error naming what is missing when there is no Go toolchain either, or the build fails.
 */
export async function ensureKubeBinaries(): Promise<KubeBinaries> {
  const found: Partial<Record<KubeBinary, string>> = {};
  for (const name of KUBE_BINARIES) found[name] = findBinary(name) ?? (await build(name));
  return found as KubeBinaries;
}

/** Why the binaries cannot be had here: one is nowhere to be found and there is no Go to build it; undefined when they can. */
export async function whyNoKubeBinaries(): Promise<string | undefined> {
  const absent = KUBE_BINARIES.filter((name) => findBinary(name) === undefined);
  if (absent.length === 0) return undefined;
  const hasGo = await go(['version'], '.').then(
    () => true,
    () => false,
  );
  return hasGo ? undefined : `${absent.join(', ')} and Go are missing; set TMC_KUBE_ASSETS to a folder with them`;
}

/** True for a file that may be run. */
export function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

async function build(name: KubeBinary): Promise<string> {
  mkdirSync(repositoryCache, { recursive: true });
  const path = join(repositoryCache, name);
  const unfinished = `${path}.${process.pid}`;
  const { module, packagePath } = SOURCES[name];
  const done = tellProgress(name);
  try {
    await go(['build', '-p', '2', '-trimpath', '-ldflags', linkerFlags(), '-o', unfinished, packagePath], module);
  } finally {
    done();
  }
  // Only whole binaries get the name that is looked for.
  renameSync(unfinished, path);
  return path;
}

/** Without these `/version` is a placeholder. */
function linkerFlags(): string {
  const [major, minor] = KUBE_VERSION.split('.');
  const values = [`gitVersion=v${KUBE_VERSION}`, `gitMajor=${major}`, `gitMinor=${minor}`];
  const packages = ['k8s.io/component-base/version', 'k8s.io/client-go/pkg/version'];
  return ['-s', '-w', ...packages.flatMap((p) => values.map((value) => `-X ${p}.${value}`))].join(' ');
}

function go(args: string[], module: string): Promise<void> {
  return new Promise((done, fail) => {
    const child = spawn('go', args, {
      cwd: join(tools, module),
      env: { ...process.env, CGO_ENABLED: '0', GOTOOLCHAIN: 'local' },
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    let said = '';
    child.stderr.on('data', (text) => {
      said = (said + text).slice(-4000);
    });
    child.on('error', (error) =>
      fail(
        new Error(`go cannot be run (${error.message}); install Go 1.26 or set TMC_KUBE_ASSETS to a folder with them`),
      ),
    );
    child.on('exit', (code) =>
      code === 0 ? done() : fail(new Error(`go ${args.join(' ')} ended with ${code}: ${said}`)),
    );
  });
}

/** Seconds so far on a terminal, one line in a pipe. Returns how to end it. */
function tellProgress(name: KubeBinary): () => void {
  const startedMs = Date.now();
  const seconds = () => Math.round((Date.now() - startedMs) / 1000);
  if (!process.stderr.isTTY) {
    process.stderr.write(`building ${name} ${KUBE_VERSION} (once, some minutes)\n`);
    return () => undefined;
  }
  const show = () => process.stderr.write(`\rbuilding ${name} ${KUBE_VERSION} (once, some minutes): ${seconds()} s `);
  show();
  const timer = setInterval(show, 1000);
  return () => {
    clearInterval(timer);
    process.stderr.write('\n');
  };
}

if (process.argv[1] === import.meta.filename) {
  for (const path of Object.values(await ensureKubeBinaries())) console.log(path);
}
