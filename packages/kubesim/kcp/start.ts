import { randomUUID } from 'node:crypto';
import { timestampOf } from '../controllers/time.ts';
import { recordAt } from '../object.ts';
import type { Sim } from '../server/context.ts';
import { runBindingController } from './binding-controller.ts';
import { runExportController } from './export-controller.ts';
import { KcpLayer } from './layer.ts';
import { CLUSTER_ANNOTATION, ROOT, WORKSPACES } from './names.ts';
import { runWorkspaceController } from './workspace-controller.ts';

export interface RunningKcp {
  createWorkspace(path: string, type?: { path: string; name: string }): Promise<string>;
  stop(): void;
}

const UNIVERSAL = { path: ROOT, name: 'universal' };
const READY_WAIT_MS = 5000;

/** Puts kcp's layer on a server and runs its controllers. */
export function startKcp(sim: Sim): RunningKcp {
  const layer = new KcpLayer(sim);
  sim.layer = layer;
  const stops = [
    runWorkspaceController(sim, layer),
    runExportController(sim, layer),
    runBindingController(sim, layer),
    layer.claims.run(sim.store, sim.registry),
  ];
  return {
    createWorkspace: (path, type) => createPath(sim, layer, { path, type: type ?? UNIVERSAL }),
    stop: () => {
      for (const stop of stops) stop();
    },
  };
}

async function createPath(
  sim: Sim,
  layer: KcpLayer,
  { path, type }: { path: string; type: { path: string; name: string } },
): Promise<string> {
  const parts = path.split(':');
  if (parts[0] !== ROOT) throw new Error(`createWorkspace(${path}): a workspace path begins with "${ROOT}"`);
  let cluster: string = ROOT;
  for (const [at, name] of parts.slice(1).entries()) {
    const last = at === parts.length - 2;
    cluster = await createOne(sim, layer, { parent: cluster, name, type: last ? type : UNIVERSAL });
  }
  return cluster;
}

async function createOne(
  sim: Sim,
  layer: KcpLayer,
  parts: { parent: string; name: string; type: { path: string; name: string } },
): Promise<string> {
  const ref = { storage: WORKSPACES, cluster: parts.parent, namespace: '', name: parts.name };
  const metadata = {
    name: parts.name,
    uid: randomUUID(),
    creationTimestamp: timestampOf(sim),
    generation: 1,
    annotations: { [CLUSTER_ANNOTATION]: parts.parent },
  };
  if (!sim.store.get(ref))
    sim.store.put(ref, {
      apiVersion: 'tenancy.kcp.io/v1alpha1',
      kind: 'Workspace',
      metadata,
      spec: { type: parts.type },
      status: { phase: 'Scheduling' },
    });
  const end = performance.now() + READY_WAIT_MS;
  for (;;) {
    const workspace = sim.store.get(ref);
    if (workspace && recordAt(workspace, 'status')['phase'] === 'Ready')
      return String(recordAt(workspace, 'spec')['cluster']);
    if (performance.now() > end)
      throw new Error(
        `workspace ${layer.tree.pathOf(parts.parent)}:${parts.name} did not become Ready within ${READY_WAIT_MS} ms: its default bindings are not bound`,
      );
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}
