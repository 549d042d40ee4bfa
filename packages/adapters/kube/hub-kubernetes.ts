import { terminalError } from '@tmc/kernel/errors.ts';
import type { HubApi } from '@tmc/kernel/ports.ts';
import { Api, type ApiOptions } from './api.ts';
import { HUB_DEADLINE_MS, hubObjects, type Route } from './hub-objects.ts';

export type KubernetesHubOptions = ApiOptions & {
  /** Name of the one workspace this server stands for. */
  readonly workspace: string;
};

/** A plain API server with our CRDs as the hub of a single workspace. Keys of another workspace are refused, never served. */
export function createKubernetesHub(options: KubernetesHubOptions): HubApi & { close(): void } {
  const api = new Api({ deadlineMs: HUB_DEADLINE_MS, ...options });
  const route: Route = { api, prefix: '' };
  const findRoute = (workspace: string): Route => {
    if (workspace === options.workspace) return route;
    throw terminalError(`this hub holds workspace ${options.workspace}, not ${workspace}`, {
      type: 'ConfigurationError',
      hint: 'name the workspace as in the configuration of the hub',
    });
  };
  return { ...hubObjects(findRoute), workspaceOf: () => options.workspace, close: () => api.close() };
}
