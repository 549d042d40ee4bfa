import { writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { EAST, WEST, WORKSPACE } from '@tmc/cli/demo/manifests.ts';
import type { Deployment } from '../../stacks/outputs.ts';
import { REGION } from '../emulators/aws-emulator.ts';
import { freePorts, type ServerProcess, startProcess, until } from '../real/harness/process.ts';
import { credentials } from './clients.ts';
import type { Server, Servers } from './servers.ts';

/** The relays of a fleet, each a process of its own, configured from what the deployment said. */
export type Relays = {
  /** Of one server, by its name; resolves once it has listed everything. */
  start(name: string): Promise<void>;
  stop(name: string): Promise<void>;
  stopAll(): Promise<void>;
};

const PROGRAM = resolve(import.meta.dirname, '..', '..', 'packages', 'cli', 'relay-main.ts');
const FLAGS = ['--disable-warning=ExperimentalWarning', '--max-semi-space-size=2'];
const START_MS = 60_000;
/** Ten a minute would do; a test waits for the first ones. */
const HEARTBEAT_MS = 2_000;

type Where = {
  readonly servers: Servers;
  readonly deployment: Deployment;
  /** Address of queues and table for the calls of one relay. */
  readonly endpointFor: (identity: string) => string;
};

/** Starts the hub's relay and one for each member, and waits until each has listed everything. */
export async function startRelays(where: Where): Promise<Relays> {
  const running = new Map<string, ServerProcess>();
  const servers = [where.servers.hub, ...where.servers.members];
  const stop = async (name: string) => {
    const relay = running.get(name);
    running.delete(name);
    await relay?.stop();
  };
  const stopAll = async () => void (await Promise.all([...running.keys()].map(stop)));
  const start = async (name: string) => {
    const server = servers.find((one) => one.name === name);
    if (!server) throw new Error(`there is no server ${name}`);
    const [health = 0, metrics = 0] = await freePorts(2);
    const path = join(where.servers.folder, `relay-${name}.yaml`);
    writeFileSync(path, JSON.stringify(configOf(server, where, { health, metrics })), { mode: 0o600 });
    const log = join(where.servers.folder, `relay-${name}.log`);
    const relay = startProcess(process.execPath, [...FLAGS, PROGRAM, '--config', path], { log });
    running.set(name, relay);
    await readiness(`the relay of ${name} to be ready`, relay, health);
  };
  try {
    await Promise.all(servers.map(({ name }) => start(name)));
    return { start, stop, stopAll };
  } catch (error) {
    await stopAll();
    throw error;
  }
}

function configOf(
  { name, kubeconfigPath: kubeconfig }: Server,
  { deployment, endpointFor }: Where,
  ports: { readonly health: number; readonly metrics: number },
) {
  const isHub = name === 'hub';
  const target = name === WEST.member ? WEST.target : EAST.target;
  const source = isHub
    ? { hub: { kind: 'kubernetes', kubeconfig, workspace: WORKSPACE } }
    : { member: { name, kubeconfig, syncTarget: { workspace: WORKSPACE, name: target } } };
  const endpoint = endpointFor(isHub ? 'hub-relay' : `relay-${name}`);
  const urls = Object.fromEntries(Object.entries(deployment.queues).map(([queue, { url }]) => [queue, url]));
  return {
    name: `relay-${name}`,
    ...source,
    aws: { region: REGION, credentials: credentials() },
    queues: { endpoint, urls },
    table: { endpoint, name: deployment.table },
    heartbeatMs: HEARTBEAT_MS,
    // One of each is enough here; its lease is taken all the same.
    election: { enabled: true, leaseMs: 9_000, renewDeadlineMs: 6_000, retryMs: 500 },
    listen: { health: `127.0.0.1:${ports.health}`, metrics: `127.0.0.1:${ports.metrics}` },
    log: { level: 'info' },
  };
}

function readiness(what: string, relay: ServerProcess, port: number): Promise<void> {
  const ask = async (): Promise<string | undefined> => {
    const end = relay.ended();
    if (end !== undefined) throw new Error(end);
    try {
      const answer = await fetch(`http://127.0.0.1:${port}/readyz`, { signal: AbortSignal.timeout(5_000) });
      return answer.ok ? undefined : (await answer.text()).slice(0, 500);
    } catch (error) {
      return String((error as Error).cause ?? error);
    }
  };
  return until(what, ask, START_MS);
}
