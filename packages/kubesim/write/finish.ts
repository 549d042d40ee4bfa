import { isDeepStrictEqual } from 'node:util';
import { type ApiObject, without } from '../object.ts';
import type { Sim } from '../server/context.ts';
import { asWritten, defaultBuiltin } from './builtin-defaults.ts';
import { nextGeneration } from './generation.ts';
import { trackOwnership } from './ownership.ts';
import type { WriteRequest } from './request.ts';
import { checkSchema } from './schema-rules.ts';

interface Change {
  old: ApiObject | undefined;
  next: ApiObject;
  /** managedFields are already right (server-side apply computed them). */
  owned?: boolean;
}

/**
 * The last steps of every write, in the order of a real server: schema rules (unknown fields, pruning, defaults, validation),
 * generation, field ownership, and what the layer above stamps on objects.
 */
export function finishObject(sim: Sim, request: WriteRequest, change: Change): ApiObject {
  const { def, cluster, namespace } = request.target;
  const { old } = change;
  const shaped = tidy(checkSchema(request, defaultBuiltin(def, change.next, old), old));
  const generation = nextGeneration(def, old, shaped);
  const metadata = { ...shaped.metadata, ...(generation === undefined ? {} : { generation }) };
  const generated = { ...shaped, metadata };
  const tracked = change.owned ? generated : trackOwnership(sim, request, { old, next: generated });
  const name = tracked.metadata.name ?? '';
  const stamped = sim.layer?.decorate(tracked, { def, cluster, namespace, name }) ?? tracked;
  return asWritten(def, tidy(stamped));
}

/** Empty maps and lists in metadata are not kept. */
function tidy(obj: ApiObject): ApiObject {
  const metadata = Object.fromEntries(Object.entries(obj.metadata).filter(([, value]) => !isEmpty(value)));
  const { apiVersion, kind, ...rest } = obj;
  return { apiVersion, kind, ...rest, metadata } as ApiObject;
}

const isEmpty = (value: unknown): boolean =>
  value === undefined ||
  value === null ||
  value === '' ||
  (typeof value === 'object' && (Array.isArray(value) ? value.length === 0 : Object.keys(value).length === 0));

/** Whether a write changes nothing worth a new revision: times and revisions in metadata do not count. */
export function isNoOp(old: ApiObject, next: ApiObject): boolean {
  return isDeepStrictEqual(comparable(old), comparable(next));
}

function comparable(obj: ApiObject): unknown {
  const managed = (obj.metadata.managedFields ?? []).map((entry) => without(entry as object, 'time'));
  return { ...obj, metadata: { ...without(obj.metadata, 'resourceVersion'), managedFields: managed } };
}
