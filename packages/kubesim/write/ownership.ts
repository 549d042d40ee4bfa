import type { WriteScope } from '../apply/ignored-fields.ts';
import { trackUpdate } from '../apply/update-ownership.ts';
import type { ApiObject } from '../object.ts';
import { groupVersionOf, type ResourceDef } from '../resources/definition.ts';
import { schemaOf } from '../resources/schema-of.ts';
import type { Sim } from '../server/context.ts';
import { timestamp } from './create.ts';
import type { WriteRequest } from './request.ts';

/** Writes to the status of a Deployment may also change annotations; this is what they leave alone. */
const DEPLOYMENT_STATUS = [['f:spec'], ['f:metadata', 'f:labels']] as const;

/** Which fields a write can neither change nor own. */
export function scopeOf(def: ResourceDef, subresource: string): WriteScope {
  const scope = { subresource: subresource === 'finalize' ? '' : subresource, statusSubresource: def.status };
  return subresource === 'status' && def.storage === 'deployments.apps'
    ? { ...scope, resetFields: DEPLOYMENT_STATUS }
    : scope;
}

/** Records in managedFields which manager an ordinary write makes the owner of what it changed. */
export function trackOwnership(
  sim: Sim,
  request: WriteRequest,
  change: { old: ApiObject | undefined; next: ApiObject },
): ApiObject {
  const { def, subresource } = request.target;
  return trackUpdate({
    ...scopeOf(def, subresource),
    before: change.old,
    after: change.next,
    manager: request.manager,
    schema: schemaOf(def),
    apiVersion: groupVersionOf(def),
    nowIso: timestamp(sim.clock.now()),
  }) as ApiObject;
}
