import { isDeepStrictEqual } from 'node:util';
import { type ApiObject, without } from '../object.ts';
import type { ResourceDef } from '../resources/definition.ts';

/** Built-in types whose spec changes are counted. */
const COUNTED = new Set([
  'deployments.apps',
  'replicasets.apps',
  'statefulsets.apps',
  'daemonsets.apps',
  'jobs.batch',
  'ingresses.networking.k8s.io',
  'pods.core',
  'customresourcedefinitions.apiextensions.k8s.io',
]);

/** The generation after a write: 1 at creation, one more with each change of what counts as spec; undefined: none. */
export function nextGeneration(def: ResourceDef, old: ApiObject | undefined, next: ApiObject): number | undefined {
  if (!def.custom && !COUNTED.has(def.storage)) return old ? old.metadata.generation : next.metadata.generation;
  if (!old) return 1;
  const generation = old.metadata.generation ?? 1;
  return isDeepStrictEqual(counted(def, old), counted(def, next)) ? generation : generation + 1;
}

function counted(def: ResourceDef, obj: ApiObject): unknown {
  if (!def.custom) return obj['spec'];
  return def.status ? without(obj, 'metadata', 'status', 'apiVersion') : without(obj, 'metadata', 'apiVersion');
}
