import { writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { installApis } from '@tmc/adapters/fleet/install.ts';
import { openKubernetes } from '@tmc/adapters/fleet/kubeconfigs.ts';
import { connectionFrom } from '@tmc/adapters/kube/kubeconfig.ts';
import { EAST, WEST, WORKSPACE } from '@tmc/cli/demo/manifests.ts';
import type { DemoContext } from '@tmc/cli/demo/steps.ts';
import { type Kubesim, startKubesim } from '@tmc/kubesim/index.ts';
import { together } from '../emulators/together.ts';
import { startFleet } from '../real/harness/fleet.ts';
import { scratchFolder } from '../real/harness/process.ts';
import { applyManifests, readManifests, serviceAccountKubeconfig } from '../real/harness/service-account.ts';

/** An API server as a deployment reaches it: by address, authority and bearer token. */
export type Server = {
  readonly name: string;
  readonly url: string;
  readonly ca: string;
  readonly token: string;
  /** For the relay: the same identity. */
  readonly kubeconfigPath: string;
};

/** The hub and the two members of the demo, with our kinds installed in the hub. */
export type Servers = {
  readonly folder: string;
  readonly hub: Server;
  readonly members: readonly Server[];
  /** As their administrators see them. */
  readonly context: DemoContext;
  close(): Promise<void>;
};

const MEMBERS = [WEST.member, EAST.member] as const;

/** The simulators behind {@link Servers}, for what only they can do: faults, counts of writes. */
export type Simulators = { readonly hub: Kubesim; readonly members: Readonly<Record<string, Kubesim>> };

/** Hub and members on the project's own simulator. */
export async function simulatedServers(): Promise<Servers & { readonly simulators: Simulators }> {
  const scratch = scratchFolder('tmc-aws-');
  const [hub, west, east] = await together([
    startKubesim({ kind: 'kube' }),
    startKubesim({ kind: 'kube', faker: {} }),
    startKubesim({ kind: 'kube', faker: {} }),
  ]);
  const simulators = { hub, members: { [WEST.member]: west, [EAST.member]: east } };
  const serverOf = (name: string, { url, caPem: ca, adminToken: token, kubeconfig }: Kubesim): Server => {
    const kubeconfigPath = join(scratch.path, `${name}.kubeconfig`);
    writeFileSync(kubeconfigPath, kubeconfig(), { mode: 0o600 });
    return { name, url, ca, token, kubeconfigPath };
  };
  const servers = [serverOf('hub', hub), serverOf(WEST.member, west), serverOf(EAST.member, east)];
  const admin = servers.map(({ kubeconfigPath }) => kubeconfigPath);
  const opened = await openAll(servers, admin);
  return {
    ...opened,
    folder: scratch.path,
    simulators,
    async close() {
      opened.closeAll();
      await Promise.all([hub, west, east].map((server) => server.close()));
      scratch.remove();
    },
  };
}

const ACCOUNT = { namespace: 'tmc-system', name: 'tmc' };
const RIGHTS = resolve(import.meta.dirname, '..', '..', 'deploy', 'rbac');

/** The same on real kube-apiserver, kube-controller-manager and etcd; the deployment has the documented rights and no others. */
export async function realServers(): Promise<Servers> {
  const fleet = await startFleet({ members: 2 });
  try {
    const all = [fleet.hub, ...fleet.members];
    const servers = await Promise.all(
      all.map(async (server, at): Promise<Server> => {
        await applyManifests(server, readManifests(join(RIGHTS, at === 0 ? 'hub.yaml' : 'member.yaml')));
        const kubeconfigPath = await serviceAccountKubeconfig(server, ACCOUNT, fleet.folder);
        const { authorization } = await connectionFrom({ path: kubeconfigPath });
        const token = (await authorization?.())?.replace(/^Bearer /, '') ?? '';
        return {
          name: MEMBERS[at - 1] ?? 'hub',
          url: server.url,
          ca: server.connection.ca ?? '',
          token,
          kubeconfigPath,
        };
      }),
    );
    const opened = await openAll(
      servers,
      all.map(({ kubeconfigPath }) => kubeconfigPath),
    );
    return {
      ...opened,
      folder: fleet.folder,
      async close() {
        opened.closeAll();
        await fleet.stop();
      },
    };
  } catch (error) {
    await fleet.stop();
    throw error;
  }
}

async function openAll([hub, ...members]: readonly Server[], admin: readonly string[]) {
  if (!hub) throw new Error('there is no hub');
  const connection = await connectionFrom({ path: admin[0] ?? '' });
  await installApis({ kind: 'kubernetes', workspace: WORKSPACE, connection, epoch: 0 });
  const apis = await Promise.all(
    [hub, ...members].map(({ name }, at) =>
      openKubernetes({ kubeconfig: admin[at] ?? '', workspace: name === 'hub' ? WORKSPACE : name }),
    ),
  );
  const [hubApi, ...memberApis] = apis;
  if (!hubApi) throw new Error('there is no hub');
  const named = Object.fromEntries(members.map(({ name }, at) => [name, memberApis[at]])) as DemoContext['members'];
  return {
    hub,
    members,
    context: { workspace: WORKSPACE, hub: hubApi, members: named } satisfies DemoContext,
    closeAll: () => {
      for (const api of apis) api.close();
    },
  };
}
