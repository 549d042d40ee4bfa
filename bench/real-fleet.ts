/**
 * Real API servers for a bench, in a process of their own: etcd, a hub and three members. Says where their kubeconfigs are, to
 * its parent or as JSON on standard output, and stops on SIGTERM or when its parent ends.
 *   --pods   run the members' workload controllers and a kubelet that only says so; without, copies are marked ready in place,
 *            which leaves the machine's few cores to the API servers and the host
 */
import { parseArgs } from 'node:util';
import type { KubeConnection } from '@tmc/adapters/kube/connection.ts';
import { Transport } from '@tmc/adapters/kube/http.ts';
import { createWatchSource } from '@tmc/adapters/kube/watch.ts';
import type { KubeObject } from '@tmc/kernel/object.ts';
import { startFleet } from '../test/real/harness/fleet.ts';

const { values } = parseArgs({ options: { pods: { type: 'boolean', default: false } } });

process.once('disconnect', () => process.kill(process.pid, 'SIGTERM'));
const fleet = await startFleet({ members: 3, pods: values.pods });
if (!values.pods) for (const { connection } of fleet.members) void markReady(connection);
const found = {
  hub: fleet.hub.kubeconfigPath,
  members: fleet.members.map(({ name, kubeconfigPath }) => ({ name, kubeconfig: kubeconfigPath })),
};
if (process.send) process.send(found);
else console.log(JSON.stringify(found));

/** Plays the workload controllers of a member: every new generation of a Deployment is observed and available at once. */
async function markReady(connection: KubeConnection): Promise<void> {
  const transport = new Transport(connection);
  const { signal } = new AbortController();
  const deployments = { group: 'apps', resource: 'deployments' };
  for (;;) {
    for await (const { type, object } of createWatchSource({ connection }).watch(deployments, {
      timeoutSeconds: 3600,
      signal,
    })) {
      const status = type === 'BOOKMARK' || type === 'DELETED' ? undefined : readyStatus(object);
      if (!status) continue;
      const { namespace, name } = object.metadata;
      const path = `/apis/apps/v1/namespaces/${namespace}/deployments/${name}/status`;
      const body = JSON.stringify({ status });
      // Lost races show up as the next event.
      void transport.request({ method: 'PATCH', path, body, contentType: 'application/merge-patch+json' });
    }
  }
}

type Deployment = KubeObject & { spec: { replicas?: number }; status?: { observedGeneration?: number } };

function readyStatus(object: KubeObject) {
  const { metadata, spec, status } = object as Deployment;
  if (status?.observedGeneration === metadata.generation) return undefined;
  const replicas = spec.replicas ?? 1;
  const counts = { replicas, updatedReplicas: replicas, readyReplicas: replicas, availableReplicas: replicas };
  const conditions = [{ type: 'Available', status: 'True', reason: 'MinimumReplicasAvailable' }];
  return { observedGeneration: metadata.generation, ...counts, conditions };
}
