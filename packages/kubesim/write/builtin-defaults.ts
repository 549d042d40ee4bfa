import { type ApiObject, isRecord, recordAt, without } from '../object.ts';
import type { ResourceDef } from '../resources/definition.ts';
import { deploymentDefaults, podDefaults, replicaSetDefaults, serviceDefaults } from './workload-defaults.ts';

type Defaulter = (obj: ApiObject, old: ApiObject | undefined) => ApiObject;

/** What a real server fills into built-in objects before storing them. */
export function defaultBuiltin(def: ResourceDef, next: ApiObject, old: ApiObject | undefined): ApiObject {
  if (def.custom) return next;
  const filled = DEFAULTERS[def.storage]?.(next, old) ?? next;
  return def.status && filled['status'] === undefined ? { ...filled, status: {} } : filled;
}

const isEmpty = (value: unknown): boolean => isRecord(value) && Object.keys(value).length === 0;

/** Empty maps are not stored. */
const withoutEmpty = (obj: ApiObject, ...fields: string[]): ApiObject =>
  without(obj, ...fields.filter((field) => isEmpty(obj[field]) || obj[field] === null));

const DEFAULTERS: Record<string, Defaulter> = {
  'customresourcedefinitions.apiextensions.k8s.io': (obj) => {
    const spec = recordAt(obj, 'spec');
    const names = recordAt(spec, 'names');
    const kind = String(names['kind'] ?? '');
    const full = { singular: kind.toLowerCase(), listKind: `${kind}List`, ...names };
    return { ...obj, spec: { ...spec, conversion: spec['conversion'] ?? { strategy: 'None' }, names: full } };
  },
  'configmaps.core': (obj) => withoutEmpty(obj, 'data', 'binaryData'),
  'namespaces.core': (obj, old) => ({
    ...obj,
    metadata: {
      ...obj.metadata,
      labels: { ...obj.metadata.labels, 'kubernetes.io/metadata.name': obj.metadata.name ?? '' },
    },
    spec: old ? (old['spec'] ?? { finalizers: ['kubernetes'] }) : { finalizers: ['kubernetes'] },
    status: isRecord(obj['status']) && old ? obj['status'] : { phase: 'Active' },
  }),
  'deployments.apps': deploymentDefaults,
  'pods.core': podDefaults,
  'replicasets.apps': replicaSetDefaults,
  'services.core': serviceDefaults,
  'secrets.core': (obj) => {
    const plain = recordAt(obj, 'stringData');
    const encoded = Object.entries(plain).map(([key, value]) => [key, Buffer.from(String(value)).toString('base64')]);
    const data = encoded.length ? { data: { ...recordAt(obj, 'data'), ...Object.fromEntries(encoded) } } : {};
    return withoutEmpty({ ...without(obj, 'stringData'), ...data, type: obj['type'] ?? 'Opaque' } as ApiObject, 'data');
  },
};

/** Fields a built-in type writes out though nobody set them, and therefore nobody owns. */
const ALWAYS_SHOWN: Record<string, Record<string, unknown>> = {
  'events.core': {
    source: {},
    firstTimestamp: null,
    lastTimestamp: null,
    eventTime: null,
    reportingComponent: '',
    reportingInstance: '',
  },
};

/** The object as its built-in type writes it: with the fields that are never left out. */
export function asWritten(def: ResourceDef, obj: ApiObject): ApiObject {
  const shown = def.custom ? undefined : ALWAYS_SHOWN[def.storage];
  return shown ? { ...shown, ...obj } : obj;
}
