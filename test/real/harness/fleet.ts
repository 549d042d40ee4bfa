import { ensureKubeBinaries } from '../tools/build.ts';
import { createFleetCertificates } from './certificates.ts';
import {
  type ApiServer,
  type Ground,
  layGround,
  startApiServer,
  startControllers,
  startEtcd,
} from './control-plane.ts';
import { type FakeKubelet, startFakeKubelet } from './fake-kubelet.ts';
import { scratchFolder } from './process.ts';

/** A member cluster: API server, controllers and a kubelet that runs nothing but says so. */
type FleetMember = ApiServer & { readonly kubelet: FakeKubelet };

/** A hub and members of real servers on one machine. */
export type Fleet = {
  readonly hub: ApiServer;
  readonly members: readonly FleetMember[];
  /** Logs, certificates, kubeconfigs, etcd's data. */
  readonly folder: string;
  /** The etcd all API servers share, each under `/<name>`. */
  readonly etcdUrl: string;
  stop(): Promise<void>;
};

const HUB = 'hub';

export type FleetOptions = {
  readonly members: 0 | 1 | 2 | 3;
  /** False leaves out the members' workload controllers: Deployments stay without pods. Default true. */
  readonly pods?: boolean;
};

/**
 * Starts etcd, the hub and `member-1`…`member-n`, two API servers at a time. Everything listens on 127.0.0.1, keeps its data in
 * a temporary folder (in memory where there is /dev/shm) and ends with `stop()` or with this process.
 * @throws Error naming the server that did not come up, with the end of its log; what was started is stopped.
 */
export async function startFleet({ members, pods = true }: FleetOptions): Promise<Fleet> {
  const binaries = await ensureKubeBinaries();
  const scratch = scratchFolder('tmc-fleet-');
  const folder = scratch.path;
  const ground: Ground = { folder, binaries, certificates: await createFleetCertificates() };
  layGround(ground);
  const stops: (() => Promise<void>)[] = [];
  const stop = async () => {
    // Clients of a server before the server: the newest first.
    for (const end of stops.splice(0).reverse()) await end();
    scratch.remove();
  };
  try {
    const etcd = await startEtcd(ground);
    stops.push(() => etcd.stop());
    const startServer = async (name: string): Promise<ApiServer> => {
      const server = await startApiServer(ground, name, { etcdUrl: etcd.url });
      stops.push(() => server.stop());
      const controllers = await startControllers(ground, server, name === HUB || !pods ? 'hub' : 'member');
      stops.push(() => controllers.stop());
      return server;
    };
    const names = [HUB, ...Array.from({ length: members }, (_, i) => `member-${i + 1}`)];
    const [hub, ...rest] = await inPairs(names, startServer);
    if (!hub) throw new Error('a fleet has a hub');
    const fleetMembers = rest.map((server): FleetMember => {
      const kubelet = startFakeKubelet(server.connection);
      stops.push(() => kubelet.stop());
      return { ...server, kubelet };
    });
    return { hub, members: fleetMembers, folder, etcdUrl: etcd.url, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** Starts two at a time; when one fails, only after its neighbour is up too, so that none is left running unknown. */
async function inPairs(names: readonly string[], start: (name: string) => Promise<ApiServer>): Promise<ApiServer[]> {
  const started: ApiServer[] = [];
  for (let at = 0; at < names.length; at += 2) {
    const pair = await Promise.allSettled(names.slice(at, at + 2).map(start));
    for (const result of pair) {
      if (result.status === 'rejected') throw result.reason;
      started.push(result.value);
    }
  }
  return started;
}
