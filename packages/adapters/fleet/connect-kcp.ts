import type { Clock } from '@tmc/kernel/clock.ts';
import { createKcpHub } from '../kube/hub-kcp.ts';
import type { HubPlan } from './connect.ts';
import type { FleetHub } from './fleet.ts';
import { hubIdOf } from './relay-ids.ts';

/** kcp as the hub: all workspaces bound to one APIExport. */
export async function connectKcp(plan: Extract<HubPlan, { kind: 'kcp' }>, clock: Clock): Promise<FleetHub> {
  const { connection } = plan;
  const hub = await createKcpHub({
    connection,
    clock,
    exportWorkspace: plan.export.workspace,
    exportName: plan.export.name,
  });
  const names = new Map<string, string>();
  /** By path: many members share a workspace, and are connected at the same time. */
  const ids = new Map<string, Promise<string>>();
  const resolved = (path: string): Promise<string> => {
    const known = ids.get(path);
    if (known !== undefined) return known;
    const asked = hub.resolveWorkspace(path);
    ids.set(path, asked);
    asked.catch(() => ids.delete(path));
    return asked;
  };
  let stopSources = () => {};
  let stopResources = () => {};
  return {
    hubId: hubIdOf(plan),
    epoch: plan.epoch,
    hub,
    sources: () => hub.sources(),
    onSources: (listener) => {
      stopSources();
      stopSources = hub.onSources(listener);
    },
    sourcesError: () => hub.endpointsError(),
    resources: () => hub.resources(),
    onResources: (listener) => {
      stopResources();
      stopResources = hub.onResources(listener);
    },
    resourcesError: () => hub.resourcesError(),
    workspaceId: async (name) => {
      const id = name.includes(':') ? await resolved(name) : name;
      names.set(id, name.slice(name.lastIndexOf(':') + 1));
      return id;
    },
    // Paths are known for configured workspaces only; an id is unique and good enough for the others.
    workspaceName: (workspace) => names.get(workspace) ?? workspace,
    close: () => hub.close(),
  };
}
