import { pageNotFound, resourceNotFound } from '../api-error.ts';
import { groupVersionOf, type ResourceDef } from '../resources/definition.ts';
import { type SubresourceInfo, subresourcesOf } from '../resources/subresources.ts';
import type { Answer } from './answer.ts';
import type { Resolved } from './context.ts';
import { negotiate } from './media.ts';
import type { RequestInfo } from './request-info.ts';

const AGGREGATED = 'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList';

const answerJson = (body: unknown, contentType = 'application/json'): Answer => ({
  status: 200,
  contentType,
  text: JSON.stringify(body),
});

/** Discovery documents: /api, /apis, one group, one version; undefined for other paths. @throws ApiError 404 */
export function discoveryAnswer(
  resolved: Resolved,
  info: RequestInfo,
  acceptHeader: string | undefined,
): Answer | undefined {
  const parts = info.path.split('/').filter(Boolean);
  const [root, group, version] = parts;
  if (root !== 'api' && root !== 'apis') return undefined;
  const { resources } = resolved;
  if (parts.length === 1) return rootAnswer(root, resources, acceptHeader);
  if (root === 'api') return parts.length === 2 ? versionAnswer(resources, '', group as string) : undefined;
  if (parts.length === 2) return groupAnswer(resources, group as string);
  return parts.length === 3 ? versionAnswer(resources, group as string, version as string) : undefined;
}

const byGroup = (resources: ResourceDef[]): Map<string, ResourceDef[]> => Map.groupBy(resources, (def) => def.group);

function rootAnswer(root: string, resources: ResourceDef[], acceptHeader: string | undefined): Answer {
  const groups = byGroup(resources);
  if (negotiate(acceptHeader).as === 'APIGroupDiscoveryList') {
    const wanted = [...groups].filter(([group]) => (group === '') === (root === 'api'));
    const items = wanted.map(([group, defs]) => aggregatedGroup(group, defs));
    return answerJson(
      { kind: 'APIGroupDiscoveryList', apiVersion: 'apidiscovery.k8s.io/v2', metadata: {}, items },
      AGGREGATED,
    );
  }
  if (root === 'api')
    return answerJson({
      kind: 'APIVersions',
      versions: [...new Set((groups.get('') ?? []).map((def) => def.version))],
    });
  const named = [...groups].filter(([group]) => group !== '');
  return answerJson({
    kind: 'APIGroupList',
    apiVersion: 'v1',
    groups: named.map(([group, defs]) => legacyGroup(group, defs)),
  });
}

/** Versions of a group, preferred first: stable before beta before alpha, then newest. */
function versionsOf(defs: ResourceDef[]): string[] {
  const rank = (version: string): number => {
    const [, major = '0', stage, minor = '0'] = /^v(\d+)(alpha|beta)?(\d+)?$/.exec(version) ?? [];
    return (stage === undefined ? 2 : stage === 'beta' ? 1 : 0) * 1e6 + Number(major) * 1e3 + Number(minor);
  };
  return [...new Set(defs.map((def) => def.version))].sort((a, b) => rank(b) - rank(a));
}

function legacyGroup(group: string, defs: ResourceDef[]) {
  const versions = versionsOf(defs).map((version) => ({ groupVersion: `${group}/${version}`, version }));
  return { name: group, versions, preferredVersion: versions[0] };
}

function groupAnswer(resources: ResourceDef[], group: string): Answer {
  const defs = resources.filter((def) => def.group === group);
  if (!defs.length) throw pageNotFound();
  return answerJson({ kind: 'APIGroup', apiVersion: 'v1', ...legacyGroup(group, defs) });
}

function versionAnswer(resources: ResourceDef[], group: string, version: string): Answer {
  const defs = resources.filter((def) => def.group === group && def.version === version);
  if (!defs.length) {
    if (!resources.some((def) => def.group === group)) throw pageNotFound();
    throw resourceNotFound();
  }
  const groupVersion = groupVersionOf(defs[0] as ResourceDef);
  return answerJson({
    kind: 'APIResourceList',
    apiVersion: 'v1',
    groupVersion,
    resources: defs.flatMap((def) => [
      legacyResource(def),
      ...subresourcesOf(def).map((sub) => legacySubresource(def, sub)),
    ]),
  });
}

const optionalNames = (def: ResourceDef) => ({
  ...(def.shortNames.length ? { shortNames: def.shortNames } : {}),
  ...(def.categories.length ? { categories: def.categories } : {}),
});

const legacyResource = (def: ResourceDef) => ({
  name: def.plural,
  singularName: def.singular,
  namespaced: def.namespaced,
  kind: def.kind,
  verbs: def.verbs,
  ...optionalNames(def),
});

const legacySubresource = (def: ResourceDef, sub: SubresourceInfo) => ({
  name: `${def.plural}/${sub.name}`,
  singularName: '',
  namespaced: def.namespaced,
  ...(sub.group ? { group: sub.group, version: sub.version } : {}),
  kind: sub.kind,
  verbs: sub.verbs,
});

function aggregatedGroup(group: string, defs: ResourceDef[]) {
  const versions = versionsOf(defs).map((version) => ({
    version,
    resources: defs.filter((def) => def.version === version).map(aggregatedResource),
    freshness: 'Current',
  }));
  return { metadata: { ...(group ? { name: group } : {}), creationTimestamp: null }, versions };
}

function aggregatedResource(def: ResourceDef) {
  const subresources = subresourcesOf(def).map((sub) => ({
    subresource: sub.name,
    responseKind: { group: sub.group ?? '', version: sub.version ?? '', kind: sub.kind },
    verbs: sub.verbs,
  }));
  return {
    resource: def.plural,
    // Real servers leave group and version empty where they are those around; schema-defined resources name them.
    responseKind: def.custom
      ? { group: def.group, version: def.version, kind: def.kind }
      : { group: '', version: '', kind: def.kind },
    scope: def.namespaced ? 'Namespaced' : 'Cluster',
    singularResource: def.singular,
    verbs: def.verbs,
    ...optionalNames(def),
    ...(subresources.length ? { subresources } : {}),
  };
}
