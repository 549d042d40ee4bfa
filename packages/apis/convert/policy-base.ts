import type { KubeObject } from '@tmc/kernel/object.ts';
import type { Policy } from '../policy.ts';
import type { ResourceType } from '../resources.ts';

/** `max` of a policy that sets no limit: every eligible target. An int32, so that it survives JSON and API servers. */
export const ALL_TARGETS = 2 ** 31 - 1;

/** What every policy has from its object's metadata. */
export function policyBase(
  obj: KubeObject,
  workspace: string,
  resource: ResourceType,
): Pick<Policy, 'id' | 'workspace' | 'uid' | 'rv' | 'generation'> {
  const { name, namespace = '', uid = '', resourceVersion = '', generation = 0 } = obj.metadata;
  return { id: `${resource.resource}/${namespace}/${name}`, workspace, uid, rv: resourceVersion, generation };
}
