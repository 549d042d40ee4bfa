import type { ResourceDef } from './definition.ts';

export interface SubresourceInfo {
  name: string;
  kind: string;
  verbs: string[];
  /** Of another group than the resource. */
  group?: string;
  version?: string;
}

const READ_WRITE = ['get', 'patch', 'update'];

/** The subresources a resource serves. */
export function subresourcesOf(def: ResourceDef): SubresourceInfo[] {
  const found: SubresourceInfo[] = [];
  if (def.statusOnly) return def.status ? [{ name: 'status', kind: def.kind, verbs: READ_WRITE }] : [];
  if (def.storage === 'namespaces.core') found.push({ name: 'finalize', kind: def.kind, verbs: ['update'] });
  if (def.scale) found.push({ name: 'scale', kind: 'Scale', verbs: READ_WRITE, group: 'autoscaling', version: 'v1' });
  if (def.storage === 'pods.core') found.push({ name: 'binding', kind: 'Binding', verbs: ['create'] });
  if (def.status) found.push({ name: 'status', kind: def.kind, verbs: READ_WRITE });
  if (def.storage === 'serviceaccounts.core')
    found.push({
      name: 'token',
      kind: 'TokenRequest',
      verbs: ['create'],
      group: 'authentication.k8s.io',
      version: 'v1',
    });
  return found;
}
