import { targetKey } from '@tmc/apis/hash.ts';
import { HUB_RESOURCES } from '@tmc/apis/resources.ts';
import type { Clock } from '@tmc/kernel/clock.ts';
import type { MemberApi } from '@tmc/kernel/ports.ts';
import type { KubeConnection } from '../kube/connection.ts';
import { createKubernetesHub } from '../kube/hub-kubernetes.ts';
import { createMember } from '../kube/member.ts';
import { createWatchSource } from '../kube/watch.ts';
import { connectKcp } from './connect-kcp.ts';
import type { Fleet, FleetHub, FleetMember } from './fleet.ts';
import { hubIdOf } from './relay-ids.ts';

export type { Fleet } from './fleet.ts';

/** A fleet whose credentials are at hand: made from kubeconfig files by `kubeconfigs.ts`, from JSON on Lambda. */
export type FleetPlan = { readonly hub: HubPlan; readonly members: readonly MemberPlan[] };

export type HubPlan =
  | {
      readonly kind: 'kubernetes';
      readonly connection: KubeConnection;
      readonly workspace: string;
      readonly epoch: number;
    }
  | {
      readonly kind: 'kcp';
      readonly connection: KubeConnection;
      readonly export: { readonly workspace: string; readonly name: string };
      readonly epoch: number;
    };

export type MemberPlan = {
  readonly name: string;
  readonly connection: KubeConnection;
  readonly syncTarget: { readonly workspace: string; readonly name: string };
  readonly epoch: number;
};

/** Connects hub and members. @throws TmcError `retry` when the hub must be asked something and cannot be reached. */
export async function connectFleet(plan: FleetPlan, { clock }: { clock: Clock }): Promise<Fleet> {
  const hub = await connectHub(plan.hub, clock);
  const connected = await connectMembers(plan.members, { hub, clock });
  return {
    ...hub,
    ...connected,
    close: async () => {
      await hub.close();
      connected.close();
    },
  };
}

/** Connects members alone, to a hub that is. @throws TmcError `retry` when the hub must be asked something and cannot be reached. */
export async function connectMembers(
  plans: readonly MemberPlan[],
  given: { hub: FleetHub; clock: Clock },
): Promise<Pick<Fleet, 'members' | 'member'> & { close(): void }> {
  const members = await Promise.all(plans.map((plan) => connectMember(plan, given)));
  const byKey = new Map(members.map((member) => [member.targetKey, member]));
  return {
    members,
    member: (key) => byKey.get(key)?.api,
    close: () => {
      for (const member of members) member.close();
    },
  };
}

/** Connects the hub alone, as a hub relay needs it. @throws TmcError `retry` when it must be asked something and cannot be reached. */
export function connectHub(plan: HubPlan, clock: Clock): Promise<FleetHub> {
  return plan.kind === 'kcp' ? connectKcp(plan, clock) : connectKubernetes(plan, clock);
}

async function connectKubernetes(plan: Extract<HubPlan, { kind: 'kubernetes' }>, clock: Clock): Promise<FleetHub> {
  const { connection, workspace, epoch } = plan;
  const hub = createKubernetesHub({ connection, workspace, clock });
  const source = createWatchSource({ connection, clock, endpoint: 'hub' });
  return {
    hubId: hubIdOf(plan),
    epoch,
    hub,
    sources: () => [source],
    onSources: () => undefined,
    sourcesError: () => undefined,
    resources: () => HUB_RESOURCES,
    onResources: () => undefined,
    resourcesError: () => undefined,
    workspaceId: async (name) => name,
    workspaceName: (id) => id,
    close: () => {
      hub.close();
      source.close();
    },
  };
}

async function connectMember(
  { name, connection, syncTarget, epoch }: MemberPlan,
  { hub, clock }: { hub: FleetHub; clock: Clock },
): Promise<FleetMember & { api: MemberApi; close(): void }> {
  const workspace = await hub.workspaceId(syncTarget.workspace);
  const api = createMember({ connection, clock });
  const source = createWatchSource({ connection, clock, endpoint: name });
  return {
    name,
    targetKey: targetKey(workspace, syncTarget.name),
    syncTarget: { workspace, name: syncTarget.name },
    epoch,
    api,
    source,
    close: () => {
      api.close();
      source.close();
    },
  };
}
