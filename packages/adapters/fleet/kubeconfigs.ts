import type { HubApi } from '@tmc/kernel/ports.ts';
import type { KubeConnection } from '../kube/connection.ts';
import { createKubernetesHub } from '../kube/hub-kubernetes.ts';
import { connectionFrom } from '../kube/kubeconfig.ts';
import type { FleetConfig } from './config.ts';
import type { FleetPlan } from './connect.ts';

type KubeconfigRef = { readonly kubeconfig: string; readonly context?: string | undefined };

/** A configuration with its kubeconfig files read. @throws TmcError ConfigurationError naming the file that cannot be used. */
export async function readKubeconfigs({ hub, members }: FleetConfig): Promise<FleetPlan> {
  return {
    hub: { ...hub, connection: await connectionOf(hub) },
    members: await Promise.all(members.map(async (member) => ({ ...member, connection: await connectionOf(member) }))),
  };
}

/** A plain API server seen as a hub of one workspace: for a user's own look at it. */
export async function openKubernetes(
  options: KubeconfigRef & { readonly workspace: string },
): Promise<HubApi & { close(): void }> {
  return createKubernetesHub({ connection: await connectionOf(options), workspace: options.workspace });
}

function connectionOf({ kubeconfig, context }: KubeconfigRef): Promise<KubeConnection> {
  return connectionFrom({ path: kubeconfig, ...(context === undefined ? {} : { context }) });
}
