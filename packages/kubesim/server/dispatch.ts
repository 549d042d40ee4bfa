import {
  ApiError,
  badRequest,
  failure,
  methodNotAllowed,
  notFound,
  notImplemented,
  resourceNotFound,
  unsupportedMediaType,
} from '../api-error.ts';
import type { ApiObject } from '../object.ts';
import { PROTOBUF } from '../protobuf/decode.ts';
import { encodeList, encodeObject } from '../read/encode.ts';
import { listObjects } from '../read/list.ts';
import { reachRevision } from '../read/revision.ts';
import { findDuplicateKeys } from '../schema/duplicate-keys.ts';
import { prepareWatch } from '../watch/watch.ts';
import { createObject } from '../write/create.ts';
import { deleteCollection, deleteObject, deleteOptions } from '../write/delete.ts';
import { patchObject } from '../write/patch.ts';
import { resourceSubject, type WriteRequest, writeRequest } from '../write/request.ts';
import { subresourceAnswer } from '../write/subresources.ts';
import { replaceObject } from '../write/update.ts';
import { type Answer, type Incoming, json } from './answer.ts';
import type { Sim, Target } from './context.ts';
import type { User } from './identity.ts';
import { type Accept, checkForm, mediaTypeOf, negotiate, parseBody } from './media.ts';
import { readJsonBody } from './request-body.ts';
import type { RequestInfo } from './request-info.ts';
import { reviewAnswer } from './reviews.ts';

export interface ResourceParts {
  incoming: Incoming;
  info: RequestInfo;
  user: User;
}

/** What real servers warn of whenever a resource is used. */
const DEPRECATED: Record<string, string> = {
  'endpoints.core': 'v1 Endpoints is deprecated in v1.33+; use discovery.k8s.io/v1 EndpointSlice',
};

/** Carries out an authorized request for a resource. @throws ApiError */
export async function dispatch(sim: Sim, target: Target, parts: ResourceParts): Promise<Answer> {
  const warning = DEPRECATED[target.def.storage];
  if (!warning) return answerOf(sim, target, parts);
  const headers = { warning: `299 - "${warning}"` };
  try {
    const answered = await answerOf(sim, target, parts);
    return { ...answered, headers: { ...answered.headers, ...headers } };
  } catch (error) {
    if (error instanceof ApiError) Object.assign(error.headers, headers);
    throw error;
  }
}

async function answerOf(sim: Sim, target: Target, parts: ResourceParts): Promise<Answer> {
  const { incoming, info } = parts;
  const accept = negotiate(incoming.accept);
  const review = await reviewAnswer(sim, target, parts);
  if (review) return review;
  if (target.subresource && target.subresource !== 'status')
    return subresourceAnswer(sim, { ...parts, target, accept });
  if (target.subresource === 'status') checkStatus(target);
  switch (target.verb) {
    case 'get':
      return readObject(sim, target, { accept, query: info.query });
    case 'list': {
      checkForm(accept, 'list');
      const { items, meta } = await listObjects(sim, target, info.query);
      const viaEndpoint = target.view !== undefined;
      return json(
        200,
        encodeList(items, target.def, { accept, meta, includeObject: info.query.get('includeObject'), viaEndpoint }),
      );
    }
    case 'watch': {
      const stream = await prepareWatch(sim, { target, query: info.query, accept });
      return { status: 200, contentType: 'application/json', stream };
    }
    default:
      return write(sim, { ...parts, accept, target: target as Target & { cluster: string } });
  }
}

function checkStatus({ def, name, verb }: Target): void {
  if (!def.status) throw def.custom ? notFound(resourceSubject(def, name)) : resourceNotFound();
  if (!['get', 'update', 'patch'].includes(verb)) throw methodNotAllowed();
}

async function readObject(sim: Sim, target: Target, form: { accept: Accept; query: URLSearchParams }): Promise<Answer> {
  const { def, cluster, namespace, name } = target;
  checkForm(form.accept, 'get');
  const wanted = form.query.get('resourceVersion') ?? '';
  if (wanted && !/^\d+$/.test(wanted)) throw failure(500, `strconv.ParseUint: parsing "${wanted}": invalid syntax`);
  if (Number(wanted) > sim.store.revision) await reachRevision(sim.store, Number(wanted));
  const found = sim.store.get({ storage: def.storage, cluster: cluster ?? '', namespace, name });
  if (!found || (target.view?.visible && !target.view.visible(found))) throw notFound(resourceSubject(def, name));
  return json(200, encodeObject(found, def, { accept: form.accept, includeObject: form.query.get('includeObject') }));
}

interface WriteParts extends ResourceParts {
  accept: Accept;
  target: Target & { cluster: string };
}

async function write(sim: Sim, parts: WriteParts): Promise<Answer> {
  const { incoming, target, info } = parts;
  if (target.def.group === 'events.k8s.io') throw notImplemented('writes of events through events.k8s.io; use core/v1');
  const request = writeRequest(target, { user: parts.user, query: info.query, userAgent: incoming.userAgent });
  const { status, body } = await perform(sim, request, parts);
  return { ...json(status, body), ...warningHeaders(request) };
}

async function perform(sim: Sim, request: WriteRequest, parts: WriteParts): Promise<{ status: number; body: unknown }> {
  const { incoming, target, accept } = parts;
  const encode = (obj: ApiObject) => encodeObject(obj, target.def, { accept });
  switch (target.verb) {
    case 'create':
      return { status: 201, body: encode(createObject(sim, request, await objectBody(incoming, request))) };
    case 'update':
      return { status: 200, body: encode(replaceObject(sim, request, await objectBody(incoming, request))) };
    case 'patch': {
      const text = await incoming.body();
      const { obj, created } = patchObject(sim, request, { type: mediaTypeOf(incoming.contentType), text });
      return { status: created ? 201 : 200, body: encode(obj) };
    }
    default: {
      const options = deleteOptions(await readJsonBody(incoming), request.query);
      if (target.verb === 'delete') return { status: 200, body: deleteObject(sim, request, options) };
      const { items, meta } = deleteCollection(sim, request, options);
      return { status: 200, body: encodeList(items, target.def, { accept, meta }) };
    }
  }
}

/** The request body as an object, refused when its media type is not understood; keys given twice count as a field error. */
async function objectBody(incoming: Incoming, request: WriteRequest): Promise<unknown> {
  const mediaType = mediaTypeOf(incoming.contentType) || 'application/json';
  if (mediaType === PROTOBUF) return readJsonBody(incoming);
  const text = await incoming.body();
  if (!['application/json', 'application/yaml', '*/*'].includes(mediaType))
    throw unsupportedMediaType(`the body of the request was in an unknown format: ${mediaType}`, true);
  if (text === '') throw badRequest('a request body is needed');
  const body = parseBody(text, mediaType);
  if (mediaType === 'application/json' && request.fieldValidation !== 'Ignore') reportDuplicates(text, request);
  return body;
}

function reportDuplicates(text: string, request: WriteRequest): void {
  const problems = findDuplicateKeys(text).map((path) => `duplicate field "${path}"`);
  if (!problems.length) return;
  if (request.fieldValidation === 'Strict') throw badRequest(`strict decoding error: ${problems.join(', ')}`);
  request.warnings.push(...problems);
}

const warningHeaders = (request: WriteRequest): { headers?: Record<string, string> } =>
  request.warnings.length
    ? { headers: { warning: request.warnings.map((text) => `299 - "${text.replaceAll('"', '\\"')}"`).join(', ') } }
    : {};
