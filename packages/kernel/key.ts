/**
 * The grammar of identities. An object is workspace + group + resource (version-less) + namespace + name; nothing less is unique:
 * two tenants may hold equal names, two groups equal resources. Every key in a message, table or log is built and read here.
 */

/** The identity of one object in a hub or, with the target's key as workspace, in a member cluster. */
export type ResourceKey = {
  /** Logical cluster id in the hub. */
  readonly workspace: string;
  /** API group, '' for core. */
  readonly group: string;
  /** Plural resource name. */
  readonly resource: string;
  /** '' for a cluster-scoped object. */
  readonly namespace: string;
  readonly name: string;
};

/** A resource without its object: what is listed and watched. */
export type GroupResource = { readonly group: string; readonly resource: string };

const FORBIDDEN = /[|#\s]/;

/**
 * `workspace|group/resource|namespace/name`, for logs, queues and the table.
 * @throws RangeError when a part is empty that must not be, or holds a separator.
 */
export function formatKey(key: ResourceKey): string {
  for (const [part, value] of Object.entries(key)) {
    if (FORBIDDEN.test(value)) throw new RangeError(`key part ${part} must not contain "|", "#" or space: "${value}"`);
  }
  if (!key.workspace || !key.resource || !key.name) {
    throw new RangeError(`key needs workspace, resource and name: ${JSON.stringify(key)}`);
  }
  return `${key.workspace}|${key.group}/${key.resource}|${key.namespace}/${key.name}`;
}

/** The key written by {@link formatKey}; @throws RangeError when the text is none. */
export function parseKey(text: string): ResourceKey {
  const match = /^([^|]+)\|([^|/]*)\/([^|/]+)\|([^|/]*)\/([^|]+)$/.exec(text);
  if (!match) throw new RangeError(`not a resource key (workspace|group/resource|namespace/name): "${text}"`);
  const [, workspace = '', group = '', resource = '', namespace = '', name = ''] = match;
  return { workspace, group, resource, namespace, name };
}

/** `resource` or `resource.group`, the way kubectl names a resource. */
export function formatGroupResource({ group, resource }: GroupResource): string {
  return group ? `${resource}.${group}` : resource;
}

/** The group of an `apiVersion` value: `apps/v1` → `apps`, `v1` → ''. */
export function groupOf(apiVersion: string): string {
  const slash = apiVersion.indexOf('/');
  return slash < 0 ? '' : apiVersion.slice(0, slash);
}
