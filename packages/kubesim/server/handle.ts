import {
  ApiError,
  badRequest,
  failure,
  forbidden,
  methodNotAllowed,
  notFound,
  pageNotFound,
  resourceNotFound,
  unsupportedMediaType,
} from '../api-error.ts';
import { encodeList, encodeObject } from '../read/encode.ts';
import { listObjects } from '../read/list.ts';
import { reachRevision } from '../read/revision.ts';
import { prepareWatch, type WatchSink } from '../watch/watch.ts';
import { createObject } from '../write/create.ts';
import { deleteCollection, deleteObject, deleteOptions } from '../write/delete.ts';
import { patchObject } from '../write/patch.ts';
import { resourceSubject, type WriteRequest, writeRequest } from '../write/request.ts';
import { subresourceAnswer } from '../write/subresources.ts';
import { replaceObject } from '../write/update.ts';
import type { Resolved, Sim, Target } from './context.ts';
import { discoveryAnswer } from './discovery.ts';
import type { User } from './identity.ts';
import { type Accept, mediaTypeOf, negotiate, parseBody } from './media.ts';
import { pathAnswer } from './paths.ts';
import { parseRequest, type RequestInfo } from './request-info.ts';
import { reviewAnswer } from './reviews.ts';

/** A request as the HTTP part hands it in. */
export interface Incoming {
  method: string;
  url: string;
  authorization: string | undefined;
  accept: string | undefined;
  contentType: string | undefined;
  userAgent: string;
  /** Reads the whole body. */
  body: () => Promise<string>;
}

/** An answer: complete text, or a stream of watch events. */
export interface Answer {
  status: number;
  contentType: string;
  text?: string;
  headers?: Record<string, string>;
  stream?: (sink: WatchSink) => void;
  /** Send only half of the text and break off. */
  cutBody?: boolean;
  /** What the request was about, for fault rules and counters. */
  target?: Target;
}

export const json = (status: number, body: unknown): Answer => ({
  status,
  contentType: 'application/json',
  text: typeof body === 'string' ? body : JSON.stringify(body),
});

/** Answers one request; never throws. */
export async function answer(sim: Sim, incoming: Incoming): Promise<Answer> {
  try {
    return await handle(sim, incoming);
  } catch (error) {
    if (error instanceof ApiError) return errorAnswer(error);
    const message = error instanceof Error ? (error.stack ?? error.message) : String(error);
    return errorAnswer(
      failure(500, `kubesim failed on ${incoming.method} ${incoming.url}: ${message}`, { reason: 'InternalError' }),
    );
  }
}

function errorAnswer(error: ApiError): Answer {
  if (typeof error.body !== 'string') return { ...json(error.code, error.body), headers: error.headers };
  return { status: error.code, contentType: 'text/plain; charset=utf-8', text: error.body, headers: error.headers };
}

async function handle(sim: Sim, incoming: Incoming): Promise<Answer> {
  const info = parseRequest(incoming.method, incoming.url);
  const user = sim.tokens.identify(incoming.authorization);
  const resolved = sim.layer ? sim.layer.resolve(info, user) : plainResolve(sim, info);
  if (info.resource && (resolved.def || resolved.error || hasGroup(resolved, info)))
    return resourceRequest(sim, { incoming, info, user, resolved });
  if (!sim.authorizer.allows(user, { cluster: resolved.authorizeIn, verb: info.method.toLowerCase(), path: info.path }))
    throw forbiddenPath(user, info);
  return discoveryAnswer(resolved, info, incoming.accept) ?? pathAnswer(sim, resolved, info) ?? notServed();
}

const notServed = (): never => {
  throw pageNotFound();
};

const hasGroup = (resolved: Resolved, info: RequestInfo): boolean => {
  const { group, version } = info.resource ?? { group: '', version: '' };
  return resolved.resources.some((def) => def.group === group && def.version === version);
};

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
  incoming: Incoming;
  info: RequestInfo;
  user: User;
  resolved: Resolved;
}

async function resourceRequest(sim: Sim, request: ResourceRequest): Promise<Answer> {
  const { info, user, resolved } = request;
  const place = info.resource as NonNullable<RequestInfo['resource']>;
  authorize(sim, request);
  if (resolved.error) throw resolved.error;
  if (!resolved.def) throw resourceNotFound();
  const target: Target = {
    ...place,
    def: resolved.def,
    cluster: resolved.cluster,
    ...(resolved.view ? { view: resolved.view } : {}),
  };
  if (target.cluster !== undefined && sim.layer && !sim.layer.permits(user, { cluster: target.cluster, target }))
    throw accessDenied(user, info);
  checkShape(target);
  const done = await dispatch(sim, target, request);
  return { ...done, target };
}

function authorize(sim: Sim, { info, user, resolved }: ResourceRequest): void {
  const { group, plural, verb, namespace, name, subresource } = info.resource as NonNullable<RequestInfo['resource']>;
  const own = { cluster: resolved.authorizeIn, verb, group, resource: plural, subresource, namespace, name };
  const access = resolved.authorizeAs ? { ...own, namespace: '', ...resolved.authorizeAs } : own;
  if (!sim.authorizer.allows(user, access)) throw accessDenied(user, info);
}

function accessDenied(user: User, info: RequestInfo): ApiError {
  const { group, plural, verb, namespace, name } = info.resource as NonNullable<RequestInfo['resource']>;
  const scope = namespace ? `in the namespace "${namespace}"` : 'at the cluster scope';
  return forbidden(
    { group, kind: plural, name },
    `User "${user.name}" cannot ${verb} resource "${plural}" in API group "${group}" ${scope}`,
  );
}

