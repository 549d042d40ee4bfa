import { isRecord, type JsonObject } from '../schema/types.ts';
import { difference, type FieldSet, fieldSetOf, formatFields, isEmptySet, parseFields } from './fields.ts';

type Operation = 'Apply' | 'Update';

/** One entry of `metadata.managedFields`, its fields as a set. */
export interface Manager {
  manager: string;
  operation: Operation;
  apiVersion: string;
  subresource: string;
  time?: string | undefined;
  fields: FieldSet;
}

/** Entries by identity. */
export type Managers = ReadonlyMap<string, Manager>;

type Identity = Pick<Manager, 'manager' | 'operation' | 'apiVersion' | 'subresource'>;

/** Appliers are known by name and subresource whatever version they apply in; others by version too. */
export const managerId = ({ manager, operation, apiVersion, subresource }: Identity): string =>
  JSON.stringify([operation, manager, subresource, operation === 'Apply' ? '' : apiVersion]);

const METADATA = ['name', 'namespace', 'creationTimestamp', 'selfLink', 'uid', 'clusterName', 'generation'];

/** Fields that have no owner: type, identity and what the server writes itself. */
const UNOWNED = fieldSetOf([
  ['f:apiVersion'],
  ['f:kind'],
  ['f:metadata'],
  ...[...METADATA, 'managedFields', 'resourceVersion'].map((name) => ['f:metadata', `f:${name}`]),
]);

/** Reads `metadata.managedFields`. @throws Error when an entry is malformed */
export function decodeManagers(managedFields: unknown): Map<string, Manager> {
  const managers = new Map<string, Manager>();
  if (!Array.isArray(managedFields)) return managers;
  for (const entry of managedFields.filter(isRecord)) {
    const decoded = decodeManager(entry);
    managers.set(managerId(decoded), decoded);
  }
  return managers;
}

function decodeManager(entry: JsonObject): Manager {
  const { manager, operation, apiVersion, subresource, time, fieldsV1 } = entry;
  if (operation !== 'Apply' && operation !== 'Update') throw new Error('operation must be "Apply" or "Update"');
  return {
    manager: String(manager ?? ''),
    operation,
    apiVersion: String(apiVersion ?? ''),
    subresource: String(subresource ?? ''),
    time: typeof time === 'string' ? time : undefined,
    fields: parseFields(fieldsV1 ?? {}),
  };
}

/** Writes `metadata.managedFields`: entries that own nothing are left out, the rest by operation, time and name. */
function encodeManagers(managers: Managers): JsonObject[] {
  return [...managers.values()]
    .map((entry) => ({ ...entry, fields: difference(entry.fields, UNOWNED) }))
    .filter((entry) => !isEmptySet(entry.fields))
    .sort(compareManagers)
    .map(encodeManager);
}

const encodeManager = (entry: Manager): JsonObject => ({
  manager: entry.manager,
  operation: entry.operation,
  apiVersion: entry.apiVersion,
  ...(entry.time === undefined ? {} : { time: entry.time }),
  fieldsType: 'FieldsV1',
  fieldsV1: formatFields(entry.fields),
  ...(entry.subresource ? { subresource: entry.subresource } : {}),
});

function compareManagers(a: Manager, b: Manager): number {
  const keys = (entry: Manager) => [
    entry.operation,
    entry.time ?? '',
    entry.manager,
    entry.apiVersion,
    entry.subresource,
  ];
  const right = keys(b);
  for (const [at, key] of keys(a).entries()) {
    const other = right[at] as string;
    if (key !== other) return key < other ? -1 : 1;
  }
  return 0;
}

/** The object without `metadata.managedFields`. */
export function withoutManagers<T extends JsonObject>(value: T): T {
  if (!isRecord(value['metadata'])) return value;
  const { managedFields: _dropped, ...metadata } = value['metadata'];
  return { ...value, metadata };
}

/** The object with `metadata.managedFields` set; none at all when nothing is owned. */
export function withManagers<T extends JsonObject>(value: T, managers: Managers): T {
  const bare = withoutManagers(value);
  const entries = encodeManagers(managers);
  if (entries.length === 0) return bare;
  return { ...bare, metadata: { ...(bare['metadata'] as JsonObject | undefined), managedFields: entries } };
}

/** `metadata.managedFields` of an object. */
export const managedFieldsOf = (value: JsonObject | undefined): unknown =>
  isRecord(value?.['metadata']) ? value['metadata']['managedFields'] : undefined;
