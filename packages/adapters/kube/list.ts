import { kindOf, messageOf } from '@tmc/kernel/errors.ts';
import { formatGroupResource, type GroupResource } from '@tmc/kernel/key.ts';
import type { KubeObject } from '@tmc/kernel/object.ts';
import type { ObjectList, ObjectPage } from '@tmc/kernel/ports.ts';
import type { Api, Call } from './api.ts';
import { answerTooLarge, isAnswerTooLarge } from './exchange.ts';
import { collectionPath, queryOf } from './paths.ts';

/** Objects of one page: an answer stays around 2 MB. */
const PAGE_LIMIT = 500;
/** A page takes a server longer than an object. */
const PAGE_DEADLINE_MS = 15_000;

/** The second type is for servers that know no metadata lists: they send whole items. */
const METADATA_LIST = 'application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1, application/json';

/** Where to list: the prefix is a workspace's path, '' on a plain server. */
export type ListScope = {
  readonly prefix?: string;
  readonly namespace?: string;
  readonly labelSelector?: string;
  readonly limit?: number;
  /** Items carry apiVersion, kind and metadata only. */
  readonly metadataOnly?: boolean;
  readonly continue?: string;
  readonly signal?: AbortSignal;
  readonly deadlineMs?: number;
  /** Verbs to ask for when they are missing; `list` when absent. */
  readonly verbs?: readonly string[];
};

/**
 * One page of a resource.
 * @throws TmcError `expired` when the server forgot the revision the list began at; terminal with component `answer-limit` when the
 * page is too large: ask for a smaller one, unless it was of one object.
 */
export async function listPage(api: Api, resource: GroupResource, scope: ListScope): Promise<ObjectPage> {
  const about = (scope.prefix ?? '') + formatGroupResource(resource);
  try {
    return await api.page(callOf(resource, scope, about));
  } catch (error) {
    if (scope.limit !== 1 || !isAnswerTooLarge(error)) throw error;
    throw answerTooLarge(`LIST ${about}`, `${messageOf(error)} for a page of one object`, HINT);
  }
}

const HINT =
  'find the oversized object and make it smaller or delete it; if there is none, the server does not read `limit` and holds too many';

function callOf(resource: GroupResource, scope: ListScope, about: string): Call {
  const { prefix = '', namespace, labelSelector, limit, metadataOnly, signal, deadlineMs } = scope;
  const query = queryOf({ limit, continue: scope.continue, labelSelector });
  return {
    method: 'GET',
    path: prefix + collectionPath(resource, namespace) + query,
    about,
    resource,
    ...(scope.verbs === undefined ? {} : { verbs: scope.verbs }),
    ...(metadataOnly ? { accept: METADATA_LIST } : {}),
    ...(signal === undefined ? {} : { signal }),
    ...(deadlineMs === undefined ? {} : { deadlineMs }),
  };
}

/** The complete list at one revision, begun afresh once when that revision expired between pages; in smaller pages when one is too large. */
export async function listAll(api: Api, resource: GroupResource, scope: ListScope): Promise<ObjectList> {
  try {
    return await readPages(api, resource, scope);
  } catch (error) {
    if (kindOf(error) !== 'expired') throw error;
    return readPages(api, resource, scope);
  }
}

async function readPages(api: Api, resource: GroupResource, scope: ListScope): Promise<ObjectList> {
  const items: KubeObject[] = [];
  let limit = PAGE_LIMIT;
  let token: Pick<ListScope, 'continue'> = {};
  for (;;) {
    try {
      const page = await listPage(api, resource, { ...scope, ...token, limit, deadlineMs: PAGE_DEADLINE_MS });
      for (const item of page.items) items.push(item);
      if (!page.continue) return { items, resourceVersion: page.resourceVersion };
      token = { continue: page.continue };
    } catch (error) {
      if (limit === 1 || !isAnswerTooLarge(error)) throw error;
      limit = Math.ceil(limit / 2);
    }
  }
}
