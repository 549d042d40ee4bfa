import { isPlainObject } from '@tmc/kernel/canonical.ts';
import type { Json, JsonObject, KubeObject } from '@tmc/kernel/object.ts';

/** Annotations other tools keep for the object they stand on; on a copy they would be wrong. */
const LOCAL_ANNOTATIONS = new Set([
  'kubectl.kubernetes.io/last-applied-configuration',
  'deployment.kubernetes.io/revision',
]);

/**
 * What of an upstream object may cross: its content, the user's labels and annotations. Identity, versions, owners, finalizers,
 * deletion, status and every key of a `kcp.io` domain (workspaces, claims, other targets) stay.
 */
export function strip(upstreamObj: KubeObject): JsonObject {
  const { apiVersion: _v, kind: _k, metadata, status: _s, ...content } = upstreamObj;
  const copy = withoutNulls(structuredClone(content) as JsonObject) as JsonObject;
  const spec = copy['spec'];
  // Servers without defaulting keep `strategy: {}`; a member would fill it in, and own what we applied as a whole.
  if (isPlainObject(spec) && isPlainObject(spec['strategy']) && Object.keys(spec['strategy']).length === 0) {
    delete spec['strategy'];
  }
  const crosses = ([key]: [string, string]): boolean => !isControlPlaneKey(key) && !LOCAL_ANNOTATIONS.has(key);
  return {
    ...copy,
    metadata: {
      labels: Object.fromEntries(Object.entries(metadata.labels ?? {}).filter(crosses)),
      annotations: Object.fromEntries(Object.entries(metadata.annotations ?? {}).filter(crosses)),
    },
  };
}

/** True for keys of `kcp.io` and its subdomains. */
function isControlPlaneKey(key: string): boolean {
  const domain = key.slice(0, Math.max(0, key.indexOf('/')));
  return domain === 'kcp.io' || domain.endsWith('.kcp.io');
}

/** Nulls, as clients send them for what they leave open, mean absent. */
function withoutNulls(value: Json | undefined): Json | undefined {
  if (Array.isArray(value)) return value.map((element) => withoutNulls(element) ?? null);
  if (!isPlainObject(value)) return value;
  const members = Object.entries(value).filter(([, member]) => member !== null && member !== undefined);
  return Object.fromEntries(members.map(([name, member]) => [name, withoutNulls(member)]));
}
