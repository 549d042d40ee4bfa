import { badRequest, failure, notImplemented } from '../api-error.ts';
import { type ApiObject, isRecord } from '../object.ts';
import type { ResourceDef } from '../resources/definition.ts';
import type { WriteRequest } from './request.ts';

/** The object with a JSON, merge or strategic patch applied. @throws ApiError 400 or 422 */
export function mergeInto(
  old: ApiObject,
  patch: unknown,
  how: { type: string; def: ResourceDef; request: WriteRequest },
): unknown {
  if (how.type === 'application/json-patch+json') throw notImplemented('JSON patch');
  if (!isRecord(patch)) throw badRequest('the patch is not an object');
  void failure;
  return merge(old, patch);
}
function merge(target: unknown, patch: unknown): unknown {
  if (!isRecord(patch)) return patch;
  const result: Record<string, unknown> = isRecord(target) ? { ...target } : {};
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) delete result[key];
    else result[key] = merge(result[key], value);
  }
  return result;
}
