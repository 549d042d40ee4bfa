import { type ChildProcess, execFile, spawn, spawnSync } from 'node:child_process';
import { resolve } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { eventually } from './fleet.ts';

/** What `npm run demo -- --skip-cleanup` leaves running can be looked at and changed with an ordinary kubectl. */

const run = promisify(execFile);
const kubectlMissing = spawnSync('kubectl', ['version', '--client']).status !== 0;
if (kubectlMissing) console.log('SKIPPED: kubectl against the demo, because kubectl is not on PATH');

describe.skipIf(kubectlMissing)('kubectl on a kept demo', () => {
  let demo: ChildProcess | undefined;
  let ended: Promise<number | null>;
  let output = '';
  let hub = '';
  let west = '';

  beforeAll(async () => {
    const root = resolve(import.meta.dirname, '..', '..');
    const args = [resolve(root, 'packages/cli/main.ts'), 'demo', '--skip-cleanup'];
    const child = spawn(process.execPath, args, { cwd: root, stdio: ['ignore', 'pipe', 'inherit'] });
    demo = child;
    // From the start: a demo that has ended by itself would never tell a listener that comes later.
    ended = new Promise((settle) => child.once('exit', settle));
    child.stdout.on('data', (chunk: Buffer) => {
      output += chunk.toString();
    });
    await eventually('the demo passes and prints how to look around', 60_000, async () =>
      output.includes('kcp-east.kubeconfig') ? undefined : output,
    );
    hub = /KUBECONFIG=(\S+)/.exec(output)?.[1] ?? '';
    west = /--kubeconfig (\S+kcp-west\.kubeconfig)/.exec(output)?.[1] ?? '';
  });

  afterAll(async () => {
    demo?.kill('SIGINT');
    const tooLong = setTimeout(() => demo?.kill('SIGKILL'), 10_000);
    const code = await ended;
    clearTimeout(tooLong);
    expect(code, 'the demo ends by itself within 10 s of SIGINT').toBe(0);
  });

  const kubectl = async (kubeconfig: string, ...args: string[]) =>
    (await run('kubectl', ['--kubeconfig', kubeconfig, ...args])).stdout;

  it('lists deployments, services and pods in hub and member', async () => {
    expect(await kubectl(hub, 'get', 'deployments,services,pods', '-n', 'demo-app')).toMatch(
      /deployment.apps\/nginx-web +3\/3/,
    );
    const inWest = await kubectl(west, 'get', 'deployments,services,pods', '-n', 'demo-app', '--show-labels');
    expect(inWest).toMatch(/deployment.apps\/nginx-web +1\/1/);
    expect(inWest).toContain('workload.kcp.io/managed=true');
    expect(inWest).toMatch(/pod\/nginx-web-\S+ +1\/1 +Running/);
  });

  it('shows targets with location, readiness and key', async () => {
    const targets = await kubectl(hub, 'get', 'synctargets', '-o', 'wide');
    expect(targets).toMatch(/^west-target +us-west-2 +True +\w{30,38} /m);
    expect(targets).toMatch(/^east-target +us-east-1 +True +\w{30,38} /m);
  });

  it('applies, changes the image and deletes, and members follow', async () => {
    const literal = ['create', 'configmap', 'from-kubectl', '--from-literal=a=1', '-n', 'demo-app'];
    const manifest = await kubectl(hub, ...literal, '--dry-run=client', '-o', 'yaml');
    const applying = run('kubectl', ['--kubeconfig', hub, 'apply', '-f', '-']);
    applying.child.stdin?.end(manifest);
    expect((await applying).stdout).toContain('created');
    await eventually('the copy in kcp-west', 10_000, async () => {
      await kubectl(west, 'get', 'configmap', 'from-kubectl', '-n', 'demo-app');
      return undefined;
    });
    await kubectl(hub, 'set', 'image', 'deployment/nginx-web', 'nginx=nginx:1.28', '-n', 'demo-app');
    await eventually('the new image in kcp-west', 10_000, async () => {
      const path = 'jsonpath={.spec.template.spec.containers[0].image}';
      const image = await kubectl(west, 'get', 'deployment', 'nginx-web', '-n', 'demo-app', '-o', path);
      return image === 'nginx:1.28' ? undefined : `it is ${image}`;
    });
    await kubectl(hub, 'delete', 'configmap', 'from-kubectl', '-n', 'demo-app');
    await eventually('the copy is gone', 10_000, async () => {
      const names = await kubectl(west, 'get', 'configmaps', '-n', 'demo-app', '-o', 'name');
      return names.includes('from-kubectl') ? names : undefined;
    });
  });
});
