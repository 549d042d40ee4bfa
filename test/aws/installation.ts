import { randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { CreateSecretCommand, DeleteSecretCommand, GetSecretValueCommand } from '@aws-sdk/client-secrets-manager';
import { EAST, WEST, WORKSPACE } from '@tmc/cli/demo/manifests.ts';
import { stringify } from 'yaml';
import type { Clients } from './clients.ts';
import type { Installation } from './deploy-process.ts';
import type { Server, Servers } from './servers.ts';
import type { Target } from './target.ts';

/** What an operator prepares before the first deployment: credentials in the account, and the file that describes the fleet. */
export type Prepared = Installation & {
  /** Names of what the operator made; a deployment must not touch it. */
  readonly given: { readonly secret: string; readonly parameters: readonly string[] };
};

const CREDENTIALS = { hub: 'parameter', [WEST.member]: 'secret', [EAST.member]: 'parameter' } as const;

/** Puts the servers' tokens where functions read them, and writes `fleet.yaml`; the app has a name no other run has. */
export async function prepare(target: Target, servers: Servers, clients: Clients): Promise<Prepared> {
  const suffix = randomBytes(3).toString('hex');
  const nameOf = ({ name }: Server) => `/given-${suffix}/${name}`;
  const parameters: string[] = [];
  const connectionOf = async (server: Server) => {
    const { url, ca, token } = server;
    const Name = nameOf(server);
    if (CREDENTIALS[server.name as keyof typeof CREDENTIALS] === 'secret') {
      await clients.secrets.send(new CreateSecretCommand({ Name, SecretString: token }));
      return { url, ca, secret: Name };
    }
    await clients.parameters.put(Name, token);
    parameters.push(Name);
    return { url, ca, parameter: Name };
  };
  const hub = { kind: 'kubernetes', workspace: WORKSPACE, connection: await connectionOf(servers.hub) };
  const members = [];
  for (const server of servers.members) {
    const target = server.name === WEST.member ? WEST.target : EAST.target;
    const syncTarget = { workspace: WORKSPACE, name: target };
    members.push({ name: server.name, syncTarget, connection: await connectionOf(server) });
  }
  const fleetPath = join(servers.folder, 'fleet.yaml');
  writeFileSync(fleetPath, stringify({ hub, members }));
  const secret = servers.members.find(({ name }) => name === WEST.member);
  if (!secret) throw new Error(`there is no member ${WEST.member}`);
  return { target, app: `tmc${suffix}`, fleetPath, given: { secret: nameOf(secret), parameters } };
}

/** Names of what the operator made and a deployment took away. */
export async function missingGiven({ given }: Prepared, clients: Clients): Promise<string[]> {
  const secret = clients.secrets.send(new GetSecretValueCommand({ SecretId: given.secret }));
  const found = await Promise.all([
    secret.then(
      () => true,
      () => false,
    ),
    ...given.parameters.map((name) => clients.parameters.has(name)),
  ]);
  return [given.secret, ...given.parameters].filter((_, at) => !found[at]);
}

/** Takes the operator's part away again. */
export async function unprepare({ given }: Prepared, clients: Clients): Promise<void> {
  await clients.secrets.send(new DeleteSecretCommand({ SecretId: given.secret, ForceDeleteWithoutRecovery: true }));
  for (const name of given.parameters) await clients.parameters.delete(name);
}
