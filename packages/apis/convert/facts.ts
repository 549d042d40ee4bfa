import type { KubeObject } from '@tmc/kernel/object.ts';
import { LOCATION } from '../kinds/location.ts';
import type { Converted, LocationFacts, NamespaceFacts } from '../policy.ts';
import { MATCH_NOTHING } from '../selectors.ts';
import { parseKind, selectorOf } from './parse.ts';

/** Facts of a Location; without an instance selector no target belongs to it. */
export function convertLocation(obj: KubeObject, workspace: string): Converted<LocationFacts> {
  const parsed = parseKind(LOCATION, obj);
  if (!parsed.ok) return parsed;
  const { name, labels = {}, resourceVersion = '' } = obj.metadata;
  const instanceSelector = selectorOf(parsed.value.spec.instanceSelector) ?? MATCH_NOTHING;
  return { ok: true, value: { workspace, name, rv: resourceVersion, labels, instanceSelector } };
}

/** Facts of a hub namespace; every namespace has them. */
export function convertNamespace(obj: KubeObject, workspace: string): NamespaceFacts {
  const { name, uid = '', resourceVersion = '', labels = {}, deletionTimestamp } = obj.metadata;
  return { workspace, name, uid, rv: resourceVersion, labels, terminating: deletionTimestamp !== undefined };
}
