import { failure, forbidden, notFound, pageNotFound, unknownAtEndpoint } from '../api-error.ts';
import type { ApiObject } from '../object.ts';
import type { ResourceDef } from '../resources/definition.ts';
import type { Registry } from '../resources/registry.ts';
import type { EndpointView, Resolved } from '../server/context.ts';
import type { User } from '../server/identity.ts';
import type { RequestInfo, ResourcePath } from '../server/request-info.ts';
import { acceptedClaim, claimLabel, claimsOf, type ExportRef, type Exports } from './exports.ts';
import { BINDINGS, ROOT } from './names.ts';
import type { WorkspaceTree } from './tree.ts';

const READS = ['get', 'list', 'watch'];
const NOT_RESOLVED = 'forbidden: Path not resolved to a valid virtual workspace';

interface EndpointParts {
  exports: Exports;
  tree: WorkspaceTree;
  registry: Registry;
}

/** Where requests below `/services/apiexport/<cluster>/<name>` go, and what they may see. */
export class Endpoint {
  private readonly exports: Exports;
  private readonly tree: WorkspaceTree;
  private readonly registry: Registry;

  constructor(parts: EndpointParts) {
    this.exports = parts.exports;
    this.tree = parts.tree;
    this.registry = parts.registry;
  }

  /** @throws ApiError 403 for URLs that name no cluster or name it by path, as kcp */
  resolve(info: RequestInfo, user: User): Resolved {
    const { exportCluster, exportName } = info.endpoint as NonNullable<RequestInfo['endpoint']>;
    const ref = { cluster: exportCluster, name: exportName };
    const segment = info.clusterSegment;
    if (segment === undefined || segment.includes(':'))
      throw failure(403, NOT_RESOLVED, { reason: 'Forbidden', details: {} });
    const exported = this.exports.find(ref);
    const resources = exported ? this.resources(ref, exported) : [];
    const base: Resolved = {
      cluster: segment === '*' ? undefined : segment,
      def: undefined,
      authorizeIn: this.tree.find(exportCluster) ?? exportCluster,
      authorizeAs: { group: 'apis.kcp.io', resource: 'apiexports', subresource: 'content', name: exportName },
      resources,
    };
    if (!info.resource) return { ...base, authorizeIn: ROOT };
    if (!exported) return { ...base, error: pageNotFound() };
    return this.resolveResource(
      { ...base, view: {} },
      { ref, exported, place: info.resource, user, applies: info.applies ?? false },
    );
  }

  private resolveResource(
    base: Resolved,
    request: { ref: ExportRef; exported: ApiObject; place: ResourcePath; user: User; applies: boolean },
  ): Resolved {
    const { ref, exported, place, user, applies } = request;
    const unbound = base.cluster === undefined && this.exports.tenantsOf(ref).length === 0;
    if (unbound) return { ...base, error: unknownAtEndpoint() };
    const def = base.resources.find(
      (known) => known.group === place.group && known.version === place.version && known.plural === place.plural,
    );
    if (!def) return { ...base, error: pageNotFound() };
    const ends = base.cluster === undefined ? { ends: this.exports.lastTenantGone(ref) } : {};
    const view = { ...this.viewOf(def, ref, exported), ...ends };
    const served = { ...base, def, view };
    const error =
      base.cluster === undefined
        ? wildcardError(def, place, applies)
        : this.tenantError(served, { ...request, def, user });
    return error ? { ...served, error } : served;
  }

  /** Exported resources (main resource and status only), claimed ones and the tenants' bindings. */
  private resources(ref: ExportRef, exported: ApiObject): ResourceDef[] {
    const own = this.exports.resourcesOf(ref).map(({ scale: _scale, ...def }) => def);
    const claimed = claimsOf(exported).flatMap((claim) => {
      const found = this.registry.findAny(ROOT, claim.group, claim.resource);
      return found && !own.some((def) => def.group === found.group && def.plural === found.plural)
        ? [{ ...found, statusOnly: true }]
        : [];
    });
    const bindings = this.registry.findAny(ROOT, 'apis.kcp.io', 'apibindings') as ResourceDef;
    return [...own, ...claimed, bindings];
  }

  private viewOf(def: ResourceDef, ref: ExportRef, exported: ApiObject): EndpointView {
    if (def.storage === BINDINGS) return { readOnly: true, visible: (obj) => this.refers(obj, ref) };
    const claim = claimsOf(exported).find(({ group, resource }) => group === def.group && resource === def.plural);
    const own = this.exports.resourcesOf(ref).some(({ storage }) => storage === def.storage);
    return !own && claim ? { requiredLabel: claimLabel(ref, claim) } : {};
  }

  private refers(binding: ApiObject, ref: ExportRef): boolean {
    const found = this.exports.refOf(binding.metadata.annotations?.['kcp.io/cluster'] ?? '', binding);
    return found?.cluster === ref.cluster && found.name === ref.name;
  }

  /** What keeps a request for one tenant from being served. */
  private tenantError(
    served: Resolved,
    request: { ref: ExportRef; exported: ApiObject; place: ResourcePath; def: ResourceDef; user: User },
  ): Error | undefined {
    const { ref, exported, place, def, user } = request;
    const denied = forbidden(
      { group: place.group, kind: place.plural, name: place.name },
      `User "${user.name}" cannot ${place.verb} resource "${place.plural}" in API group "${place.group}"`,
    );
    const binding = this.exports.bindingOf(ref, served.cluster as string);
    if (!binding) return denied;
    if (served.view?.readOnly) return READS.includes(place.verb) ? undefined : denied;
    if (!served.view?.requiredLabel) return undefined;
    const claim = acceptedClaim(exported, binding, { group: def.group, resource: def.plural });
    return claim && (claim.verbs.includes('*') || claim.verbs.includes(place.verb)) ? undefined : denied;
  }
}

/** All tenants at once can only be listed and watched, over all namespaces. */
function wildcardError(def: ResourceDef, place: ResourcePath, applies: boolean): Error | undefined {
  if (place.verb === 'list' || (place.verb === 'watch' && !place.name)) {
    return place.namespace
      ? failure(400, 'cross-cluster LIST and WATCH are required to be cross-namespace')
      : undefined;
  }
  // A patch other than an apply reads the object first, which is where it fails.
  if (place.verb === 'patch' && !applies) return notFound({ group: def.group, kind: def.plural, name: place.name });
  return unknownAtEndpoint();
}