/** Methods and paths that exist for no resource of this kind. */
function checkShape(target: Target): void {
  const { def, namespace, name, verb, subresource } = target;
  const known = ['get', 'list', 'watch', 'create', 'update', 'patch', 'delete', 'deletecollection'];
  if (!known.includes(verb)) throw methodNotAllowed();
  if (def.namespaced && !namespace) {
    if (name) throw resourceNotFound();
    if (!['list', 'watch'].includes(verb)) throw methodNotAllowed();
  }
  if (!def.namespaced && namespace) throw resourceNotFound();
  if (subresource) return;
  if (name && verb === 'create') throw methodNotAllowed();
  if (!name && ['update', 'patch'].includes(verb)) throw methodNotAllowed();
  if (!def.verbs.includes(verb)) throw methodNotAllowed();
}

async function dispatch(sim: Sim, target: Target, request: ResourceRequest): Promise<Answer> {
  const { incoming, info } = request;
  const accept = negotiate(incoming.accept);
  const review = await reviewAnswer(sim, target, request);
  if (review) return review;
  if (target.subresource && target.subresource !== 'status')
    return subresourceAnswer(sim, { ...request, target, accept });
  if (target.subresource === 'status' && !target.def.status)
    throw target.def.custom ? notFound(resourceSubject(target.def, target.name)) : resourceNotFound();
  if (target.subresource === 'status' && !['get', 'update', 'patch'].includes(target.verb)) throw methodNotAllowed();
  switch (target.verb) {
    case 'get':
      return readObject(sim, target, { accept, query: info.query });
    case 'list': {
      const { items, meta } = await listObjects(sim, target, info.query);
      const form = {
        accept,
        meta,
        includeObject: info.query.get('includeObject'),
        withKinds: target.view !== undefined,
      };
      return json(200, encodeList(items, target.def, form));
    }
    case 'watch': {
      const stream = await prepareWatch(sim, { target, query: info.query, accept });
      return { status: 200, contentType: 'application/json', stream };
    }
    default:
      return write(sim, { ...request, accept, target: target as Target & { cluster: string } });
  }
}

async function readObject(sim: Sim, target: Target, form: { accept: Accept; query: URLSearchParams }): Promise<Answer> {
  const { def, cluster, namespace, name } = target;
  const wanted = form.query.get('resourceVersion') ?? '';
  if (wanted && !/^\d+$/.test(wanted)) throw failure(500, `strconv.ParseUint: parsing "${wanted}": invalid syntax`);
  if (Number(wanted) > sim.store.revision) await reachRevision(sim.store, Number(wanted));
  const found = sim.store.get({ storage: def.storage, cluster: cluster ?? '', namespace, name });
  if (!found || (target.view?.visible && !target.view.visible(found))) throw notFound(resourceSubject(def, name));
  return json(200, encodeObject(found, def, { accept: form.accept, includeObject: form.query.get('includeObject') }));
}

interface WriteParts extends ResourceRequest {
  accept: Accept;
  target: Target & { cluster: string };
}

/** The request body in the form a write needs it, refused when its media type is not understood. */
async function bodyOf(incoming: Incoming): Promise<unknown> {
  const text = await incoming.body();
  const mediaType = mediaTypeOf(incoming.contentType) || 'application/json';
  if (!['application/json', 'application/yaml', '*/*'].includes(mediaType))
    throw unsupportedMediaType(`the body of the request was in an unknown format: ${mediaType}`, true);
  if (text === '') throw badRequest('a request body is needed');
  return parseBody(text, mediaType);
}

async function write(sim: Sim, parts: WriteParts): Promise<Answer> {
  const { incoming, target, info } = parts;
  const request = writeRequest(target, { user: parts.user, query: info.query, userAgent: incoming.userAgent });
  const { status, body } = await perform(sim, request, parts);
  return { ...json(status, body), ...warningHeaders(request) };
}

async function perform(sim: Sim, request: WriteRequest, parts: WriteParts): Promise<{ status: number; body: unknown }> {
  const { incoming, target, accept } = parts;
  const encode = (obj: Parameters<typeof encodeObject>[0]) => encodeObject(obj, target.def, { accept });
  switch (target.verb) {
    case 'create':
      return { status: 201, body: encode(createObject(sim, request, await bodyOf(incoming))) };
    case 'update':
      return { status: 200, body: encode(replaceObject(sim, request, await bodyOf(incoming))) };
    case 'patch': {
      const text = await incoming.body();
      const { obj, created } = patchObject(sim, request, { type: mediaTypeOf(incoming.contentType), text });
      return { status: created ? 201 : 200, body: encode(obj) };
    }
    default: {
      const text = await incoming.body();
      const options = deleteOptions(
        text ? parseBody(text, mediaTypeOf(incoming.contentType)) : undefined,
        request.query,
      );
      if (target.verb === 'delete') return { status: 200, body: deleteObject(sim, request, options) };
      const { items, meta } = deleteCollection(sim, request, options);
      return { status: 200, body: encodeList(items, target.def, { accept, meta }) };
    }
  }
}

export const warningHeaders = (request: WriteRequest): { headers?: Record<string, string> } =>
  request.warnings.length
    ? { headers: { warning: request.warnings.map((text) => `299 - "${text.replaceAll('"', '\\"')}"`).join(', ') } }
    : {};
