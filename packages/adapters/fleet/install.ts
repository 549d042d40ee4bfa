import { crds } from '@tmc/apis/crd.ts';
import { apiExport, apiResourceSchemas } from '@tmc/apis/export.ts';
import { ensureCrds } from '../kube/bootstrap-crds.ts';
import { ensureKcpExport } from '../kube/bootstrap-kcp.ts';
import type { HubPlan } from './connect.ts';

/**
 * Creates or updates our kinds in the hub: CustomResourceDefinitions in a plain API server; workspace, schemas, export, rights and
 * workspace type in kcp. Running it again changes nothing. @throws TmcError naming what was refused.
 */
export async function installApis(hub: HubPlan): Promise<void> {
  const { connection } = hub;
  if (hub.kind === 'kubernetes') return ensureCrds({ connection, crds: crds() });
  const schemas = apiResourceSchemas();
  const exported = apiExport(schemas, hub.export);
  return ensureKcpExport({ connection, exportWorkspace: hub.export.workspace, schemas, apiExport: exported });
}
