import { formatGroupResource, type GroupResource } from '@tmc/kernel/key.ts';

/** What an identity must be allowed for a call. */
export type Right = GroupResource & { readonly subresource?: string; readonly verbs: readonly string[] };

/** Verbs of whoever reads a resource as a relay does: a list to begin with, a watch to go on. */
export const READING: readonly string[] = ['list', 'watch'];

/** A call as far as its right is concerned; `verbs` wins over what the method says. */
export type RightsQuestion = {
  readonly method: string;
  readonly path: string;
  readonly contentType?: string;
  readonly resource?: GroupResource;
  readonly key?: GroupResource & { readonly name: string };
  readonly verbs?: readonly string[];
};

const VERBS: Readonly<Record<string, readonly string[]>> = {
  GET: ['get'],
  POST: ['create'],
  PUT: ['update'],
  PATCH: ['patch'],
  DELETE: ['delete'],
};

/** The right a call needs; undefined when it is about no resource this project knows by name. Pure. */
export function rightOf({ method, path, contentType, resource, key, verbs }: RightsQuestion): Right | undefined {
  const about = key ?? resource;
  if (!about) return undefined;
  const { group, resource: plural } = about;
  const last = path.split('?', 1)[0]?.split('/').at(-1);
  const isNamed = key !== undefined && method !== 'POST';
  const subresource = isNamed && last !== encodeURIComponent(key.name) ? last : undefined;
  // An apply creates what is absent.
  const ofMethod = contentType === 'application/apply-patch+yaml' ? ['create', 'patch'] : VERBS[method];
  const needed = verbs ?? (method === 'GET' && !key ? ['list'] : (ofMethod ?? ['get']));
  return { group, resource: plural, verbs: needed, ...(subresource === undefined ? {} : { subresource }) };
}

/** The missing right as a ClusterRole that can be applied as it is; who it is bound to is for the reader to say. */
export function missingRule({ group, resource, subresource, verbs }: Right): string {
  const target = subresource === undefined ? resource : `${resource}/${subresource}`;
  return clusterRole(`tmc-${formatGroupResource({ group, resource })}-${verbs.join('-')}`, [
    `apiGroups: [${JSON.stringify(group)}]`,
    `resources: [${target}]`,
    `verbs: [${verbs.join(', ')}]`,
  ]);
}

/**
 * What to do about a 403 on a call to `url` + `path`: on a plain server the missing rule, in kcp also where it belongs and what else
 * limits it (permission claims at export endpoints, the maximal permission policy in workspaces). Pure.
 */
export function rightsHint(right: Right, url: string, path: string): string {
  const served = /\/services\/apiexport\/[^/]+\/([^/?]+)/.exec(url + path);
  if (served) return exportHint(right, decodeURIComponent(served[1] as string));
  const workspace = /\/clusters\/([^/?]+)/.exec(url + path)?.[1];
  const rule = missingRule(right);
  if (workspace === undefined) return `apply this and bind it to the identity of the kubeconfig:\n${rule}`;
  return (
    `apply this in workspace ${decodeURIComponent(workspace)} and bind it there to the identity of the kubeconfig; for a kind that ` +
    'comes from an APIExport the maximal permission policy limits it as well: the same rule must be bound, in the workspace of ' +
    `the export, to the identity with the prefix apis.kcp.io:binding: in front of its name\n${rule}`
  );
}

function exportHint({ group, resource, verbs }: Right, exportName: string): string {
  const rule = clusterRole(`tmc-content-${verbs.join('-')}`, [
    'apiGroups: [apis.kcp.io]',
    'resources: [apiexports/content]',
    `resourceNames: [${exportName}]`,
    `verbs: [${verbs.join(', ')}]`,
  ]);
  const name = formatGroupResource({ group, resource });
  return (
    `apply this in the workspace of the export and bind it there to the identity of the kubeconfig; the workspace asked for must be ` +
    `bound to export ${exportName}, and for a kind of kcp's own the export must claim ${name} with these verbs ` +
    `(spec.permissionClaims) and the APIBinding accept that claim\n${rule}`
  );
}

function clusterRole(name: string, rule: readonly string[]): string {
  return [
    'apiVersion: rbac.authorization.k8s.io/v1',
    'kind: ClusterRole',
    `metadata: { name: ${name.replace(/[^a-z0-9.-]/g, '-')} }`,
    'rules:',
    ...rule.map((line, index) => `${index === 0 ? '  - ' : '    '}${line}`),
  ].join('\n');
}
