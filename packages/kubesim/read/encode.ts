import { type ApiObject, without } from '../object.ts';
import { groupVersionOf, type ResourceDef } from '../resources/definition.ts';
import { inVersion } from '../resources/registry.ts';
import type { Accept } from '../server/media.ts';
import { tableOf } from './table.ts';

const texts = new WeakMap<ApiObject, string>();
const bareTexts = new WeakMap<ApiObject, string>();

/** The object as JSON, made once per stored state and shared by everyone who reads it. */
export function jsonOf(obj: ApiObject, def: ResourceDef): string {
  if (obj.apiVersion !== groupVersionOf(def)) return JSON.stringify(inVersion(obj, def));
  let text = texts.get(obj);
  if (text === undefined) {
    text = JSON.stringify(obj);
    texts.set(obj, text);
  }
  return text;
}

/** As an item of a list: items of built-in lists carry neither apiVersion nor kind. */
function itemJson(obj: ApiObject, def: ResourceDef): string {
  if (def.custom) return jsonOf(obj, def);
  let text = bareTexts.get(obj);
  if (text === undefined) {
    text = JSON.stringify(without(obj, 'apiVersion', 'kind'));
    bareTexts.set(obj, text);
  }
  return text;
}

/** Metadata alone. Through kcp's endpoints it also says which version the object was in. */
export const partialOf = (obj: ApiObject, version: string, viaEndpoint = false): Record<string, unknown> => ({
  kind: 'PartialObjectMetadata',
  apiVersion: `meta.k8s.io/${version}`,
  metadata: viaEndpoint
    ? {
        ...obj.metadata,
        annotations: { ...obj.metadata.annotations, 'kcp.io/original-api-version': obj.apiVersion },
      }
    : obj.metadata,
});

export interface ListMeta {
  resourceVersion: string;
  continue?: string;
  remainingItemCount?: number;
}

/** One object in the form the reader asked for. */
export function encodeObject(
  obj: ApiObject,
  def: ResourceDef,
  form: { accept: Accept; includeObject?: string | null },
) {
  const { accept } = form;
  if (accept.as === 'PartialObjectMetadata') return JSON.stringify(partialOf(obj, accept.version));
  if (accept.as === 'Table') {
    const meta = { resourceVersion: obj.metadata.resourceVersion ?? '' };
    return JSON.stringify(tableOf([inVersion(obj, def)], def, { accept, meta, includeObject: form.includeObject }));
  }
  return jsonOf(obj, def);
}

/** A list in the form the reader asked for. */
export function encodeList(
  items: ApiObject[],
  def: ResourceDef,
  form: { accept: Accept; meta: ListMeta; includeObject?: string | null; viaEndpoint?: boolean },
): string {
  const { accept, meta } = form;
  if (accept.as === 'PartialObjectMetadata') {
    const head = { kind: 'PartialObjectMetadataList', apiVersion: `meta.k8s.io/${accept.version}`, metadata: meta };
    // As on real servers, where an empty list of metadata has no items but null.
    const parts = items.map((item) => partialOf(item, accept.version, form.viaEndpoint));
    return JSON.stringify({ ...head, items: parts.length ? parts : null });
  }
  if (accept.as === 'Table')
    return JSON.stringify(
      tableOf(
        items.map((item) => inVersion(item, def)),
        def,
        form,
      ),
    );
  const head = JSON.stringify({ kind: def.listKind, apiVersion: groupVersionOf(def), metadata: meta });
  // Items that come through kcp's endpoints carry their kinds.
  const itemText = form.viaEndpoint ? jsonOf : itemJson;
  return `${head.slice(0, -1)},"items":[${items.map((item) => itemText(item, def)).join(',')}]}`;
}
