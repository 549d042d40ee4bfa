import { acceptedClaims, rbac, workspaceType } from '@tmc/apis/export.ts';
import { findCondition } from '@tmc/kernel/condition.ts';
import type { Condition, JsonObject, KubeObject } from '@tmc/kernel/object.ts';
import { Api, type ApiOptions } from './api.ts';
import { atUrl } from './connection.ts';
import { ensureApplied, ensureCreated, eventually, locate, type Place, waitFor } from './ensure.ts';
import { vanished } from './hub-objects.ts';
import { kcpBaseUrl } from './kcp-endpoints.ts';

export type KcpBootstrapOptions = ApiOptions & {
  /** Path of the workspace that holds the export, `root:tmc`. */
  readonly exportWorkspace: string;
  readonly schemas: readonly KubeObject[];
  readonly apiExport: KubeObject;
};

/** Namespace and name of the ServiceAccount in the export's workspace that relay and functions work as. */
const KCP_SERVICE_ACCOUNT = { namespace: 'tmc-system', name: 'tmc-relay' } as const;

/**
 * Sets kcp up for TMC, as an administrator: workspace, schemas, export, rights, a binding of the workspace to its own export (so that
 * its endpoint always exists) and a workspace type whose workspaces are bound from birth. Running it again changes nothing.
 * @throws TmcError naming the object that was refused or not ready in time.
 */
export async function ensureKcpExport(options: KcpBootstrapOptions): Promise<void> {
  const { connection, exportWorkspace, schemas, apiExport } = options;
  const api = new Api({ ...options, connection: atUrl(connection, kcpBaseUrl(connection.url)) });
  try {
    await ensureWorkspace(api, exportWorkspace);
    const place = workspacePlace(api, exportWorkspace);
    for (const schema of schemas) await ensureCreated(place, 'apiresourceschemas', schema);
    await ensureExport(place, apiExport);
    await ensureRights(place, apiExport);
    await ensureSelfBinding(place, apiExport);
    const reference = { workspace: exportWorkspace, name: apiExport.metadata.name };
    await ensureApplied(place, 'workspacetypes', workspaceType(reference));
  } finally {
    api.close();
  }
}

function workspacePlace(api: Api, path: string): Place {
  return { api, prefix: `/clusters/${path}`, workspace: path };
}

async function ensureWorkspace(api: Api, path: string): Promise<void> {
  const colon = path.lastIndexOf(':');
  if (colon < 0) return;
  const object: KubeObject = {
    apiVersion: 'tenancy.kcp.io/v1alpha1',
    kind: 'Workspace',
    metadata: { name: path.slice(colon + 1) },
    spec: { type: { path: 'root', name: 'universal' } },
  };
  const parent = workspacePlace(api, path.slice(0, colon));
  await ensureCreated(parent, 'workspaces', object);
  const isReady = (live: KubeObject) => (live['status'] as { phase?: string } | undefined)?.phase === 'Ready';
  await waitFor(parent, { resource: 'workspaces', object, isReady, what: `workspace ${path} to be ready` });
}

async function ensureExport(place: Place, apiExport: KubeObject): Promise<void> {
  await ensureApplied(place, 'apiexports', apiExport);
  await waitFor(place, {
    resource: 'apiexports',
    object: apiExport,
    isReady: (live) => findCondition(conditionsOf(live), 'IdentityValid')?.status === 'True',
    what: `export ${apiExport.metadata.name} to have an identity`,
  });
}

/** The ServiceAccount, and who may bind, use and serve the export. */
async function ensureRights(place: Place, apiExport: KubeObject): Promise<void> {
  const { namespace, name } = KCP_SERVICE_ACCOUNT;
  await ensureApplied(place, 'namespaces', { apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } });
  const account = { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name, namespace } };
  await ensureApplied(place, 'serviceaccounts', account);
  const reference = { workspace: place.workspace, name: apiExport.metadata.name };
  for (const object of rbac(KCP_SERVICE_ACCOUNT, reference)) {
    await ensureApplied(place, object.kind === 'ClusterRole' ? 'clusterroles' : 'clusterrolebindings', object);
  }
}

async function ensureSelfBinding(place: Place, apiExport: KubeObject): Promise<void> {
  const { name } = apiExport.metadata;
  const binding: KubeObject = {
    apiVersion: 'apis.kcp.io/v1alpha2',
    kind: 'APIBinding',
    metadata: { name },
    spec: { reference: { export: { path: place.workspace, name } }, permissionClaims: acceptedClaims() },
  };
  // The right to bind is known to kcp about a second after its role was written: until then this is 403.
  await eventually(async () => {
    await ensureCreated(place, 'apibindings', binding);
    return true;
  }, `binding ${name} to be accepted`);
  await acceptClaims(place, binding);
  await waitFor(place, {
    resource: 'apibindings',
    object: binding,
    isReady: (live) => (live['status'] as { phase?: string } | undefined)?.phase === 'Bound',
    what: `binding ${name} to be bound`,
  });
}

/** A binding from an earlier version accepts its claims only; claims the export gained since are added. */
async function acceptClaims(place: Place, binding: KubeObject): Promise<void> {
  const { path, key } = locate(place, 'apibindings', binding);
  const { permissionClaims } = binding['spec'] as JsonObject;
  await place.api.get(
    {
      method: 'PATCH',
      path: `${path}/${key.name}?fieldManager=tmc`,
      key,
      body: JSON.stringify({ spec: { permissionClaims } }),
      contentType: 'application/merge-patch+json',
    },
    vanished,
  );
}

function conditionsOf(live: KubeObject): Condition[] | undefined {
  return (live['status'] as { conditions?: Condition[] } | undefined)?.conditions;
}
