import type { ResourceType } from '@tmc/apis/resources.ts';
import { retryError, terminalError } from '@tmc/kernel/errors.ts';
import { KCP_CLUSTER_ANNOTATION, type KubeObject } from '@tmc/kernel/object.ts';
import type { HubApi, WatchSource } from '@tmc/kernel/ports.ts';
import { Api, type ApiOptions } from './api.ts';
import { atUrl } from './connection.ts';
import { HUB_DEADLINE_MS, hubObjects, type Route } from './hub-objects.ts';
import { type ExportRef, followEndpoints, hintedAt, kcpBaseUrl } from './kcp-endpoints.ts';
import { followExport } from './kcp-export.ts';
import { listAll, listPage } from './list.ts';
import { objectPath } from './paths.ts';
import { createWatchSource } from './watch.ts';

export type KcpHubOptions = ApiOptions &
  ExportRef & {
    /** How often the export is looked at; absent: each 30 s. */
    readonly readExportEveryMs?: number;
  };

/** One workspace bound to the export. */
type KcpTenant = {
  readonly workspace: string;
  readonly bound: boolean;
  /** Resources of claims the workspace has not accepted: they cannot be seen there, which no error tells. */
  readonly missingClaims: readonly string[];
};

export type KcpHub = HubApi & {
  /** One source for each endpoint of the export, over all its workspaces. */
  sources(): readonly WatchSource[];
  /** Calls the listener with the sources whenever the endpoints change; returns how to stop that. */
  onSources(listener: (sources: readonly WatchSource[]) => void): () => void;
  /** The resources to read at the endpoints: what the export offers and claims, of those this version handles. */
  resources(): readonly ResourceType[];
  /** Calls the listener with the resources whenever they change; returns how to stop that. */
  onResources(listener: (resources: readonly ResourceType[]) => void): () => void;
  /** Why the export could not be read last; then the resources are those last known, or all this version handles. */
  resourcesError(): string | undefined;
  /** Why the endpoints could not be read last; undefined while they are known to be right. */
  endpointsError(): string | undefined;
  /** Every workspace bound to the export. */
  tenants(): Promise<readonly KcpTenant[]>;
  /** The logical cluster id of a workspace path like `root:org:team`; ids are what keys and endpoints go by. */
  resolveWorkspace(path: string): Promise<string>;
  close(): Promise<void>;
};

type Endpoint = { readonly url: string; readonly api: Api; readonly source: WatchSource & { close(): void } };

const BINDINGS = { group: 'apis.kcp.io', resource: 'apibindings' } as const;
const ALL_WORKSPACES = '/clusters/*';

/**
 * kcp as the hub of many workspaces, by way of one APIExport: reads and watches all workspaces at each endpoint, writes to
 * `<endpoint>/clusters/<id>`. @throws TmcError when the export's endpoints cannot be read.
 */
