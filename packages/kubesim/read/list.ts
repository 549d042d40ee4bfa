import { badRequest, expired } from '../api-error.ts';
import type { ApiObject } from '../object.ts';
import type { Sim, Target } from '../server/context.ts';
import { keyOf } from '../store/store.ts';
import type { ListMeta } from './encode.ts';
import { parseListOptions } from './list-options.ts';
import { reachRevision } from './revision.ts';
import { type Selection, selectionOf } from './selection.ts';

export interface ListResult {
  items: ApiObject[];
  meta: ListMeta;
}

/** Where a chunked list goes on: after a key, in the snapshot of a revision (-1: whatever is current then). */
interface Continue {
  rv: number;
  after: string;
}

/** Answers a list: which state (current, exact, the snapshot of a continue token), which objects, which chunk. */
export async function listObjects(sim: Sim, target: Target, query: URLSearchParams): Promise<ListResult> {
  const options = parseListOptions(query);
  const selection = selectionOf(target, query);
  const token = options.continueToken ? decodeToken(options.continueToken) : undefined;
  const wanted = Number(options.resourceVersion || 0);
  if (wanted > sim.store.revision) await reachRevision(sim.store, wanted);
  const exact = options.match === 'Exact' ? wanted : undefined;
  const revision = token && token.rv >= 0 ? token.rv : (exact ?? sim.store.revision);
  const scope = { cluster: target.cluster, namespace: target.namespace || undefined };
  const all = sim.store.listAt(target.def.storage, revision, scope);
  if (!all)
    throw expired(
      goneMessage(revision, sim.store.history.oldest),
      token && encodeToken({ rv: -1, after: token.after }),
    );
  const rest = token ? all.filter((obj) => placeOf(sim, obj) > token.after) : all;
  const found = selection.selective ? rest.filter(selection.matches) : rest;
  return chunkOf(sim, { rest, found, revision, limit: options.limit, selection });
}

interface Listed {
  /** What is left of the collection, and what of that is asked for. */
  rest: ApiObject[];
  found: ApiObject[];
  revision: number;
  /** 0: no limit. */
  limit: number;
  selection: Selection;
}

function chunkOf(sim: Sim, { rest, found, revision, limit, selection }: Listed): ListResult {
  const items = limit > 0 ? found.slice(0, limit) : found;
  const meta = { resourceVersion: String(revision) };
  const last = items.length === limit ? items.at(-1) : undefined;
  // A server that filled a chunk does not look whether any of the rest matches: the next one may be empty.
  if (!last || last === (selection.single ? found : rest).at(-1)) return { items, meta };
  const remaining = selection.selective ? {} : { remainingItemCount: found.length - items.length };
  const next = encodeToken({ rv: revision, after: placeOf(sim, last) });
  return { items, meta: { ...meta, continue: next, ...remaining } };
}

const goneMessage = (revision: number, oldest: number): string =>
  `The provided continue parameter or resource version is too old: ${revision} (${oldest})`;

/** The key of an object for continue tokens, in the order of lists. */
function placeOf(sim: Sim, obj: ApiObject): string {
  const { name = '', namespace = '', annotations } = obj.metadata;
  const cluster = sim.kind === 'kcp' ? (annotations?.['kcp.io/cluster'] ?? '') : '';
  return keyOf({ cluster, namespace, name });
}

const encodeToken = (token: Continue): string => Buffer.from(JSON.stringify(token)).toString('base64url');

function decodeToken(text: string): Continue {
  try {
    const token: unknown = JSON.parse(Buffer.from(text, 'base64url').toString());
    if (typeof token === 'object' && token !== null && 'rv' in token && 'after' in token) return token as Continue;
  } catch {
    // Falls through to the same answer as a token of the wrong shape.
  }
  throw badRequest(`continue key is not valid: ${text.slice(0, 40)}`);
}
