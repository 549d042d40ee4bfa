/** Any JSON value, as it travels in Kubernetes objects, messages and table items. */
export type Json = null | boolean | number | string | Json[] | { [key: string]: Json | undefined };

/** A JSON object; `undefined` members are as good as absent. */
export type JsonObject = { [key: string]: Json | undefined };

/** One entry of `metadata.managedFields`. */
export type ManagedFieldsEntry = {
  manager?: string;
  operation?: 'Apply' | 'Update';
  apiVersion?: string;
  time?: string;
  fieldsType?: string;
  fieldsV1?: JsonObject;
  subresource?: string;
};

/** Kubernetes object metadata, as far as this project reads it. */
export type ObjectMeta = {
  name: string;
  namespace?: string;
  generateName?: string;
  uid?: string;
  resourceVersion?: string;
  generation?: number;
  creationTimestamp?: string | null;
  deletionTimestamp?: string;
  deletionGracePeriodSeconds?: number;
  labels?: Record<string, string>;
  annotations?: Record<string, string>;
  finalizers?: string[];
  ownerReferences?: JsonObject[];
  managedFields?: ManagedFieldsEntry[];
};

/** Any Kubernetes object, raw: fields this project does not know are kept as they came. */
export type KubeObject = {
  apiVersion: string;
  kind: string;
  metadata: ObjectMeta;
  [field: string]: unknown;
};

/** The annotation in which kcp tells the logical cluster an object lives in. */
export const KCP_CLUSTER_ANNOTATION = 'kcp.io/cluster';

/** The standard status condition of `metav1.Condition`. */
export type Condition = {
  type: string;
  status: 'True' | 'False' | 'Unknown';
  reason: string;
  message: string;
  lastTransitionTime: string;
  observedGeneration?: number;
};
