import { badRequest, expired } from '../api-error.ts';
import type { ApiObject } from '../object.ts';
import type { Sim, Target } from '../server/context.ts';
import { keyOf } from '../store/store.ts';
import type { ListMeta } from './encode.ts';
import { parseListOptions } from './list-options.ts';
import { reachRevision } from './revision.ts';
import { selectionOf } from './selection.ts';

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
  const { limit } = options;
  if (limit <= 0 || found.length <= limit) return { items: found, meta: { resourceVersion: String(revision) } };
  const items = found.slice(0, limit);
  const last = items[items.length - 1] as ApiObject;
  const next = encodeToken({ rv: revision, after: placeOf(sim, last) });
  return {
    items,
    meta: {
      resourceVersion: String(revision),
      continue: next,
      ...(selection.selective ? {} : { remainingItemCount: found.length - limit }),
    },
  };
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