export async function createKcpHub(options: KcpHubOptions): Promise<KcpHub> {
  const fleet = new Endpoints(options);
  const endpoints = await followEndpoints(options, (urls) => fleet.set(urls));
  const listeners = new Set<(resources: readonly ResourceType[]) => void>();
  const exported = await followExport(exportOptions(options), (resources) => {
    for (const listener of listeners) listener(resources);
  });
  const connection = atUrl(options.connection, kcpBaseUrl(options.connection.url));
  const root = new Api({ deadlineMs: HUB_DEADLINE_MS, ...options, connection });
  return {
    ...hubObjects((workspace) => fleet.route(workspace)),
    workspaceOf,
    sources: () => fleet.sources(),
    onSources: (listener) => fleet.listen(listener),
    endpointsError: () => endpoints.lastError(),
    resources: () => exported.current(),
    onResources: (listener) => {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    resourcesError: () => exported.lastError(),
    tenants: () => fleet.tenants(),
    resolveWorkspace: (path) => resolveWorkspace(root, path),
    async close() {
      await Promise.all([endpoints.close(), exported.close()]);
      fleet.set([]);
      root.close();
    },
  };
}

function exportOptions({ readExportEveryMs: readEveryMs, ...options }: KcpHubOptions) {
  return { ...options, ...(readEveryMs === undefined ? {} : { readEveryMs }) };
}

/** The endpoints of an export and which of them serves which workspace. */
class Endpoints {
  readonly #options: ApiOptions;
  readonly #listeners = new Set<(sources: readonly WatchSource[]) => void>();
  readonly #homes = new Map<string, Endpoint>();
  #endpoints: readonly Endpoint[] = [];

  constructor(options: ApiOptions) {
    this.#options = options;
  }

  /** Keeps what stays, opens what is new, closes what is gone. */
  set(urls: readonly string[]): void {
    const gone = this.#endpoints.filter(({ url }) => !urls.includes(url));
    this.#endpoints = urls.map((url) => this.#endpoints.find((e) => e.url === url) ?? this.#open(url));
    this.#homes.clear();
    for (const listener of this.#listeners) listener(this.sources());
    for (const { api, source } of gone) {
      api.close();
      source.close();
    }
  }

  sources(): readonly WatchSource[] {
    return this.#endpoints.map(({ source }) => source);
  }

  listen(listener: (sources: readonly WatchSource[]) => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  async route(workspace: string): Promise<Route> {
    const home = this.#homes.get(workspace) ?? (await this.#findHome(workspace));
    this.#homes.set(workspace, home);
    return { api: home.api, prefix: `/clusters/${encodeURIComponent(workspace)}` };
  }

  async tenants(): Promise<readonly KcpTenant[]> {
    const lists = await Promise.all(
      this.#endpoints.map(({ api }) => listAll(api, BINDINGS, { prefix: ALL_WORKSPACES })),
    );
    return lists.flatMap(({ items }) => items.map(tenantOf));
  }

  #open(url: string): Endpoint {
    const options = { ...this.#options, connection: atUrl(this.#options.connection, url) };
    return {
      url,
      api: new Api({ deadlineMs: HUB_DEADLINE_MS, ...options }),
      source: createWatchSource({ ...options, endpoint: url, prefix: ALL_WORKSPACES }),
    };
  }

  /** A workspace lives on one shard; each endpoint serves one and refuses the others'. */
  async #findHome(workspace: string): Promise<Endpoint> {
    const [only, ...others] = this.#endpoints;
    if (only && others.length === 0) return only;
    const prefix = `/clusters/${encodeURIComponent(workspace)}`;
    let refusal: unknown;
    for (const endpoint of this.#endpoints) {
      try {
        const { items } = await listPage(endpoint.api, BINDINGS, { prefix, limit: 1 });
        if (items.length > 0) return endpoint;
      } catch (error) {
        refusal = error;
      }
    }
    throw retryError(`no endpoint of the export serves workspace ${workspace}`, {
      type: 'ClusterUnavailable',
      hint: 'bind the workspace to the export',
      cause: refusal,
    });
  }
}

type Claim = { group?: string; resource: string };
type BindingStatus = { phase?: string; exportPermissionClaims?: Claim[]; appliedPermissionClaims?: Claim[] };

function tenantOf(binding: KubeObject): KcpTenant {
  const status = (binding['status'] ?? {}) as BindingStatus;
  const nameOf = ({ group, resource }: Claim) => (group ? `${resource}.${group}` : resource);
  const applied = new Set((status.appliedPermissionClaims ?? []).map(nameOf));
  return {
    workspace: workspaceOf(binding),
    bound: status.phase === 'Bound',
    missingClaims: (status.exportPermissionClaims ?? []).map(nameOf).filter((name) => !applied.has(name)),
  };
}

function workspaceOf(upstreamObj: KubeObject): string {
  const workspace = upstreamObj.metadata.annotations?.[KCP_CLUSTER_ANNOTATION];
  if (workspace) return workspace;
  throw terminalError(`${upstreamObj.kind} ${upstreamObj.metadata.name} does not tell its workspace`, {
    type: 'ConfigurationError',
    hint: `objects read through a kcp endpoint carry the annotation ${KCP_CLUSTER_ANNOTATION}; is the hub kcp?`,
  });
}

const UNKNOWN_WORKSPACE =
  'create the workspace or correct its path; an identity without rights in it is given its logical cluster id instead';

async function resolveWorkspace(root: Api, path: string): Promise<string> {
  const key = { workspace: path, group: 'core.kcp.io', resource: 'logicalclusters', namespace: '', name: 'cluster' };
  const absent = (about: string) =>
    terminalError(`${about} does not exist`, { type: 'ConfigurationError', hint: 'correct the workspace path' });
  const request = { method: 'GET', path: `/clusters/${path}${objectPath(key)}`, key };
  try {
    return workspaceOf(await root.get(request, absent));
  } catch (error) {
    throw hintedAt(error, ['ResourceNotFound', 'ResourcePermission'], UNKNOWN_WORKSPACE);
  }
}
