import { badRequest, failure } from '../api-error.ts';
import { type ApiObject, isRecord } from '../object.ts';
import { jsonPatch } from '../patch/json.ts';
import { mergePatch } from '../patch/merge.ts';
import { strategicMergePatch } from '../patch/strategic.ts';
import type { ResourceDef } from '../resources/definition.ts';
import { schemaOf } from '../resources/schema-of.ts';

/** The object with a JSON, merge or strategic patch applied. @throws ApiError 400 or 422 */
export function mergeInto(old: ApiObject, patch: unknown, { type, def }: { type: string; def: ResourceDef }): unknown {
  if (type === 'application/json-patch+json') return withOperations(old, patch);
  if (!isRecord(patch)) throw badRequest('the patch is not an object');
  if (type === 'application/merge-patch+json') return mergePatch(old, patch);
  // What is served from a schema has no strategy: lists are replaced.
  const result = def.custom ? { value: mergePatch(old, patch) } : strategicMergePatch(old, patch, schemaOf(def));
  if ('malformed' in result) throw badRequest(result.malformed);
  return result.value;
}

function withOperations(old: ApiObject, patch: unknown): unknown {
  const result = jsonPatch(old, patch);
  if ('malformed' in result) throw badRequest(result.malformed);
  if ('unprocessable' in result)
    // Real servers do not say which operation failed.
    throw failure(422, 'the server rejected our request due to an error in our request', {
      reason: 'Invalid',
      details: {},
    });
  return result.value;
}
