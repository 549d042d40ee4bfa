import { setTimeout as delay } from 'node:timers/promises';
import { HUB_RESOURCES, type ResourceType } from '@tmc/apis/resources.ts';
import { messageOf } from '@tmc/kernel/errors.ts';
import { formatGroupResource } from '@tmc/kernel/key.ts';
import type { KubeObject } from '@tmc/kernel/object.ts';
import { Api, type ApiOptions } from './api.ts';
import { atUrl } from './connection.ts';
import { HUB_DEADLINE_MS } from './hub-objects.ts';
import { type ExportRef, kcpBaseUrl } from './kcp-endpoints.ts';
import { objectPath } from './paths.ts';

const EXPORTS = { group: 'apis.kcp.io', resource: 'apiexports' } as const;
/** Bindings can be read at an export's endpoints without a claim. */
const BINDINGS: ResourceType = {
  group: 'apis.kcp.io',
  version: 'v1alpha2',
  resource: 'apibindings',
  kind: 'APIBinding',
  namespaced: false,
};
/** An export changes when a version is installed: minutes would do. One read needs no right but `get` on this one export. */
const READ_EVERY_MS = 30_000;

export type ExportedResources = {
  /** What can be read at the export's endpoints, of the resources this version handles; all of them while the export is unknown. */
  current(): readonly ResourceType[];
  /** Why the export could not be read last; undefined while all is well. */
  lastError(): string | undefined;
  close(): Promise<void>;
};

/**
 * Follows which resources an export offers and claims, and tells every change after the first read. Never fails: an identity
 * that may not read the export goes on with everything it handles, and `lastError` says why.
 */
export async function followExport(
  options: ApiOptions & ExportRef & { readonly readEveryMs?: number },
  changed: (resources: readonly ResourceType[]) => void,
): Promise<ExportedResources> {
  const { exportWorkspace, exportName, readEveryMs = READ_EVERY_MS } = options;
  const connection = atUrl(options.connection, kcpBaseUrl(options.connection.url));
  const api = new Api({ deadlineMs: HUB_DEADLINE_MS, ...options, connection });
  const ended = new AbortController();
  const key = { ...EXPORTS, workspace: exportWorkspace, namespace: '', name: exportName };
  const path = `/clusters/${exportWorkspace}${objectPath(key)}`;
  let resources: readonly ResourceType[] = [...HUB_RESOURCES, BINDINGS];
  let lastError: string | undefined;
  const read = async (): Promise<boolean> => {
    try {
      const apiExport = await api.find({ method: 'GET', path, key, signal: ended.signal });
      lastError = apiExport ? undefined : `workspace ${exportWorkspace} has no export ${exportName}`;
      const next = apiExport ? resourcesOf(apiExport) : resources;
      const isChange = namesOf(next) !== namesOf(resources);
      resources = next;
      return isChange;
    } catch (error) {
      lastError = messageOf(error);
      return false;
    }
  };
  await read();
  const following = (async () => {
    for (;;) {
      await delay(readEveryMs, undefined, { signal: ended.signal, ref: false }).catch(() => undefined);
      if (ended.signal.aborted) return;
      if ((await read()) && !ended.signal.aborted) changed(resources);
    }
  })();
  return {
    current: () => resources,
    lastError: () => lastError,
    async close() {
      ended.abort();
      await following;
      api.close();
    },
  };
}

type ExportSpec = {
  resources?: readonly { group?: string; name: string }[];
  permissionClaims?: readonly { group?: string; resource: string; verbs?: readonly string[] }[];
};

/** What an export (v1alpha2) lets its owner list and watch, of the resources this version handles, and its bindings. Pure. */
export function resourcesOf(apiExport: KubeObject): readonly ResourceType[] {
  const { resources = [], permissionClaims = [] } = (apiExport['spec'] ?? {}) as ExportSpec;
  const readable = permissionClaims.filter(({ verbs = [] }) =>
    ['list', 'watch'].every((verb) => verbs.includes(verb) || verbs.includes('*')),
  );
  const offered = new Set([
    ...resources.map(({ group = '', name }) => formatGroupResource({ group, resource: name })),
    ...readable.map(({ group = '', resource }) => formatGroupResource({ group, resource })),
  ]);
  return [...HUB_RESOURCES.filter((known) => offered.has(formatGroupResource(known))), BINDINGS];
}

function namesOf(resources: readonly ResourceType[]): string {
  return resources.map(formatGroupResource).join();
}
