import { mkdirSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { installApis } from '@tmc/adapters/fleet/install.ts';
import { connectionFrom } from '@tmc/adapters/kube/kubeconfig.ts';
import { type Kubesim, startKubesim } from '@tmc/kubesim/index.ts';
import { stringify } from 'yaml';

/** Where what it writes belongs, and what people call it. */
type SimulateOptions = { readonly folder: string };

const WORKSPACE = 'shop';
const MEMBERS = ['west', 'east'] as const;

/** Hub and members that serve until they are closed. */
export type SimulatedFleet = {
  /** What was started and written, for people. */
  readonly text: string;
  close(): Promise<void>;
};

/**
 * `tmc simulate`: a hub with our kinds and two member clusters on simulated API servers of this machine, for trying a deployment. Writes
 * into the folder, readable by its owner only: of each server `<name>.kubeconfig` and `<name>.token`, and `fleet.yaml`, whose
 * connections name the secrets `tmc/<name>-token`.
 */
export async function startSimulatedFleet({ folder: given }: SimulateOptions): Promise<SimulatedFleet> {
  const folder = resolve(given);
  mkdirSync(folder, { recursive: true });
  const servers: Kubesim[] = [];
  const close = async () => void (await Promise.all(servers.map((server) => server.close())));
  try {
    const start = async (name: string, faker: boolean) => {
      const server = await startKubesim({ kind: 'kube', ...(faker && { faker: {} }) });
      servers.push(server);
      const path = (ending: string) => join(folder, `${name}.${ending}`);
      writeFileSync(path('kubeconfig'), server.kubeconfig(), { mode: 0o600 });
      writeFileSync(path('token'), server.adminToken, { mode: 0o600 });
      return { name, kubeconfig: path('kubeconfig'), url: server.url, ca: server.caPem };
    };
    const hub = await start('hub', false);
    const connection = await connectionFrom({ path: hub.kubeconfig });
    await installApis({ kind: 'kubernetes', workspace: WORKSPACE, connection, epoch: 0 });
    const members = [];
    for (const name of MEMBERS) members.push(await start(name, true));
    writeFileSync(join(folder, 'fleet.yaml'), fleetFile(hub, members));
    return { text: described([hub, ...members], given), close };
  } catch (error) {
    await close();
    throw error;
  }
}

type Server = { readonly name: string; readonly url: string; readonly ca: string };

function fleetFile(hub: Server, members: readonly Server[]): string {
  const connection = ({ name, url, ca }: Server) => ({ url, ca, secret: `tmc/${name}-token` });
  return stringify({
    hub: { kind: 'kubernetes', workspace: WORKSPACE, connection: connection(hub) },
    members: members.map((member) => ({
      name: member.name,
      syncTarget: { workspace: WORKSPACE, name: member.name },
      connection: connection(member),
    })),
  });
}

function described(servers: readonly Server[], folder: string): string {
  const lines = servers.map(({ name, url }) => `  ${name.padEnd(5)} ${url}  ${join(folder, `${name}.kubeconfig`)}`);
  return `${lines.join('\n')}
  fleet ${join(folder, 'fleet.yaml')}, which names the secrets ${servers.map(({ name }) => `tmc/${name}-token`).join(', ')}
Simulated API servers; Ctrl-C stops them, and what they hold is gone.
`;
}
