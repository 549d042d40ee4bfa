import { type ApiError, failure, forbidden, methodNotAllowed, pageNotFound, resourceNotFound } from '../api-error.ts';
import { APPLY } from '../write/patch.ts';
import { type Answer, errorAnswer, type Incoming } from './answer.ts';
import type { Resolved, Sim, Target } from './context.ts';
import { discoveryAnswer } from './discovery.ts';
import { dispatch } from './dispatch.ts';
import type { User } from './identity.ts';
import { impersonate } from './impersonate.ts';
import { mediaTypeOf } from './media.ts';
import { pathAnswer } from './paths.ts';
import { parseRequest, type RequestInfo, type ResourcePath } from './request-info.ts';

export type { Answer, Incoming } from './answer.ts';

/** Answers one request; never throws. */
export async function answer(sim: Sim, incoming: Incoming): Promise<Answer> {
  try {
    return await handle(sim, incoming);
  } catch (error) {
    return errorAnswer(error, `${incoming.method} ${incoming.url}`);
  }
}

async function handle(sim: Sim, incoming: Incoming): Promise<Answer> {
  const info = { ...parseRequest(incoming.method, incoming.url), applies: mediaTypeOf(incoming.contentType) === APPLY };
  const resolve = (as: User) => (sim.layer ? sim.layer.resolve(info, as) : plainResolve(sim, info));
  const caller = sim.tokens.identify(incoming.authorization);
  const user = incoming.impersonate
    ? impersonate(sim, { caller, wanted: incoming.impersonate, cluster: resolve(caller).authorizeIn })
    : caller;
  const resolved = resolve(user);
  if (info.resource) {
    authorize(sim, { info, user, resolved });
    if (resolved.def || resolved.error || hasGroup(resolved, info.resource, sim.kind))
      return resourceRequest(sim, { incoming, info, user, resolved });
    throw pageNotFound();
  }
  if (!sim.authorizer.allows(user, { cluster: resolved.authorizeIn, verb: info.method.toLowerCase(), path: info.path }))
    throw forbiddenPath(user, info);
  const found = discoveryAnswer(resolved, info, incoming.accept) ?? pathAnswer(resolved, info, incoming.accept);
  if (!found) throw pageNotFound();
  return found;
}

/** Whether an unknown resource of the group is refused with a Status. Real servers say so of built-in groups only. */
const hasGroup = (resolved: Resolved, { group, version }: ResourcePath, kind: Sim['kind']): boolean =>
  resolved.resources.some((def) => def.group === group && def.version === version && (kind === 'kcp' || !def.custom));

function plainResolve(sim: Sim, info: RequestInfo): Resolved {
  if (info.endpoint || info.clusterSegment) throw pageNotFound();
  const def = info.resource && sim.registry.find('', info.resource);
  return { cluster: '', def, authorizeIn: '', resources: sim.registry.all('') };
}

function forbiddenPath(user: User, info: RequestInfo): ApiError {
  return failure(403, `forbidden: User "${user.name}" cannot ${info.method.toLowerCase()} path "${info.path}"`, {
    reason: 'Forbidden',
    details: {},
  });
}

interface ResourceRequest {
  info: RequestInfo;
  user: User;
  resolved: Resolved;
}

async function resourceRequest(sim: Sim, request: ResourceRequest & { incoming: Incoming }): Promise<Answer> {
  const { info, user, resolved } = request;
  const place = info.resource as ResourcePath;
  if (resolved.error) throw resolved.error;
  if (!resolved.def) throw resourceNotFound();
  const view = resolved.view ? { view: resolved.view } : {};
  const target: Target = { ...place, def: resolved.def, cluster: resolved.cluster, ...view };
  if (target.cluster !== undefined && sim.layer && !sim.layer.permits(user, { cluster: target.cluster, target }))
    throw accessDenied(user, place);
  checkShape(target);
  return { ...(await dispatch(sim, target, request)), target };
}

function authorize(sim: Sim, { info, user, resolved }: ResourceRequest): void {
  const place = info.resource as ResourcePath;
  const { group, plural, verb, namespace, name, subresource } = place;
  const own = { cluster: resolved.authorizeIn, verb, group, resource: plural, subresource, namespace, name };
  const access = resolved.authorizeAs ? { ...own, namespace: '', ...resolved.authorizeAs } : own;
  if (!sim.authorizer.allows(user, access)) throw accessDenied(user, place);
}

function accessDenied(user: User, { group, plural, verb, namespace, name }: ResourcePath): ApiError {
  const scope = namespace ? `in the namespace "${namespace}"` : 'at the cluster scope';
  return forbidden(
    { group, kind: plural, name },
    `User "${user.name}" cannot ${verb} resource "${plural}" in API group "${group}" ${scope}`,
  );
}

const VERBS = ['get', 'list', 'watch', 'create', 'update', 'patch', 'delete', 'deletecollection'];

/** Methods and paths that exist for no resource of this kind. */
function checkShape(target: Target): void {
  const { def, namespace, name, verb, subresource } = target;
  if (!VERBS.includes(verb)) throw methodNotAllowed();
  if (def.namespaced && !namespace) {
    if (name) throw resourceNotFound();
    if (verb !== 'list' && verb !== 'watch') throw methodNotAllowed();
  }
  if (!def.namespaced && namespace) throw resourceNotFound();
  if (!subresource) checkVerb(target);
}

function checkVerb({ def, name, verb }: Target): void {
  if (name && verb === 'create') throw methodNotAllowed();
  if (!name && (verb === 'update' || verb === 'patch')) throw methodNotAllowed();
  if (!def.verbs.includes(verb)) throw methodNotAllowed();
}
