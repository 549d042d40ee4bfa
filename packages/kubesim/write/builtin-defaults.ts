import { type ApiObject, isRecord, recordAt, without } from '../object.ts';
import type { ResourceDef } from '../resources/definition.ts';

type Defaulter = (obj: ApiObject, old: ApiObject | undefined) => ApiObject;

/** What a real server fills into built-in objects before storing them. */
export function defaultBuiltin(def: ResourceDef, next: ApiObject, old: ApiObject | undefined): ApiObject {
  if (def.custom) return next;
  return DEFAULTERS[def.storage]?.(next, old) ?? next;
}

const DEFAULTERS: Record<string, Defaulter> = {
  'namespaces.core': (obj, old) => ({
    ...obj,
    metadata: {
      ...obj.metadata,
      labels: { ...obj.metadata.labels, 'kubernetes.io/metadata.name': obj.metadata.name ?? '' },
    },
    spec: old ? (old['spec'] ?? { finalizers: ['kubernetes'] }) : { finalizers: ['kubernetes'] },
    status: isRecord(obj['status']) && old ? obj['status'] : { phase: 'Active' },
  }),
  'secrets.core': (obj) => {
    const plain = recordAt(obj, 'stringData');
    const encoded = Object.entries(plain).map(([key, value]) => [key, Buffer.from(String(value)).toString('base64')]);
    const data = encoded.length ? { data: { ...recordAt(obj, 'data'), ...Object.fromEntries(encoded) } } : {};
    return { ...without(obj, 'stringData'), ...data, type: obj['type'] ?? 'Opaque' } as ApiObject;
  },
};
