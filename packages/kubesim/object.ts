/** One owner in `metadata.ownerReferences`. */
export interface OwnerReference {
  apiVersion: string;
  kind: string;
  name: string;
  uid: string;
  controller?: boolean;
  blockOwnerDeletion?: boolean;
}

interface ObjectMeta {
  name?: string;
  generateName?: string;
  namespace?: string;
  uid?: string;
  resourceVersion?: string;
  generation?: number;
  creationTimestamp?: string | null;
  deletionTimestamp?: string | null;
  deletionGracePeriodSeconds?: number | null;
  labels?: Record<string, string> | null;
  annotations?: Record<string, string> | null;
  finalizers?: string[] | null;
  ownerReferences?: OwnerReference[] | null;
  managedFields?: unknown[];
}

/**
 * A Kubernetes object as JSON. What the store holds is never changed in place: a write stores a new value, so that every
 * reader, watcher and snapshot may keep the one it has.
 */
export interface ApiObject {
  apiVersion?: string;
  kind?: string;
  metadata: ObjectMeta;
  [field: string]: unknown;
}

/** Whether a JSON value is an object (not null, not a list). */
export const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** The object below a field, or an empty one. */
export const recordAt = (value: unknown, field: string): Record<string, unknown> => {
  const found = isRecord(value) ? value[field] : undefined;
  return isRecord(found) ? found : {};
};

/** The object without some fields. Made anew: an object that fields were deleted from is slow ever after. */
export const without = <T extends object>(value: T, ...fields: string[]): T =>
  Object.fromEntries(Object.entries(value).filter(([field]) => !fields.includes(field))) as T;

/** The object with its metadata changed; fields set to undefined are dropped. */
export const withMeta = (value: ApiObject, changes: Record<string, unknown>): ApiObject => {
  const fields = Object.entries({ ...value.metadata, ...changes });
  return { ...value, metadata: Object.fromEntries(fields.filter(([, content]) => content !== undefined)) };
};
