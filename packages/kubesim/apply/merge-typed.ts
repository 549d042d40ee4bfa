import { isRecord, type JsonObject, type StructuralSchema } from '../schema/types.ts';
import { type Atom, atomOf, childSchema } from './atom.ts';
import { listElements } from './list-elements.ts';

/** `applied` laid over `live`: maps by field, list maps by key, sets by value; leaves and atomic values are replaced whole. */
export function mergeTyped(live: unknown, applied: unknown, schema: StructuralSchema | undefined): unknown {
  if (applied === undefined) return live;
  const atom = atomOf(schema, applied);
  if (atom.kind === 'map' && isRecord(applied)) return mergeMaps(isRecord(live) ? live : {}, applied, atom.schema);
  if ((atom.kind === 'set' || atom.kind === 'list-map') && Array.isArray(applied))
    return mergeLists(Array.isArray(live) ? live : [], applied, atom);
  return applied;
}

function mergeMaps(live: JsonObject, applied: JsonObject, schema: StructuralSchema): JsonObject {
  const out: JsonObject = { ...live };
  for (const [name, value] of Object.entries(applied))
    out[name] = mergeTyped(live[name], value, childSchema(schema, name));
  return out;
}

type AssociativeAtom = Extract<Atom, { kind: 'set' | 'list-map' }>;

/**
 * Elements of both lists: those of `applied` in its order; those only in `live` before the next shared element, where they
 * stood. This is the order real servers produce.
 */
function mergeLists(live: unknown[], applied: unknown[], atom: AssociativeAtom): unknown[] {
  const left = listElements(atom, live);
  const right = listElements(atom, applied);
  const liveByElement = new Map(left.map((item) => [item.element, item.value]));
  const inApplied = new Set(right.map((item) => item.element));
  const shared = right.map((item) => item.element).filter((element) => liveByElement.has(element));
  const out: unknown[] = [];
  let at = 0;
  const takeLiveUntil = (stop: string | undefined): void => {
    for (let item = left[at]; item && item.element !== stop; item = left[++at])
      if (!inApplied.has(item.element)) out.push(item.value);
  };
  for (const { element, value } of right) {
    takeLiveUntil(shared[0]);
    out.push(mergeTyped(liveByElement.get(element), value, atom.element));
    if (shared[0] === element) shared.shift();
    if (left[at]?.element === element) at++;
  }
  takeLiveUntil(undefined);
  return out;
}
