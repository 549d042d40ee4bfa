import type { ResourceKey } from '@tmc/kernel/key.ts';
import type { KubeObject } from '@tmc/kernel/object.ts';
import type { HubApi } from '@tmc/kernel/ports.ts';
import * as manifests from './manifests.ts';
import { type DemoTarget, EAST, NAMESPACE, POLICY, WEST } from './manifests.ts';
import { met, notYet, type Progress, waitUntil } from './wait.ts';

/**
 * The walkthrough, step by step, as a user with two kubeconfigs would do it: everything goes through the API servers, and every
 * step checks what it claims.
 */

export type DemoContext = {
  /** Workspace id in the hub. */
  readonly workspace: string;
  readonly hub: HubApi;
  /** Members by name, seen as their own administrators see them. */
  readonly members: Readonly<Record<string, HubApi>>;
};

export type Step = {
  readonly title: string;
  /** Does it and checks it; returns what was seen, one line each. */
  run(context: DemoContext): Promise<string[]>;
};

const DEADLINE_MS = 30_000;
const COPIES = ['deployments', 'services', 'configmaps', 'secrets'] as const;

const groupOf = (resource: string): string =>
  resource === 'deployments'
    ? 'apps'
    : resource === 'synctargets' || resource === 'clusterworkloadplacements'
      ? 'workload.kcp.io'
      : '';

const key = (workspace: string, resource: string, name: string): ResourceKey => ({
  workspace,
  group: groupOf(resource),
  resource,
  namespace: COPIES.includes(resource as (typeof COPIES)[number]) ? NAMESPACE : '',
  name,
});

const ms = (elapsedMs: number): string => `${elapsedMs < 10 ? elapsedMs.toFixed(1) : elapsedMs.toFixed(0)} ms`;

const replicasOf = (object: KubeObject | undefined): number | undefined =>
  (object?.['spec'] as { replicas?: number } | undefined)?.replicas;

function copyOf({ members }: DemoContext, { member }: DemoTarget, resource: string): Promise<KubeObject | undefined> {
  return memberApi(members, member).get(key(member, resource, 'nginx-web'));
}

function memberApi(members: DemoContext['members'], name: string): HubApi {
  const api = members[name];
  if (!api) throw new Error(`the demo needs a member called ${name}; give --member ${name}=<kubeconfig>`);
  return api;
}

/** Waits until the Deployment's copies hold exactly these replicas. */
async function waitForSplit(context: DemoContext, west: number, east: number): Promise<string[]> {
  const { elapsedMs } = await waitUntil(`${west} replicas west, ${east} east`, DEADLINE_MS, async () => {
    const [w, e] = await Promise.all([copyOf(context, WEST, 'deployments'), copyOf(context, EAST, 'deployments')]);
    const seen = `west has ${replicasOf(w) ?? 'no copy'}, east has ${replicasOf(e) ?? 'no copy'}`;
    return replicasOf(w) === west && replicasOf(e) === east ? met(seen) : notYet(seen);
  });
  return [`kcp-west ${west} replicas, kcp-east ${east}: after ${ms(elapsedMs)}`];
}

const registerTargets: Step = {
  title: 'Register SyncTargets west-target (us-west-2) and east-target (us-east-1)',
  async run({ hub, workspace }) {
    const seen: string[] = [];
    for (const target of [WEST, EAST]) {
      await hub.create(key(workspace, 'synctargets', target.target), manifests.syncTarget(target));
    }
    for (const { target } of [WEST, EAST]) {
      const { elapsedMs } = await waitUntil(`SyncTarget ${target} Ready`, DEADLINE_MS, async () => {
        const object = await hub.get(key(workspace, 'synctargets', target));
        const ready = conditionOf(object, 'Ready');
        return ready?.status === 'True' ? met(ready) : notYet(ready?.message ?? 'it has no Ready condition yet');
      });
      seen.push(`${target} is Ready: heartbeats arrive, after ${ms(elapsedMs)}`);
    }
    return seen;
  },
};

