import { findCondition } from '@tmc/kernel/condition.ts';
import type { Condition, JsonObject, KubeObject } from '@tmc/kernel/object.ts';
import { Api, type ApiOptions } from './api.ts';
import { atUrl } from './connection.ts';
import { ensureApplied, ensureCreated, eventually, locate, type Place, waitFor } from './ensure.ts';
import { vanished } from './hub-objects.ts';
import { kcpBaseUrl } from './kcp-endpoints.ts';
import { kcpRights, maximalPolicyRole } from './kcp-rights.ts';

export type KcpBootstrapOptions = ApiOptions & {
  /** Path of the workspace that holds the export, `root:tmc`. */
  readonly exportWorkspace: string;
  readonly schemas: readonly KubeObject[];
  readonly apiExport: KubeObject;
  /** Name of the type tenants' workspaces are made of; `tmc-tenant` when absent. */
  readonly tenantType?: string;
};

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
    for (const { resource, object } of [...kcpRights(apiExport.metadata.name), maximalPolicyRole(apiExport)]) {
      await ensureApplied(place, resource, object);
    }
    await ensureSelfBinding(place, apiExport);
    await ensureApplied(
      place,
      'workspacetypes',
      workspaceType(exportWorkspace, { apiExport, name: options.tenantType ?? 'tmc-tenant' }),
    );
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

type Claim = { group?: string; resource: string; verbs: string[] };

async function ensureSelfBinding(place: Place, apiExport: KubeObject): Promise<void> {
  const { name } = apiExport.metadata;
  const claims = ((apiExport['spec'] as { permissionClaims?: Claim[] }).permissionClaims ?? []).map((claim) => ({
    ...claim,
    selector: { matchAll: true },
    state: 'Accepted',
  }));
  const binding: KubeObject = {
    apiVersion: 'apis.kcp.io/v1alpha2',
    kind: 'APIBinding',
    metadata: { name },
    spec: { reference: { export: { path: place.workspace, name } }, permissionClaims: claims },
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

function workspaceType(path: string, { apiExport, name }: { apiExport: KubeObject; name: string }): KubeObject {
  return {
    apiVersion: 'tenancy.kcp.io/v1alpha1',
    kind: 'WorkspaceType',
    metadata: { name },
    spec: {
      extend: { with: [{ path: 'root', name: 'universal' }] },
      defaultAPIBindings: [{ path, export: apiExport.metadata.name }],
      defaultAPIBindingLifecycle: 'Maintain',
    },
  };
}

function conditionsOf(live: KubeObject): Condition[] | undefined {
  return (live['status'] as { conditions?: Condition[] } | undefined)?.conditions;
}
