import { apiVersionOf, resourceType } from '@tmc/apis/resources.ts';
import { terminalError } from '@tmc/kernel/errors.ts';
import { formatGroupResource, type GroupResource, type ResourceKey } from '@tmc/kernel/key.ts';

/** Versions of groups, and of single resources that differ, whose kinds are read or written but not carried: bindings, events, pods, rights. */
const OTHER_GROUPS: Readonly<Record<string, string>> = {
  'apiexportendpointslices.apis.kcp.io': 'v1alpha1',
  'apiresourceschemas.apis.kcp.io': 'v1alpha1',
  '': 'v1',
  apps: 'v1',
  'apiextensions.k8s.io': 'v1',
  'apis.kcp.io': 'v1alpha2',
  'core.kcp.io': 'v1alpha1',
  'tenancy.kcp.io': 'v1alpha1',
  'rbac.authorization.k8s.io': 'v1',
  'coordination.k8s.io': 'v1',
  'events.k8s.io': 'v1',
};

/** The `apiVersion` a resource is addressed by. @throws TmcError terminal for a group this project has no version of. */
function apiVersionFor(resource: GroupResource): string {
  try {
    return apiVersionOf(resourceType(resource));
  } catch (error) {
    const version = OTHER_GROUPS[formatGroupResource(resource)] ?? OTHER_GROUPS[resource.group];
    if (version) return resource.group ? `${resource.group}/${version}` : version;
    throw terminalError(`no API version is known for ${formatGroupResource(resource)}`, {
      type: 'ConfigurationError',
      cause: error,
    });
  }
}

/** Path of all objects of a resource, of one namespace when one is given. */
export function collectionPath(resource: GroupResource, namespace = ''): string {
  const apiVersion = apiVersionFor(resource);
  const root = apiVersion.includes('/') ? `/apis/${apiVersion}` : `/api/${apiVersion}`;
  const inNamespace = namespace ? `/namespaces/${encodeURIComponent(namespace)}` : '';
  return `${root}${inNamespace}/${resource.resource}`;
}

/** Path of one object. */
export function objectPath(key: ResourceKey, subresource?: string): string {
  const path = `${collectionPath(key, key.namespace)}/${encodeURIComponent(key.name)}`;
  return subresource ? `${path}/${subresource}` : path;
}

/** `?a=b&c=d` of the parameters that have a value, '' when none has. */
export function queryOf(parameters: Readonly<Record<string, string | number | boolean | undefined>>): string {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(parameters)) {
    if (value !== undefined && value !== '') query.set(name, String(value));
  }
  const text = query.toString();
  return text ? `?${text}` : '';
}