const createPolicy: Step = {
  title: 'Create ClusterWorkloadPlacement multi-region-placement (us-west-2 preferred, 1 to 2 clusters)',
  async run({ hub, workspace }) {
    await hub.create(key(workspace, 'clusterworkloadplacements', POLICY), manifests.placement(WEST));
    await hub.create(key(workspace, 'namespaces', NAMESPACE), manifests.namespace);
    const { value, elapsedMs } = await waitUntil('a decision', DEADLINE_MS, async () => {
      const policy = await hub.get(key(workspace, 'clusterworkloadplacements', POLICY));
      const selected = (policy?.['status'] as { selectedTargets?: string[] } | undefined)?.selectedTargets ?? [];
      return selected.length === 2 ? met(selected) : notYet(`it selected ${selected.join(', ') || 'nothing'}`);
    });
    return [`selected ${value.join(', ')} for namespace ${NAMESPACE}: after ${ms(elapsedMs)}`];
  },
};

const deployWorkload: Step = {
  title: 'Deploy nginx-web (3 replicas) with Service, ConfigMap and Secret into the workspace',
  async run(context) {
    const { hub, workspace } = context;
    await hub.create(key(workspace, 'configmaps', 'nginx-web'), manifests.configMap);
    await hub.create(key(workspace, 'secrets', 'nginx-web'), manifests.secret);
    await hub.create(key(workspace, 'services', 'nginx-web'), manifests.service);
    await hub.create(key(workspace, 'deployments', 'nginx-web'), manifests.deployment);
    const seen = await waitForSplit(context, 2, 1);
    for (const target of [WEST, EAST]) {
      const { elapsedMs } = await waitUntil(`all copies in ${target.member}`, DEADLINE_MS, () =>
        allCopies(context, target),
      );
      seen.push(`${target.member} has Deployment, Service, ConfigMap and Secret: ${ms(elapsedMs)} later`);
    }
    return seen;
  },
};

async function allCopies(context: DemoContext, target: DemoTarget): Promise<Progress<true>> {
  const found = await Promise.all(COPIES.map((resource) => copyOf(context, target, resource)));
  const missing = COPIES.filter((_resource, i) => found[i] === undefined);
  return missing.length === 0 ? met(true as const) : notYet(`${missing.join(', ')} missing`);
}

const inspectCopies: Step = {
  title: 'Each copy says what it is and where it runs',
  async run(context) {
    const seen: string[] = [];
    for (const target of [WEST, EAST]) {
      const copy = await copyOf(context, target, 'deployments');
      expectEqual(`${target.member} label managed`, copy?.metadata.labels?.['workload.kcp.io/managed'], 'true');
      expectEqual(
        `${target.member} label synced-from`,
        copy?.metadata.labels?.['workload.kcp.io/synced-from'],
        manifests.WORKSPACE,
      );
      const annotations = copy?.metadata.annotations ?? {};
      expectEqual(`${target.member} annotation sync-target`, annotations['workload.kcp.io/sync-target'], target.target);
      expectEqual(
        `${target.member} annotation source-cluster`,
        annotations['workload.kcp.io/source-cluster'],
        'kcp-virtual',
      );
      if (!annotations['workload.kcp.io/sync-timestamp'])
        throw new Error(`${target.member}: no sync-timestamp annotation`);
      const env = envOf(copy);
      expectEqual(`${target.member} env PHYSICAL_CLUSTER`, env['PHYSICAL_CLUSTER'], target.member);
      expectEqual(`${target.member} env SYNC_TARGET`, env['SYNC_TARGET'], target.target);
      seen.push(
        `${target.member}: managed, synced-from=${manifests.WORKSPACE}, PHYSICAL_CLUSTER=${target.member}, SYNC_TARGET=${target.target}`,
      );
    }
    return seen;
  },
};

const showStatus: Step = {
  title: 'The workspace shows the status of both clusters as one',
  async run({ hub, workspace }) {
    const { value, elapsedMs } = await waitUntil('3 ready replicas in the workspace', DEADLINE_MS, async () => {
      const object = await hub.get(key(workspace, 'deployments', 'nginx-web'));
      const status = object?.['status'] as { readyReplicas?: number; replicas?: number } | undefined;
      return status?.readyReplicas === 3 ? met(status) : notYet(`${status?.readyReplicas ?? 0} of 3 are ready`);
    });
    return [`nginx-web ${value.readyReplicas}/3 ready: after ${ms(elapsedMs)}`];
  },
};

