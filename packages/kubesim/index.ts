import { randomUUID } from 'node:crypto';
import { stringify } from 'yaml';
import { WriteCounters } from './counters.ts';
import type { FakerOptions } from './faker/options.ts';
import { FaultGate, type FaultRule } from './faults/gate.ts';
import { startKcp } from './kcp/start.ts';
import { type Answer, json } from './server/answer.ts';
import type { Clock } from './server/context.ts';
import { listen } from './server/http.ts';
import type { TokenIdentity } from './server/identity.ts';
import { createCertificates } from './server/tls.ts';
import { createSimulation } from './simulation.ts';
import type { Store } from './store/store.ts';

export type { FakerOptions } from './faker/options.ts';
export type { Fault, FaultRule } from './faults/gate.ts';
export type { ApiObject } from './object.ts';
export type { ObjectRef, StoreEvent } from './store/store.ts';

export interface KubesimOptions {
  /** A plain API server, or one with kcp's workspaces and exports on top. */
  kind: 'kube' | 'kcp';
  /** 0 (default): a free one. */
  port?: number;
  /** Further identities; an admin (system:masters) always exists. */
  tokens?: TokenIdentity[];
  /** Events remembered for watches and snapshots (default 20,000). */
  historyLimit?: number;
  clock?: Clock;
  /** Play workload controllers and kubelet (kind kube). Off by default: a hub has none. */
  faker?: FakerOptions | false;
  /** Offer HTTP/1.1 only. */
  http1?: boolean;
}

export interface Kubesim {
  kind: 'kube' | 'kcp';
  url: string;
  caPem: string;
  adminToken: string;
  /** YAML kubeconfig of an identity (default: admin), for kcp optionally of one workspace. */
  kubeconfig(options?: { path?: string; token?: string }): string;
  /** Writes carried out so far, for tests. */
  requests: WriteCounters;
  faults: FaultGate;
  /** Creates the workspaces of a path that do not exist yet (kcp) and resolves with the logical cluster's id. */
  createWorkspace(path: string, type?: { path: string; name: string }): Promise<string>;
  /** Direct access to what is stored, for tests. */
  store: Store;
  /**
   * Breaks all connections and forgets all history, as a killed and restarted server does. With `troubles` the next requests to
   * export endpoints meet what kcp answers before it is ready: 403, then 500 and 404 as text.
   */
  restart(options?: { troubles?: boolean }): Promise<void>;
  /** Forgets the history up to now: older watches and snapshots are 410. */
  expire(): void;
  close(): Promise<void>;
}

const ENDPOINTS = '/services/apiexport/';
/** In the order kcp 0.32 showed them while starting again. */
const RESTART_TROUBLES: FaultRule[] = [
  { path: ENDPOINTS, times: 2, fault: { kind: 'status', code: 403 } },
  { path: ENDPOINTS, fault: { kind: 'text', code: 500, text: 'Internal Server Error: not ready' } },
  { path: ENDPOINTS, times: 2, fault: { kind: 'text', code: 404, text: '404 page not found\n' } },
];

/** Starts a simulated API server on 127.0.0.1 and resolves once it serves. */
export async function startKubesim(options: KubesimOptions): Promise<Kubesim> {
  const adminToken = `admin-${randomUUID()}`;
  const certificate = await createCertificates();
  const requests = new WriteCounters();
  const faults = new FaultGate();
  const stop = new AbortController();
  const simulation = createSimulation(options, {
    adminToken,
    stopping: stop.signal,
    countWrite: (target) => requests.count(target),
  });
  const { sim } = simulation;
  const stops = [simulation.stop];
  const expire = () => sim.store.history.compact(sim.store.revision);
  const server = await listen(sim, {
    port: options.port ?? 0,
    certificate,
    http1Only: options.http1 ?? false,
    gate: faults,
    admin: (method, path) => adminAnswer({ method, path }, expire),
  });
  sim.url = `https://127.0.0.1:${server.port}`;
  const kcp = options.kind === 'kcp' ? startKcp(sim) : undefined;
  if (kcp) stops.push(kcp.stop);
  // What the server began with is no history anyone could have seen.
  expire();
  return {
    kind: options.kind,
    url: sim.url,
    caPem: certificate.caPem,
    adminToken,
    kubeconfig: ({ path, token } = {}) =>
      kubeconfigOf({
        url: path ? `${sim.url}/clusters/${path}` : sim.url,
        caPem: certificate.caPem,
        token: token ?? adminToken,
      }),
    requests,
    faults,
    store: sim.store,
    createWorkspace: async (path, type) => {
      if (!kcp)
        throw new Error(`createWorkspace(${path}): a kube simulator has no workspaces; start one with kind 'kcp'`);
      return kcp.createWorkspace(path, type);
    },
    restart: async ({ troubles = false } = {}) => {
      server.cutConnections();
      sim.store.skipRevision();
      expire();
      if (troubles) for (const rule of RESTART_TROUBLES) faults.add(rule);
    },
    expire,
    close: async () => {
      stop.abort();
      for (const end of stops) end();
      await server.close();
    },
  };
}

function adminAnswer({ method, path }: { method: string; path: string }, expire: () => void): Answer | undefined {
  if (method !== 'POST' || path !== '/__kubesim/expire') return undefined;
  expire();
  return json(200, { expired: true });
}

function kubeconfigOf({ url, caPem, token }: { url: string; caPem: string; token: string }): string {
  return stringify({
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [
      {
        name: 'kubesim',
        cluster: { server: url, 'certificate-authority-data': Buffer.from(caPem).toString('base64') },
      },
    ],
    users: [{ name: 'kubesim', user: { token } }],
    contexts: [{ name: 'kubesim', context: { cluster: 'kubesim', user: 'kubesim' } }],
    'current-context': 'kubesim',
  });
}
