import { failure, forbidden, notFound, pageNotFound } from '../api-error.ts';
import { type ApiObject, recordAt, withMeta } from '../object.ts';
import type { Layer, Place, Resolved, Sim, Target } from '../server/context.ts';
import type { User } from '../server/identity.ts';
import type { RequestInfo } from '../server/request-info.ts';
import { admitKcp } from './admission.ts';
import { ClaimLabels } from './claims.ts';
import { Endpoint } from './endpoint.ts';
import { Exports } from './exports.ts';
import { CLUSTER_ANNOTATION, PATH_ANNOTATION, ROOT } from './names.ts';
import { WorkspaceTree } from './tree.ts';

const OPEN = /^\/(healthz|livez|readyz|version)(\/|$)/;
const ALWAYS_WITH_PATH = new Set([
  'logicalclusters.core.kcp.io',
  'workspacetypes.tenancy.kcp.io',
  'apiexports.apis.kcp.io',
]);

/** kcp's part of a simulated server: workspaces, exports and their endpoints. */
export class KcpLayer implements Layer {
  readonly tree = new WorkspaceTree();
  readonly exports: Exports;
  readonly claims: ClaimLabels;
  private readonly sim: Sim;
  private readonly endpoint: Endpoint;

  constructor(sim: Sim) {
    this.sim = sim;
    this.exports = new Exports(sim.store, this.tree, sim.serving);
    this.claims = new ClaimLabels(this.exports);
    this.endpoint = new Endpoint({ exports: this.exports, tree: this.tree, registry: sim.registry });
  }

  resolve(info: RequestInfo, user: User): Resolved {
    if (info.endpoint) return this.endpoint.resolve(info, user);
    if (info.clusterSegment === undefined || info.clusterSegment === '*') {
      if (info.path.startsWith('/services/')) throw pageNotFound();
      if (info.resource) throw denied(user, info);
      const resources = OPEN.test(info.path) ? [] : this.sim.registry.all(ROOT);
      return { cluster: ROOT, def: undefined, authorizeIn: ROOT, resources };
    }
    const cluster = this.tree.find(info.clusterSegment);
    if (cluster === undefined) throw this.unknownWorkspace(info, user);
    const def = info.resource && this.sim.registry.find(cluster, info.resource);
    return { cluster, def, authorizeIn: cluster, resources: this.sim.registry.all(cluster) };
  }

  decorate(obj: ApiObject, place: Place): ApiObject {
    const annotations: Record<string, string> = { ...obj.metadata.annotations, [CLUSTER_ANNOTATION]: place.cluster };
    if (annotations[PATH_ANNOTATION] !== undefined || ALWAYS_WITH_PATH.has(place.def.storage))
      annotations[PATH_ANNOTATION] = this.tree.pathOf(place.cluster) ?? '';
    return this.claims.stamp(withMeta(obj, { annotations }), place.cluster, place.def);
  }

  admit(obj: ApiObject, place: Place & { old: ApiObject | undefined; user: User }): ApiObject {
    return admitKcp({ sim: this.sim, exports: this.exports, tree: this.tree }, obj, place);
  }

  /** The maximal permission policy of an export bounds what anyone but the system may do with its resources in a tenant. */
  permits(user: User, { cluster, target }: { cluster: string; target: Target }): boolean {
    if (target.view || user.groups.includes('system:masters')) return true;
    const bound = this.exports
      .boundIn(cluster)
      .find(({ ref }) => this.exports.resourcesOf(ref).some((def) => def.storage === target.def.storage));
    const exported = bound && this.exports.find(bound.ref);
    if (!bound || !exported || !recordAt(exported, 'spec')['maximalPermissionPolicy']) return true;
    const prefixed = (name: string) => `apis.kcp.io:binding:${name}`;
    return this.sim.authorizer.grantedByRbac(
      { name: prefixed(user.name), groups: user.groups.map(prefixed) },
      {
        cluster: bound.ref.cluster,
        verb: target.verb,
        group: target.def.group,
        resource: target.def.plural,
        subresource: target.subresource,
        namespace: target.namespace,
        name: target.name,
      },
    );
  }

  private unknownWorkspace(info: RequestInfo, user: User): Error {
    const segment = info.clusterSegment as string;
    if (segment.includes(':')) return notFound({ group: 'tenancy.kcp.io', kind: 'workspaces', name: segment });
    return info.resource
      ? denied(user, info)
      : failure(403, 'forbidden: access denied', { reason: 'Forbidden', details: {} });
  }
}

function denied(user: User, info: RequestInfo): Error {
  const { group = '', plural = '', name = '', verb = '' } = info.resource ?? {};
  return forbidden(
    { group, kind: plural, name },
    `User "${user.name}" cannot ${verb} resource "${plural}" in API group "${group}": access denied`,
  );
}