const moveWeight: Step = {
  title: 'Prefer us-east-1 instead: replicas move, nobody scales',
  async run(context) {
    const { hub, workspace } = context;
    await hub.patch(key(workspace, 'clusterworkloadplacements', POLICY), { spec: manifests.placementSpec(EAST) });
    const seen = await waitForSplit(context, 1, 2);
    const upstream = await hub.get(key(workspace, 'deployments', 'nginx-web'));
    expectEqual('replicas in the workspace', replicasOf(upstream), 3);
    return [...seen, 'the Deployment in the workspace still says 3'];
  },
};

const repairDrift: Step = {
  title: 'Tamper with the copy in kcp-east: it is repaired',
  async run(context) {
    const member = memberApi(context.members, EAST.member);
    const copyKey = key(EAST.member, 'deployments', 'nginx-web');
    await member.patch(copyKey, { spec: { replicas: 7 }, metadata: { labels: { app: 'hijacked' } } });
    const { elapsedMs } = await waitUntil('the copy as it was', DEADLINE_MS, async () => {
      const copy = await member.get(copyKey);
      const seen = `replicas ${replicasOf(copy)}, label app=${copy?.metadata.labels?.['app']}`;
      return replicasOf(copy) === 2 && copy?.metadata.labels?.['app'] === 'nginx-web' ? met(seen) : notYet(seen);
    });
    await member.delete(key(EAST.member, 'configmaps', 'nginx-web'));
    const recreated = await waitUntil('the deleted ConfigMap again', DEADLINE_MS, async () => {
      const copy = await copyOf(context, EAST, 'configmaps');
      return copy ? met(copy) : notYet('it is absent');
    });
    return [
      `edit of replicas and a label undone after ${ms(elapsedMs)}`,
      `deleted ConfigMap back after ${ms(recreated.elapsedMs)}`,
    ];
  },
};

const deleteWorkload: Step = {
  title: 'Delete the workload: both members are clean',
  async run(context) {
    const { hub, workspace } = context;
    for (const resource of [...COPIES].reverse()) await hub.delete(key(workspace, resource, 'nginx-web'));
    const { elapsedMs } = await waitUntil('no copy anywhere, nothing left in the workspace', DEADLINE_MS, async () => {
      const left: string[] = [];
      for (const resource of COPIES) {
        if (await hub.get(key(workspace, resource, 'nginx-web'))) left.push(`${resource} in the workspace`);
        for (const target of [WEST, EAST])
          if (await copyOf(context, target, resource)) left.push(`${resource} in ${target.member}`);
      }
      return left.length === 0 ? met(true) : notYet(`${left.join(', ')} still there`);
    });
    return [`workspace, kcp-west and kcp-east hold no nginx-web any more: after ${ms(elapsedMs)}`];
  },
};

export const STEPS: readonly Step[] = [
  registerTargets,
  createPolicy,
  deployWorkload,
  inspectCopies,
  showStatus,
  moveWeight,
  repairDrift,
];

/** Kept out when the environment is to be explored afterwards. */
export const CLEANUP: readonly Step[] = [deleteWorkload];

function conditionOf(object: KubeObject | undefined, type: string): { status: string; message?: string } | undefined {
  const status = object?.['status'] as
    | { conditions?: { type: string; status: string; message?: string }[] }
    | undefined;
  return status?.conditions?.find((condition) => condition.type === type);
}

function envOf(copy: KubeObject | undefined): Record<string, string | undefined> {
  type Template = { template?: { spec?: { containers?: { env?: { name: string; value?: string }[] }[] } } };
  const containers = (copy?.['spec'] as Template | undefined)?.template?.spec?.containers ?? [];
  return Object.fromEntries((containers[0]?.env ?? []).map(({ name, value }) => [name, value]));
}

function expectEqual(what: string, seen: unknown, expected: unknown): void {
  if (seen !== expected) throw new Error(`${what} is ${JSON.stringify(seen)}, expected ${JSON.stringify(expected)}`);
}
